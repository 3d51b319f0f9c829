//! Duplicates: rows that share a key or a recipient, and keys that look alike.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use uuid::Uuid;

use super::digest::keep_repeated;
use super::key_spelling::as_spreadsheet_leaves_it;
use super::problems::PROBLEM_LIMIT;
use super::report_builder::ReportBuilder;
use super::{Delivery, Mailing, Planned, delivery_key};
use crate::correspondence::identifier::masked;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem, Problems, as_seen, difference, nfc};
use crate::recipients::Row;
use crate::secret::redact;

impl Mailing {
    /// Reports rows that share a key as errors, each by name, and keys that look alike; of recipients who get several letters it reports the number and the first ones.
    pub(super) fn find_duplicates(&self, report: &mut ReportBuilder<'_>) -> Result<(), Problems> {
        let mut recipients = std::mem::take(&mut report.recipients);
        keep_repeated(&mut recipients);
        // A key depends on the resource. Where the letter did not compile and its resource is not constant, the keys are not known.
        if !self.is_whole && self.resource().is_none() {
            return Ok(());
        }
        // Pass 1 keeps 8 bytes of each key, which tell that there are candidates and not on which lines: then the file is read again, to compare and name them.
        let loose = std::mem::take(&mut report.loose_keys);
        let prints = report.checked.fingerprints.iter();
        let prints = prints.filter(|print| print.needs_own_key());
        let keys = || prints.clone().map(|print| print.key);
        let similar = similar_in(loose, keys());
        let mut repeated: Vec<u64> = keys().collect();
        keep_repeated(&mut repeated);
        if !similar.is_empty() || !repeated.is_empty() {
            let (similar, repeated) = self.name_duplicates(&similar, &repeated)?;
            report.extend(similar);
            report.extend(repeated);
        }
        if repeated.is_empty() {
            self.find_repeated_recipients(&recipients, report)?;
        }
        Ok(())
    }

    /// The idempotency key and the row key of a row whose letter could not be rendered, when its resource and its column tell them.
    pub(super) fn plain_key(&self, row: &Row) -> Option<(Uuid, String)> {
        let name = nfc(row.get(self.row_key?)).into_owned();
        let key = delivery_key(self.resource()?, &self.manifest().mailing, &name);
        (!name.trim().is_empty()).then_some((key, name))
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

    /// Reads the rows again to name those whose keys look alike, and those with the same key, both by the first 8 bytes of keys; at most [`PROBLEM_LIMIT`] of each.
    fn name_duplicates(
        &self,
        similar: &HashSet<u64>,
        repeated: &[u64],
    ) -> Result<(Vec<Problem>, Vec<Problem>), Problems> {
        let columns = match self.key_column() {
            Some(column) => vec![column],
            None => self.letter.recipient.columns(),
        };
        let mut known: HashMap<String, Vec<(String, u64)>> = HashMap::new();
        let mut first: HashMap<Uuid, u64> = HashMap::new();
        let (mut alike, mut same) = (Vec::new(), Vec::new());
        self.read_again(|planner, row| {
            let rendered = planner.plan(row);
            let place = || self.row_place(row.number, row.line, columns.iter().copied());
            if let Planned::Delivery(delivery) = &rendered
                && !similar.is_empty()
                && alike.len() < PROBLEM_LIMIT
            {
                // Both sides of a pair have this head: the changed key, and the key that is written that way already.
                let loose = as_spreadsheet_leaves_it(&delivery.name);
                if similar.contains(&self.key_head(delivery, &loose)) {
                    let others = known.entry(loose).or_default();
                    alike.extend(similar_key(others, &delivery.name, place));
                    others.push((delivery.name.clone(), row.line));
                }
            }
            let known = match rendered {
                Planned::Delivery(delivery) => Some((delivery.key, delivery.name)),
                // Errors of a row do not hide that it is a duplicate.
                Planned::Invalid(_) => self.plain_key(row),
                _ => None,
            };
            if let Some((key, name)) = known
                && same.len() < PROBLEM_LIMIT
                && repeated.binary_search(&key.as_u64_pair().0).is_ok()
            {
                // The whole key is compared here: two keys may share their first 8 bytes by chance.
                match first.entry(key) {
                    Entry::Occupied(line) => same.push(
                        Problem::error(place(), "another row has the same key")
                            .with_cause(format!("`{}` also stands on line {}", redact(&name), line.get()))
                            .with_hint("a key is one letter for all time: remove the row, or choose another `recipients.key`"),
                    ),
                    Entry::Vacant(new) => {
                        new.insert(row.line);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok((alike, same))
    }
}

/// The keys that may be one after a spreadsheet's changes, by their first 8 bytes after these changes: `loose` are the changed keys, `keys` all of them.
fn similar_in(mut loose: Vec<u64>, keys: impl Iterator<Item = u64>) -> HashSet<u64> {
    loose.sort_unstable();
    let mut similar: HashSet<u64> = keys
        .filter(|key| loose.binary_search(key).is_ok())
        .collect();
    keep_repeated(&mut loose);
    similar.extend(loose);
    similar
}

/// The problem of a key that resembles another; `None` when one of the others is equal, which is a duplicate and not a resemblance.
fn similar_key(
    others: &[(String, u64)],
    key: &str,
    place: impl FnOnce() -> Place,
) -> Option<Problem> {
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
    // Keys that look the same are certainly a mistake: each would be a letter of its own to the same person. What a spreadsheet may have done is a guess.
    Some(if same.is_some() {
        let difference =
            difference(other, key).unwrap_or("they differ in what a person does not see");
        Problem::error(place(), "another row has a key that looks the same")
            .with_cause(format!("{cause}: {difference}"))
            .with_hint("they are two keys, and would be two letters: write one of them otherwise, or take the row out")
    } else {
        Problem::warning(place(), "another row's key may be the same: spreadsheets take zeros away and make dates of keys")
            .with_cause(cause)
            .with_hint("if they are the same case, take one row out; export the column as text")
    })
}
