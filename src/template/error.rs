//! The errors of templates.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::correspondence::text::excerpt;
use crate::diagnostic::{Problem, Source};

/// A mistake in a template, found when it is compiled or rendered. Its message has no values of the row, so that equal mistakes of many rows can be grouped.
pub(crate) type TemplateError = Problem<TemplatePlace>;

/// The place of a mistake in a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplatePlace {
    /// The JSON pointer of the value that is or names the template.
    pub(crate) pointer: String,
    /// The text of the template, when the place in it is known. It has a path when the template has a file of its own.
    pub(crate) source: Option<Arc<Source>>,
    /// The place of the mistake as a range of bytes in the template's text; empty when unknown.
    pub(crate) span: Range<usize>,
    /// The file, when the mistake concerns the whole of it.
    pub(crate) file: Option<PathBuf>,
    /// True when the template is wrong for every row: it does not compile, or it compares texts with numbers.
    pub(crate) is_in_every_row: bool,
}

/// The largest number of errors that are reported for a template or a row.
pub(super) const MOST_ERRORS: usize = 50;

/// The result of compiling or rendering. Its `Err` holds all errors, not only the first.
pub(crate) type TemplateResult<T> = Result<T, Vec<TemplateError>>;

/// A mistake without its place.
pub(super) fn template_error(message: impl Into<String>) -> TemplateError {
    Problem::error(TemplatePlace::default(), message)
}

/// Completes errors with the JSON pointer of the value that is or names the template.
pub(super) fn at(mut errors: Vec<TemplateError>, pointer: &str) -> Vec<TemplateError> {
    for error in &mut errors {
        pointer.clone_into(&mut error.place.pointer);
    }
    errors
}

/// The separator of message and cause in errors of our filters, because an error of Tera is a single text.
pub(super) const CAUSE: char = '\u{1F}';

/// Makes the error of a filter or function, with the value that was found.
pub(super) fn failure(message: &str, found: &str) -> tera::Error {
    tera::Error::message(format!("{message}{CAUSE}{}", excerpt(found)))
}
