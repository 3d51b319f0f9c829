//! The errors of reading a recipients file, before they get their place.

use std::io;
use std::path::Path;

use super::records::{ErrorKind, ROW_LIMIT};
use crate::diagnostic::{Place, Problem};
use crate::text::count;

/// An error before it gets its place. It may have the line that shows an error of the whole file.
pub(super) type ReadError = Problem<Option<u64>>;

pub(super) fn read_error(message: impl Into<String>, hint: impl Into<String>) -> ReadError {
    Problem::error(None, message).with_hint(hint)
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::InvalidInput => {
                "write the rows into a file: a device or a pipe cannot be read twice"
            }
            _ => {
                "look at `recipients` in the manifest; its files are relative to the manifest's folder"
            }
        };
        read_error("the file cannot be read", hint).with_cause(error.to_string())
    }
}

impl ReadError {
    /// The error when the file is not delimited text.
    pub(super) fn foreign(what: &str) -> Self {
        read_error(
            format!("the file is {what}, not CSV"),
            "save it as \u{ab}CSV UTF-8\u{bb} in the spreadsheet program",
        )
    }

    pub(super) fn record(kind: &ErrorKind, value_line: u64) -> Self {
        const TWICE: &str = "a quotation mark that belongs to a text is written twice (`\"\"`), in a value that stands between quotation marks";
        let error = match kind {
            ErrorKind::Io(error) => read_error(
                "the recipients file cannot be read on from here",
                "try again",
            )
            .with_cause(error.to_string()),
            ErrorKind::Endless => read_error(
                format!(
                    "the row has more than {ROW_LIMIT} bytes; the rest of the file was not read"
                ),
                "look for a quotation mark that is never closed; one that belongs to a text is written twice (`\"\"`)",
            ),
            ErrorKind::Unclosed => read_error(
                "a quotation mark is never closed: the value would take in all rows after it",
                "close it, or write it twice (`\"\"`) when it belongs to the text",
            ),
            ErrorKind::BlankAfterQuote(_) => read_error(
                "blanks follow the quotation mark that closes a value",
                "remove them: the delimiter comes right after the quotation mark",
            ),
            ErrorKind::TextAfterQuote(_) => read_error(
                "text follows the quotation mark that closes a value",
                format!("look for a quotation mark too many or too few: {TWICE}"),
            ),
            ErrorKind::EscapedQuote(_) => read_error(
                "a quotation mark inside a value is written `\\\"`",
                format!("write `\"\"`: {TWICE}, not with a backslash"),
            ),
            ErrorKind::BlankBeforeQuote => read_error(
                "blanks stand before the quotation mark that opens a value",
                "remove them: a value is quoted when the quotation mark is its first character",
            ),
            ErrorKind::LoneReturn => read_error(
                "a carriage return stands in the row: the file's lines do not all end in the same way",
                "two rows may have become one here: save the file again, or write the line break that is missing",
            ),
        };
        match kind {
            // Named only when it is not the line of the problem itself.
            ErrorKind::BlankAfterQuote(line)
            | ErrorKind::TextAfterQuote(line)
            | ErrorKind::EscapedQuote(line)
                if *line != value_line =>
            {
                let cause = format!("the quotation mark that opens it is closed on line {line}");
                error.with_cause(cause)
            }
            _ => error,
        }
    }

    /// The error when a quoted value holds a line that is a row of its own.
    pub(super) fn swallowed_row() -> Self {
        read_error(
            "a value holds another row of the file",
            "look for a quotation mark too many or too few: everything up to the next one is read as one value",
        )
    }

    /// The error when a row has too few or too many values. `breaks` is the number of line breaks inside the row, `entity` an HTML character in it that the delimiter
    /// ends.
    pub(super) fn width(
        columns: usize,
        found: usize,
        line: u64,
        breaks: u64,
        entity: Option<&str>,
    ) -> Self {
        let hint = if let Some(entity) = entity {
            format!(
                "`{entity};` is a letter as web pages write it, and its semicolon is read as the delimiter: write the letter itself"
            )
        } else if breaks > 0 {
            format!(
                "the row goes from line {line} to line {}: look for a quotation mark too many or too few",
                line + breaks
            )
        } else if found > columns {
            "a value that holds the delimiter must stand in quotation marks".to_owned()
        } else {
            "fill in the missing values, or leave them empty between delimiters".to_owned()
        };
        let (values, columns) = (count(found, "value"), count(columns, "column"));
        read_error(
            format!("the row has {values}, but the header has {columns}"),
            hint,
        )
    }

    pub(super) fn in_file(self, file: &Path) -> Problem {
        let file = file.to_owned();
        let place = match self.place {
            Some(line) => Place::Row {
                file,
                row: None,
                line,
                columns: Vec::new(),
            },
            None => Place::File(file),
        };
        self.at(place)
    }
}
