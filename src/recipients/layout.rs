//! Faults of a whole file that its beginning shows, such as a wrong delimiter. They are reported once, and not as a fault of every row.

use super::dialect::{Delimiter, DelimiterScore};
use super::read_error::ReadError;
use crate::text::is_unseen;

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
        format!(
            "write `delimiter: {found}` in the manifest, or take `delimiter` out of it, and a first line such as `sep=` out of the file"
        ),
    ))
}
