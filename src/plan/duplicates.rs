//! Duplicates: rows that share a key or a recipient, and keys that look alike.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::findings::owned;
use super::key_spelling::{as_seen, as_spreadsheet_leaves_it};
use super::planner::RowPlanner;
use super::problems::PROBLEM_LIMIT;
use super::report_builder::ReportBuilder;
use super::{Delivery, Mailing, Planned, delivery_key};
use crate::correspondence::identifier::masked;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem, Problems, difference};
use crate::recipients::Row;
use crate::secret::redact;

impl Mailing {
    /// Reports rows that share a key as errors, each by name; of recipients who get several letters it reports the number.
    pub(super) fn find_duplicates(&self, report: &mut ReportBuilder<'_>) -> Result<(), Problems> {
        let repeated = repeated_in(std::mem::take(&mut report.recipients)).len();
        let letters = report.checked.fingerprints.iter();
        let keys = letters.filter(|print| print.is_letter());
        let repeated_keys: HashSet<u64> = repeated_in(keys.map(|print| print.key).collect())
            .into_iter()
            .collect();
        // A key depends on the resource. Where the letter did not compile and its resource is not constant, the keys are not known.
        if !self.is_whole && self.resource().is_none() {
            return Ok(());
        }
        self.find_similar_keys(report)?;
        if !repeated_keys.is_empty() {
            report.extend(self.name_duplicates(&repeated_keys)?);
        } else if repeated > 0 {
            // With keys of their own, several letters to one recipient may be meant: a warning without the rows.
            let place = Place::File(self.rows_file());
            report.push(
                Problem::warning(
                    place,
                    if repeated == 1 {
                        "1 letter goes to a recipient who gets another one too".to_owned()
                    } else {
                        format!("{repeated} letters go to a recipient who gets another one too")
                    },
                )
                .with_hint("each row has a key of its own, so all of them are sent"),
            );
        }
        Ok(())
    }

    /// The first 8 bytes of the idempotency key that the letter would have after a spreadsheet took its row key for a number or a date; `None` when that
    /// changes nothing.
    pub(super) fn loose_key(&self, delivery: &Delivery) -> Option<u64> {
        self.row_key?;
        let loose = as_spreadsheet_leaves_it(&delivery.name);
        (loose != delivery.name).then(|| self.key_head(delivery, &loose))
    }

    /// The first 8 bytes of the idempotency key for a row key, as fingerprints have it.
    fn key_head(&self, delivery: &Delivery, row_key: &str) -> u64 {
        let resource = &delivery.request.correspondence.resource_id;
        let mailing = &self.manifest().mailing;
        delivery_key(resource, mailing, row_key).as_u64_pair().0
    }

    /// Reports keys that differ in writing but look the same to a person: each would be a letter of its own to the same person.
    fn find_similar_keys(&self, report: &mut ReportBuilder<'_>) -> Result<(), Problems> {
        let mut loose = std::mem::take(&mut report.loose_keys);
        loose.sort_unstable();
        // Candidates come from 8 bytes of each key, without a second look at the file; only when there are any is it read again, to compare and name them.
        let letters = report.checked.fingerprints.iter();
        let keys = letters
            .filter(|print| print.is_letter())
            .map(|print| print.key);
        let mut similar: HashSet<u64> = keys
            .filter(|key| loose.binary_search(key).is_ok())
            .collect();
        similar.extend(repeated_in(loose));
        if similar.is_empty() {
            return Ok(());
        }
        let mut rows = self.open_rows()?;
        let (mut row, mut planner) = (Row::default(), RowPlanner::new(self));
        let mut known: HashMap<String, Vec<(String, u64)>> = HashMap::new();
        let mut count = 0;
        while let Some(read) = rows.read(&mut row) {
            let (Ok(()), Planned::Delivery(delivery)) = (read, planner.plan(&row)) else {
                continue;
            };
            // Both sides of a pair have this head: the changed key, and the key that is written that way already.
            let loose = as_spreadsheet_leaves_it(&delivery.name);
            if !similar.contains(&self.key_head(&delivery, &loose)) {
                continue;
            }
            let others = known.entry(loose).or_default();
            let found = similar_key(others, &delivery.name);
            if let Some((message, hint, cause)) = found {
                let place = self.row_place(
                    &row,
                    self.row_key
                        .and_then(|column| self.headers().get(column))
                        .map(String::as_str)
                        .into_iter()
                        .collect(),
                );
                // Keys that look the same are certainly a mistake. What a spreadsheet may have done is a guess, and only a warning.
                let problem = if message == SEEN_THE_SAME {
                    Problem::error(place, message)
                } else {
                    Problem::warning(place, message)
                };
                report.push(problem.with_cause(cause).with_hint(hint));
                count += 1;
                if count >= PROBLEM_LIMIT {
                    break;
                }
            }
            others.push((delivery.name.clone(), row.line));
        }
        Ok(())
    }

