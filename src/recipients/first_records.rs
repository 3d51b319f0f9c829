//! The first records of a file, from which its delimiter is detected and its header judged.

use std::borrow::Cow;

use super::records::{ErrorKind, Record, Records};
use crate::correspondence::{InvalidRecipient, Recipient};
use crate::diagnostic::tidy;
use crate::text::is_unseen;

const RECORDS: usize = 50;

/// The first records of a file that are not blank.
#[derive(Debug)]
pub(super) struct FirstRecords {
    /// The values of each, with its line.
    pub(super) records: Vec<(u64, Vec<String>)>,
    /// The number of misplaced quotation marks.
    pub(super) marks: usize,
}

impl FirstRecords {
    /// Reads the records at the beginning of a file (in UTF-8). `whole` is true when the file ends there; otherwise the last record may be incomplete and is ignored. The first
    /// `skip` records are left out.
    pub(super) fn read(start: &[u8], whole: bool, delimiter: u8, skip: usize) -> Self {
        let cr_ends_lines = !start.contains(&b'\n');
        let mut reader = Records::new(start, delimiter, cr_ends_lines);
        let (mut record, mut records, mut marks) = (Record::default(), Vec::new(), 0);
        while records.len() <= RECORDS {
            match reader.read(&mut record) {
                Ok(true) => {
                    let values: Vec<_> = record.values().collect();
                    if values.iter().any(|value| !is_blank(value)) {
                        records.push((record.line, values));
                        marks += record.loose_quotes;
                    }
                }
                Ok(false) => break,
                // A lone carriage return is a fault with any delimiter.
                Err(error) => marks += usize::from(!matches!(error.kind, ErrorKind::LoneReturn)),
            }
        }
        if (!whole || records.len() > RECORDS) && records.len() > 1 {
            records.pop();
        }
        let records = records.split_off(skip.min(records.len()));
        Self { records, marks }
    }

    /// The line of the header, when the first record is something else, such as a title or a date.
    pub(super) fn header_below(&self) -> Option<u64> {
        let ((_, first), rest) = self.records.split_first()?;
        // A title or date fills fewer cells than the header below it.
        let few = filled(first);
        let (at, (line, _)) = rest.iter().enumerate().find(|(_, (_, values))| {
            let count = filled(values);
            count > few && count > 1 && count == width(values) && is_header_like(values)
        })?;
        let (_, header) = rest.get(at)?;
        let below = rest.get(at + 1..).unwrap_or_default();
        let covers = below
            .iter()
            .all(|(_, values)| width(values) <= width(header));
        // Without any row below it, the first line may as well be the header and this one a row.
        (covers && !below.is_empty()).then_some(*line)
    }

    /// The first line after the header with a value in `column` (from 0).
    pub(super) fn line_with(&self, column: usize) -> Option<u64> {
        let mut rows = self.records.iter().skip(1);
        let found =
            rows.find(|(_, values)| values.get(column).is_some_and(|value| !is_blank(value)));
        found.map(|(line, _)| *line)
    }
}

fn is_blank(value: &str) -> bool {
    value.chars().all(is_unseen)
}

fn filled(values: &[String]) -> usize {
    values.iter().filter(|value| !is_blank(value)).count()
}

/// The number of values, without the empty ones at the end.
fn width(values: &[String]) -> usize {
    values
        .iter()
        .rposition(|value| !is_blank(value))
        .map_or(0, |last| last + 1)
}

/// True for values that may be the names of columns: all different, and none of them a number or an e-mail address.
fn is_header_like(values: &[String]) -> bool {
    let mut names: Vec<_> = values.iter().map(|value| tidy(value)).collect();
    names.retain(|name| !name.is_empty());
    let count = names.len();
    let like_name = |name: &Cow<'_, str>| {
        let number = name.chars().filter(char::is_ascii_digit).count() >= 5;
        let names_no_one = matches!(
            Recipient::parse(name),
            Err(InvalidRecipient::Unknown
                | InvalidRecipient::Blanks { .. }
                | InvalidRecipient::Empty)
        );
        !number && names_no_one && !name.contains('@')
    };
    let all = names.iter().all(like_name);
    names.sort();
    names.dedup();
    all && names.len() == count
}
