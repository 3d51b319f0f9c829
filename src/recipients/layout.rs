//! Faults of a whole file that its beginning shows, such as a wrong delimiter or a title above the header. They are reported once, and not as a fault of every row.

use std::borrow::Cow;

use super::dialect::{Delimiter, DelimiterScore};
use super::read_error::ReadError;
use super::records::{Record, Records};
use crate::correspondence::{InvalidRecipient, Recipient};
use crate::diagnostic::tidy;
use crate::text::is_unseen;

/// The number of records that are examined.
const RECORDS: usize = 50;

/// The first records of a file that are not blank, with their lines.
#[derive(Debug)]
pub(super) struct FirstRecords(Vec<(u64, Vec<String>)>);

/// Names the format of a text that is not delimited, judged by its beginning.
pub(super) fn not_delimited(start: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(start.get(..1000).unwrap_or(start));
    let text = text.trim_start_matches(is_unseen).to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    // Some systems export these formats under the name of a CSV or Excel file.
    if begins(&["<?xml", "<workbook", "<ss:"]) {
        Some("XML")
    } else if begins(&[
        "<!doctype",
        "<html",
        "<head",
        "<meta",
        "<table",
        "<body",
        "<style",
        "<!--",
        "<div",
    ]) {
        Some("a web page (HTML), whatever its name says")
    } else if begins(&["mime-version:"]) {
        Some("a web archive")
    } else if begins(&["[{", "{\"", "[[", "{\n", "{\r\n", "[\n", "[\r\n"]) {
        Some("JSON")
    } else if begins(&["id;p"]) && text.contains("\nc;") {
        Some("a spreadsheet in an old format (SYLK)")
    } else {
        None
    }
}

/// The error when a delimiter that is configured, or announced by the file, is certainly wrong.
pub(super) fn wrong_delimiter(start: &[u8], whole: bool, taken: Delimiter) -> Option<ReadError> {
    // The `sep=` line has no values.
    let begin = Delimiter::from_sep_line(start)
        .and_then(|_| start.iter().position(|byte| *byte == b'\n'))
        .map_or(0, |end| end + 1);
    let start = start.get(begin..).unwrap_or_default();
    let found = Delimiter::by_score(start, whole);
    let score = |delimiter| DelimiterScore::measure(start, delimiter, whole);
    if found == taken || !score(found).is_better_than(&score(taken)) {
        return None;
    }
    Some(ReadError::new(
        format!("the values of the file stand between {found}s, not {taken}s"),
        &format!(
            "write `delimiter: {found}` in the manifest, or take `delimiter` out of it, and a first line such as `sep=` out of the file"
        ),
    ))
}

impl FirstRecords {
    pub(super) fn read(start: &[u8], whole: bool, delimiter: Delimiter, skip: bool) -> Self {
        let cr_ends_lines = !start.contains(&b'\n');
        let mut records = Records::new(start, delimiter.byte(), cr_ends_lines);
        let (mut record, mut all) = (Record::default(), Vec::new());
        while all.len() <= RECORDS {
            match records.read(&mut record) {
                Ok(true) => {
                    let values: Vec<_> = record.values().collect();
                    if values.iter().any(|value| !is_blank(value)) {
                        all.push((record.line, values));
                    }
                }
                Ok(false) => break,
                Err(_) => {}
            }
        }
        if !whole && all.len() > 1 {
            // The last record may be incomplete.
            all.pop();
        }
        if skip && !all.is_empty() {
            all.remove(0);
        }
        Self(all)
    }

    /// The line of the header, when the first record is something else, such as a title or a date.
    pub(super) fn header_below(&self) -> Option<u64> {
        let ((_, first), rest) = self.0.split_first()?;
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
        let mut rows = self.0.iter().skip(1);
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