    /// Reads the rows again to name those that share a key. Pass 1 keeps 8 bytes of each key, which tell that there are some and not on which lines.
    fn name_duplicates(&self, repeated_keys: &HashSet<u64>) -> Result<Vec<Problem>, Problems> {
        let columns: Vec<String> = match self.row_key {
            Some(column) => self.headers().get(column).cloned().into_iter().collect(),
            None => owned(self.letter.recipient.columns()),
        };
        let mut rows = self.open_rows()?;
        let (mut row, mut planner) = (Row::default(), RowPlanner::new(self));
        let mut first: HashMap<Uuid, u64> = HashMap::new();
        let mut problems = Vec::new();
        while let Some(read) = rows.read(&mut row) {
            let (Ok(()), Planned::Delivery(delivery)) = (read, planner.plan(&row)) else {
                continue;
            };
            if !repeated_keys.contains(&delivery.key.as_u64_pair().0) {
                continue;
            }
            if problems.len() >= PROBLEM_LIMIT {
                break;
            }
            // The whole key is compared here: two keys may share their first 8 bytes by chance.
            if let Some(line) = first.get(&delivery.key) {
                let place = Place::Row {
                    file: self.rows_file(),
                    row: Some(row.number),
                    line: row.line,
                    columns: columns.clone(),
                };
                problems.push(
                    Problem::error(place, "another row has the same key")
                        .with_cause(format!("`{}` also stands on line {line}", redact(&delivery.name)))
                        .with_hint("a key is one letter for all time: remove the row, or choose another `recipients.key`"),
                );
            } else {
                first.insert(delivery.key, row.line);
            }
        }
        Ok(problems)
    }
}

const SEEN_THE_SAME: &str = "another row has a key that looks the same";

/// The message, the hint and the cause for a key that resembles another; `None` when one of the others is equal, which is a duplicate and not a resemblance.
fn similar_key(
    others: &[(String, u64)],
    key: &str,
) -> Option<(&'static str, &'static str, String)> {
    if others.iter().any(|(other, _)| other == key) {
        return None;
    }
    let same = others
        .iter()
        .find(|(other, _)| as_seen(other) == as_seen(key));
    let (other, line) = same.or_else(|| others.first())?;
    let cause = format!(
        "{}, and {} on line {line}",
        excerpt(&masked(key)),
        excerpt(&masked(other))
    );
    Some(match same {
        Some(_) => {
            let difference =
                difference(other, key).unwrap_or("they differ in what a person does not see");
            (
                SEEN_THE_SAME,
                "they are two keys, and would be two letters: write one of them otherwise, or take the row out",
                format!("{cause}: {difference}"),
            )
        }
        None => (
            "another row's key may be the same: spreadsheets take zeros away and make dates of keys",
            "if they are the same case, take one row out; export the column as text",
            cause,
        ),
    })
}

/// Every repeated number, as often as it is repeated.
fn repeated_in(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    let pairs = numbers.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
}
