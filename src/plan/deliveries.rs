//! Pass 2: an iterator that renders the rows of a checked mailing again, one at a time.

use thiserror::Error;

use super::fingerprint::Fingerprint;
use super::planner::RowPlanner;
use super::{CheckReport, Mailing, Planned, Selection};
use crate::diagnostic::{Problems, has_errors};
use crate::recipients::{Row, Rows};

/// An input changed between the check and the send: what was checked is not what would be sent.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("row {row} on line {line} is no longer what was checked: a file changed during the run")]
pub(crate) struct InputChanged {
    pub row: u64,
    pub line: u64,
}

/// The letters of a checked mailing, in row order. A row whose key or content differs from pass 1 is an error.
pub(crate) struct Deliveries<'a> {
    pub(super) planner: RowPlanner<'a>,
    checked: &'a CheckReport,
    wanted: Selection,
    rows: Rows,
    /// The row read last.
    pub(super) row: Row,
    /// The position of the row to be read next, from 0.
    at: usize,
}

impl<'a> Deliveries<'a> {
    /// Opens the rows for a second pass, with the letters of the `wanted` rows; those of other rows are passed over without being rendered. Rows that get no letter
    /// are returned all the same. A mailing with errors is refused with its problems.
    pub(crate) fn new(
        mailing: &'a Mailing,
        checked: &'a CheckReport,
        wanted: Selection,
    ) -> Result<Self, Problems> {
        if has_errors(&checked.problems) {
            return Err(checked.problems.clone());
        }
        Ok(Self {
            planner: RowPlanner::new(mailing, Some(checked)),
            checked,
            wanted,
            rows: mailing.open_rows()?,
            row: Row::default(),
            at: 0,
        })
    }

    /// Reads past rows that need no work, at most `limit` of them; `passed` has an entry for each row, by position. Returns true when there may be more. These
    /// rows are neither rendered nor compared with what was checked.
    pub(crate) fn pass_over(&mut self, passed: &[bool], limit: usize) -> bool {
        for _ in 0..limit {
            if !passed.get(self.at).is_some_and(|passed| *passed) {
                return false;
            }
            // Damage since the check is reported by the next row that is to be sent, or at the end of the file.
            if self.rows.read(&mut self.row).is_none() {
                return false;
            }
            self.at += 1;
        }
        true
    }
}

impl Iterator for Deliveries<'_> {
    type Item = Result<Planned, InputChanged>;

    fn next(&mut self) -> Option<Self::Item> {
        let prints = &self.checked.fingerprints;
        let read = self.rows.read(&mut self.row);
        let Row { number, line, .. } = self.row;
        let changed = |row, line| InputChanged { row, line };
        let expected = match (read, prints.get(self.at)) {
            (Some(Ok(())), Some(expected)) => expected,
            (None, None) => return None,
            // A file that has become shorter has changed too. The position moves to the end, so that it is reported once.
            (None, Some(_)) => {
                self.at = prints.len();
                return Some(Err(changed(number + 1, line + 1)));
            }
            // So has a file that has become longer, or a row that cannot be read any more.
            (Some(_), _) => return Some(Err(changed(number, line))),
        };
        self.at += 1;
        // A row without a letter is planned even when it is not wanted: the run records every skipped row.
        if expected.is_letter() && !self.wanted.contains(self.row.number) {
            return Some(Ok(Planned::LeftOut));
        }
        let planned = self.planner.plan(&self.row);
        Some(if Fingerprint::from_planned(&planned) == *expected {
            Ok(planned)
        } else {
            Err(changed(number, line))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::super::{Digest, MailingOptions, check};
    use super::*;
    use crate::manifest;

    const MANIFEST: &str = r#"
version: 1
mailing: small
environment: tt02
recipients: { file: rows.csv, key: case, recipient: "{{ org }}" }
correspondence:
  resourceId: example-advice
  sendersReference: "{{ case }}"
  content: { messageTitle: Hello, messageBody: "Dear {{ name }}, BODY." }
"#;

    fn folder(body: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = MANIFEST.replace("BODY", body);
        fs::write(folder.path().join("mailing.yaml"), manifest).unwrap();
        write_rows(&folder, &["Aud,1", "Bo,2", "Cato,3"]);
        folder
    }

    fn write_rows(folder: &TempDir, rows: &[&str]) {
        let rows = rows.iter().map(|row| format!("310244007,{row}\n"));
        let text: String = std::iter::once("org,name,case\n".to_owned())
            .chain(rows)
            .collect();
        fs::write(folder.path().join("rows.csv"), text).unwrap();
    }

    /// The mailing as it is when it is first sent at `began`, checked; the digests of its letters.
    fn checked(folder: &TempDir, began: &str) -> (Mailing, CheckReport, Vec<Digest>) {
        let loaded = manifest::load(&folder.path().join("mailing.yaml")).unwrap();
        let began: Timestamp = began.parse().unwrap();
        let options = MailingOptions {
            production: false,
            began,
        };
        let mailing = Mailing::open(loaded, options).unwrap();
        let mut letters = Vec::new();
        let report = check(&mailing, began, &mut |letter| letters.push(letter.digest));
        (mailing, report.unwrap(), letters)
    }

    #[test]
    fn a_part_of_the_mailing_is_held_to_what_was_checked_too() {
        let folder = folder("case {{ case }} is open");
        let (mailing, report, _) = checked(&folder, "2026-11-02T08:00:00Z");
        let changed = |row| {
            let row = Selection::from_rows([row]);
            let mut deliveries = Deliveries::new(&mailing, &report, row).unwrap();
            deliveries.find_map(Result::err).map(|changed| changed.row)
        };
        assert_eq!(changed(2), None);
        write_rows(&folder, &["Aud,1", "Bob,2", "Cato,3"]);
        assert_eq!(changed(2), Some(2));
        assert_eq!(changed(1), None, "row 2 was not asked for");
        write_rows(&folder, &["Aud,1", "Cato,3"]);
        assert_eq!(changed(1), Some(3), "a row is missing at the end");
        assert_eq!(changed(2), Some(2), "another row stands there");
    }

    #[test]
    fn an_approval_of_yesterday_is_good_today() {
        let folder = folder("pay before {{ now() | plus(days=14) }}");
        let (_, report, letters) = checked(&folder, "2026-11-02T08:00:00Z");
        let (_, later_report, later_letters) = checked(&folder, "2026-11-03T08:00:00Z");
        assert_eq!(letters.len(), 3);
        assert_ne!(letters, later_letters);
        assert_eq!(report.plan, later_report.plan);
    }
}
