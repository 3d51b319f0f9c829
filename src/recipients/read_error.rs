//! What is wrong with a recipients file, before it has a place.

use std::io;

use super::rows::ROW_LIMIT;
use crate::diagnostic::{Place, Problem};

/// What is wrong, why, and what to do.
#[derive(Debug)]
pub(super) struct ReadError {
    message: String,
    cause: Option<String>,
    hint: String,
}

impl ReadError {
    pub(super) fn new(message: impl Into<String>, hint: &str) -> Self {
        Self {
            message: message.into(),
            cause: None,
            hint: hint.to_owned(),
        }
    }

    /// The file cannot be read at all.
    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self {
            cause: Some(error.to_string()),
            ..Self::new(
                "the recipients file cannot be read",
                "look at `recipients.file` in the manifest; it is relative to the manifest's folder",
            )
        }
    }

    /// Reading failed on the way.
    pub(super) fn broken(error: &csv::Error) -> Self {
        Self {
            cause: Some(error.to_string()),
            ..Self::new(
                "the recipients file cannot be read on from here",
                "try again",
            )
        }
    }

    /// A row is longer than any row is.
    pub(super) fn endless() -> Self {
        Self::new(
            format!("the row has more than {ROW_LIMIT} bytes; the rest of the file was not read"),
            "look for a quotation mark that is never closed; one that belongs to a text is written twice (`\"\"`)",
        )
    }

    /// The file ends inside a quotation mark.
    pub(super) fn open_quote() -> Self {
        Self::new(
            "a quotation mark is never closed: the rest of the file was read as one value",
            "close it, or write it twice (`\"\"`) when it belongs to the text",
        )
    }

    /// A row has too few or too many values; it covers `breaks` lines more than one.
    pub(super) fn width(columns: usize, found: usize, line: u64, breaks: u64) -> Self {
        let hint = if breaks > 0 {
            format!(
                "the row goes from line {line} to line {}: look for a quotation mark too many or too few",
                line + breaks
            )
        } else if found > columns {
            "a value that holds the delimiter must stand in quotation marks".to_owned()
        } else {
            "fill in the missing values, or leave them empty between delimiters".to_owned()
        };
        Self {
            message: format!(
                "the row has {}, but the header has {}",
                counted(found, "value"),
                counted(columns, "column")
            ),
            cause: None,
            hint,
        }
    }

    /// The problem, at its place.
    pub(super) fn at(self, place: Place) -> Problem {
        let problem = Problem::error(place, self.message).with_hint(self.hint);
        match self.cause {
            Some(cause) => problem.with_cause(cause),
            None => problem,
        }
    }
}

fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}
