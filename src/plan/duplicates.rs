//! Rows that share a key or a recipient.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::findings::owned;
use super::planner::RowPlanner;
use super::problems::PROBLEM_LIMIT;
use super::report_builder::ReportBuilder;
use super::{Mailing, Planned};
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::Row;
use crate::secret::redact;

impl Mailing {
    /// Rows that share a key are errors, each named; recipients who get several letters are counted.
    pub(super) fn find_duplicates(&self, report: &mut ReportBuilder<'_>) -> Result<(), Problems> {
        let repeated = repeated_in(std::mem::take(&mut report.recipients)).len();
        let letters = report.checked.fingerprints.iter();
        let keys = letters.filter(|print| print.is_letter());
        let twice: HashSet<u64> = repeated_in(keys.map(|print| print.key).collect())
            .into_iter()
            .collect();
        // Without the letter only its constant resource is known, and keys differ between resources.
        if !self.is_whole && self.resource().is_none() {
            return Ok(());
        }
        if !twice.is_empty() {
            report.extend(self.name_duplicates(&twice)?);
        } else if repeated > 0 {
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

    /// Reads the rows once more to name those that share a key; only when there are any.
    fn name_duplicates(&self, twice: &HashSet<u64>) -> Result<Vec<Problem>, Problems> {
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
            if !twice.contains(&delivery.key.as_u64_pair().0) {
                continue;
            }
            if problems.len() >= PROBLEM_LIMIT {
                break;
            }
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

/// Every number that stands there again, once for each time.
fn repeated_in(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    let pairs = numbers.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
}
