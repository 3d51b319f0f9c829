//! A problem with input, and a list of problems.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::Source;

/// A problem with input. It is a value and not an `Err`, because loaders collect all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// Altinn's code, when it is Altinn's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The order in which Altinn would report it; only for violations of Altinn's rules in a rendered letter.
    #[serde(rename = "first", skip_serializing_if = "Option::is_none")]
    pub precedence: Option<Precedence>,
    /// A lowercase fragment without the row's own values, so that equal problems of many rows can be counted together.
    pub message: String,
    pub place: Place,
    /// The value that was found (cut, identity numbers masked), or the operating system's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The remedy, preferably a command to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// The place of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A whole file, or one that could not be read.
    File(PathBuf),
    /// A part of a text file, as a byte range.
    Source {
        source: Arc<Source>,
        span: Range<usize>,
    },
    /// A row of the recipients file.
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
    /// A place in this text.
    pub fn place(self: &Arc<Self>, span: Range<usize>) -> Place {
        Place::Source {
            source: Arc::clone(self),
            span,
        }
    }
}

impl Problem {
    /// An error with no code, cause or hint yet.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: None,
            place,
            message: message.into(),
            cause: None,
            hint: None,
            precedence: None,
        }
    }

    /// A warning with no code, cause or hint yet.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The line of the row that it is about.
    pub(super) fn row_line(&self) -> Option<u64> {
        match self.place {
            Place::Row { line, .. } => Some(line),
            Place::File(_) | Place::Source { .. } => None,
        }
    }
}

/// The number of different rows that problems are about: by line and not by row number, which damaged rows do not have.
pub(super) fn count_rows<'p>(problems: impl IntoIterator<Item = &'p Problem>) -> usize {
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

/// Problems in the order they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// The number of errors and the number of warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.0.iter().filter(|problem| problem.is_error()).count();
        (errors, self.0.len() - errors)
    }

    /// The number of rows that have an error, however many each has.
    pub fn rows_with_errors(&self) -> usize {
        count_rows(self.0.iter().filter(|problem| problem.is_error()))
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Problem::is_error)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut Problem> {
        self.0.get_mut(index)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
