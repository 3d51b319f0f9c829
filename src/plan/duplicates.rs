//! Rows that share a key or a recipient.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::findings::owned;
use super::{Checked, Mailing, Planned};
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::Row;
use crate::secret::redact;

impl Mailing {
    /// Rows that share a key are errors, each named; recipients who get several letters are counted.
    pub(super) fn find_duplicates(
        &mut self,
        checked: &mut Checked,
        mut recipients: Vec<u64>,
    ) -> Result<(), Problems> {
        recipients.sort_unstable();
        let repeated = recipients
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .count();
        drop(recipients);
        let mut keys: Vec<u64> = checked
            .fingerprints
            .iter()
            .filter(|print| print.is_letter())
            .map(|print| print.key)
            .collect();
        keys.sort_unstable();
        let twice: HashSet<u64> = keys
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        if !twice.is_empty() {
            checked.problems.extend(self.name_duplicates(&twice)?);
        } else if repeated > 0 {
            let place = Place::File(self.rows_file());
            checked.problems.push(
                Problem::warning(
                    place,
                    format!("{repeated} letters go to a recipient who gets another one too"),
                )
                .with_hint("each row has a key of its own, so all of them are sent"),
            );
        }
        Ok(())
    }

    /// Reads the rows once more to name those that share a key; only when there are any.
    fn name_duplicates(&mut self, twice: &HashSet<u64>) -> Result<Vec<Problem>, Problems> {
        let columns: Vec<String> = match self.row_key {
            Some(column) => self.headers().get(column).cloned().into_iter().collect(),
            None => owned(self.letter.recipient.columns()),
        };
        let mut rows = self.open_rows()?;
        let mut row = Row::default();
        let mut first: HashMap<Uuid, u64> = HashMap::new();
        let mut problems = Vec::new();
        while let Some(read) = rows.read(&mut row) {
            let (Ok(()), Planned::Delivery(delivery)) = (read, self.plan_row(&row)) else {
                continue;
            };
            if !twice.contains(&delivery.key.as_u64_pair().0) {
                continue;
            }
            if let Some(line) = first.get(&delivery.key) {
                let place = Place::Row {
                    file: self.rows_file(),
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
