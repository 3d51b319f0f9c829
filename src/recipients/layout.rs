//! Faults of a whole file that its beginning shows, such as a wrong delimiter. They are reported once, and not as a fault of every row.

use super::dialect::{Delimiter, DelimiterScore};
use super::first_records::FirstRecords;
use super::read_error::{ReadError, read_error};
use crate::text::is_unseen;

/// Formats that some systems export under the name of a CSV or Excel file: with what they begin, in lower case, and their names.
const FORMATS: [(&str, &str); 4] = [
    ("<?xml <workbook <ss:", "XML"),
    (
        "<!doctype <html <head <meta <table <body <style <!-- <div",
        "a web page (HTML), whatever its name says",
    ),
    ("mime-version:", "a web archive"),
    ("[{ {\" [[ {\n {\r\n [\n [\r\n", "JSON"),
];

/// Names the format of a text that is not delimited, judged by its beginning.
pub(super) fn not_delimited(start: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(start.get(..1000).unwrap_or(start));
    let text = text.trim_start_matches(is_unseen).to_ascii_lowercase();
    let begins = |words: &str| words.split(' ').any(|word| text.starts_with(word));
    let known = FORMATS.iter().find(|(words, _)| begins(words));
    let is_sylk = text.starts_with("id;p") && text.contains("\nc;");
    known
        .map(|(_, name)| *name)
        .or(is_sylk.then_some("a spreadsheet in an old format (SYLK)"))
}

/// The error when the header is one value that holds the names of several columns, or is divided by another delimiter than the rows. `first` was read with the
/// delimiter `taken`; the first `skip` records of `start` are left out.
pub(super) fn wrong_header(
    start: &[u8],
    whole: bool,
    skip: usize,
    taken: Delimiter,
    first: &FirstRecords,
) -> Option<ReadError> {
    let ((line, header), rows) = first.records.split_first()?;
    let width = header.len();
    if rows.is_empty() || first.header_below().is_some() {
        return None;
    }
    let text = header.first()?;
    let sign = |delimiter: Delimiter| char::from(delimiter.byte());
    let inside = Delimiter::ALL.map(|delimiter| (text.split(sign(delimiter)).count(), delimiter));
    let (names, between) = match width {
        1 => inside.into_iter().max_by_key(|(names, _)| *names)?,
        _ => (width, taken),
    };
    let mut values = rows.iter().filter_map(|(_, values)| values.first());
    let is_one = width == 1 && rows.iter().all(|(_, values)| values.len() == 1);
    let error = if is_one && names > 1 && values.clone().all(|value| value.contains(sign(between)))
    {
        read_error(
            "every line stands in quotation marks as a whole, and is one value",
            "save the file again from where it came from, or take these quotation marks out",
        )
    } else if is_one && text.trim().contains("  ") && values.any(|value| value.contains("  ")) {
        read_error(
            "the columns of the file have fixed widths, and no delimiter stands between them",
            "open it in a spreadsheet program, which divides it by widths, and save it as \u{ab}CSV UTF-8\u{bb}",
        )
    } else {
        let fits = |delimiter: &Delimiter| {
            let read = FirstRecords::read(start, whole, delimiter.byte(), skip);
            let mut widths = read.records.iter().map(|(_, values)| values.len());
            // The header has none of them. A misplaced quotation mark says that rows were not read.
            read.marks == 0 && widths.next() == Some(1) && widths.all(|width| width == names)
        };
        if names < 2 || rows.iter().any(|(_, values)| values.len() == width) {
            return None;
        }
        let other = Delimiter::ALL.into_iter().find(fits)?;
        read_error(
            format!(
                "the names in the header stand between {between}s, the values of the rows between {other}s"
            ),
            format!("write the header with {other}s too"),
        )
    };
    Some(error.at(Some(*line)))
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
    Some(read_error(
        format!("the values of the file stand between {found}s, not {taken}s"),
        format!(
            "write `delimiter: {found}` in the manifest, or take `delimiter` out of it, and a first line such as `sep=` out of the file"
        ),
    ))
}
