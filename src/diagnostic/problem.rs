//! A problem with input, and a list of problems.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Source;

/// A problem with input. It is a value and not an `Err`, because loaders collect all of them.
///
/// Where its place is found out later, `P` is what is known of it until then.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem<P = Place> {
    pub severity: Severity,
    /// Altinn's code, when it is Altinn's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The order in which Altinn would report it; only for violations of Altinn's rules in a rendered letter.
    #[serde(rename = "first", skip_serializing_if = "Option::is_none")]
    pub precedence: Option<Precedence>,
    /// A lowercase fragment without the row's own values, so that equal problems of many rows can be counted together.
    pub message: String,
    pub place: P,
    /// The value that was found (cut, identity numbers masked), or the operating system's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The remedy, preferably a command to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Problems in the order they were found.
pub(crate) type Problems = Vec<Problem>;

/// The order in which Altinn would report an error among all of one letter: it answers only with what it finds first. The smallest of
/// several rows stands for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precedence {
    /// Altinn would report it first, and the letter's others when it is mended.
    First,
    /// Altinn would report it, and the letter has no other.
    Only,
    /// Altinn would report it only when others are mended.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The mailing is not sent while there is one.
    Error,
    /// The mailing is sent all the same.
    Warning,
}

/// The code Altinn itself would answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Refused by model validation (`STD-00000`), before any numbered rule.
    Model,
    /// A numbered rule: `errorCode`, as 1002.
    Altinn(u16),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A whole file, or one that could not be read.
    File(PathBuf),
    /// A part of a text file, as a byte range.
    Source {
        source: Arc<Source>,
        span: Range<usize>,
    },
    Row {
        file: PathBuf,
        /// The row's number, from 1: the first row after the header. `None` for the header, and for what could not be read as a row.
        row: Option<u64>,
        /// The line the row begins on, from 1 (the header is line 1).
        line: u64,
        /// The columns that the wrong value comes from.
        columns: Vec<String>,
    },
}

impl Source {
    pub fn place(self: &Arc<Self>, span: Range<usize>) -> Place {
        Place::Source {
            source: Arc::clone(self),
            span,
        }
    }
}

impl<P> Problem<P> {
    /// A problem with no code, cause or hint yet.
    pub fn new(severity: Severity, place: P, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: None,
            precedence: None,
            message: message.into(),
            place,
            cause: None,
            hint: None,
        }
    }

    pub fn error(place: P, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, message)
    }

    pub fn warning(place: P, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, message)
    }

    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn at<Q>(self, place: Q) -> Problem<Q> {
        Problem {
            severity: self.severity,
            code: self.code,
            precedence: self.precedence,
            message: self.message,
            place,
            cause: self.cause,
            hint: self.hint,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Problem {
    pub(super) fn row_line(&self) -> Option<u64> {
        match self.place {
            Place::Row { line, .. } => Some(line),
            Place::File(_) | Place::Source { .. } => None,
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        vec![problem]
    }
}

pub(crate) fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(Problem::is_error)
}

/// The number of different rows that problems are about: by line and not by row number, which damaged rows do not have.
pub(crate) fn count_rows<'p>(problems: impl IntoIterator<Item = &'p Problem>) -> usize {
    let lines = problems.into_iter().filter_map(Problem::row_line);
    lines.collect::<HashSet<_>>().len()
}

impl Severity {
    /// The word for it in the formats for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("STD-00000"),
            Self::Altinn(code) => write!(f, "{code}"),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Precedence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `first` is true for `Only` too: it is what Altinn would answer with.
        serializer.serialize_bool(*self != Self::Later)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.location();
        // `file:line` is what terminals and editors turn into a link.
        f.write_str(&at.file)?;
        if let Some(line) = at.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = at.column {
            write!(f, ":{column}")?;
        }
        match at.columns() {
            columns if columns.is_empty() => Ok(()),
            columns => write!(f, " (column {columns})"),
        }
    }
}
