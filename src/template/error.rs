//! The errors of templates.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::correspondence::text::excerpt;
use crate::diagnostic::Source;

/// A mistake in a template, found when it is compiled or rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateError {
    /// The JSON pointer of the value that is or names the template.
    pub pointer: String,
    /// The text of the template, when the place in it is known. It has a path when the template has a file of its own.
    pub source: Option<Arc<Source>>,
    /// The place of the mistake as a range of bytes in the template's text; empty when unknown.
    pub span: Range<usize>,
    /// The file, when the mistake concerns the whole of it.
    pub(crate) file: Option<PathBuf>,
    /// The mistake, without values of the row, so that equal mistakes of many rows can be grouped.
    pub message: String,
    /// The value that was found, shortened, with identity numbers masked.
    pub cause: Option<String>,
    pub hint: Option<String>,
    /// True when the template is wrong for every row: it does not compile, or it compares texts with numbers.
    pub(crate) is_in_every_row: bool,
}

/// The largest number of errors that are reported for a template or a row.
pub(super) const MOST_ERRORS: usize = 50;

/// The result of compiling or rendering. Its `Err` holds all errors, not only the first.
pub(crate) type TemplateResult<T> = Result<T, Vec<TemplateError>>;

impl TemplateError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    pub(super) fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn at(mut self, pointer: &str) -> Self {
        pointer.clone_into(&mut self.pointer);
        self
    }
}

/// Completes errors with the JSON pointer of the value that is or names the template.
pub(super) fn at(errors: Vec<TemplateError>, pointer: &str) -> Vec<TemplateError> {
    errors.into_iter().map(|error| error.at(pointer)).collect()
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// The separator of message and cause in errors of our filters, because an error of Tera is a single text.
pub(super) const CAUSE: char = '\u{1F}';

/// Makes the error of a filter or function, with the value that was found.
pub(super) fn failure(message: &str, found: &str) -> tera::Error {
    tera::Error::message(format!("{message}{CAUSE}{}", excerpt(found)))
}
