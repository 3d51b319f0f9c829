//! What is wrong with a template.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Place, Source};
use crate::secret::redact;

/// The most characters of a value that are shown.
const SHOWN: usize = 60;

/// Something wrong with a template, when it is compiled or when it is rendered for a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateError {
    /// The JSON pointer of the value that is or names the template.
    pub pointer: String,
    /// The file, when the template stands in a file of its own.
    pub source: Option<Arc<Source>>,
    /// The file, when it is about the whole of it.
    pub(crate) file: Option<PathBuf>,
    /// The bytes of the template's own text it is about; empty when unknown.
    pub span: Range<usize>,
    /// The line in the template's own text, from 1; 0 when unknown.
    pub line: usize,
    /// The column in characters, from 1; 0 when unknown.
    pub column: usize,
    /// The mistake, without the row's values.
    pub message: String,
    /// The value that was found: cut, with identity numbers masked.
    pub cause: Option<String>,
    pub hint: Option<String>,
    /// True when the template itself is wrong, whatever row it is rendered for: it does not compile, or takes texts for numbers.
    pub(crate) is_in_every_row: bool,
}

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

    /// Where in its own file, for templates that have one; the others stand in the manifest, at `pointer`.
    pub(crate) fn place(&self) -> Option<Place> {
        let whole = || self.file.clone().map(Place::File);
        let part = self.source.as_ref().map(|source| Place::Source {
            source: Arc::clone(source),
            span: self.span.clone(),
        });
        part.or_else(whole)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// Templates cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// The manifest's folder cannot be read.
    #[error("the folder {} cannot be read", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Norwegian time is not known.
    #[error("the time zone of Norway is not known")]
    Zone(#[source] jiff::Error),
}

/// Stands between the message and the cause in an error of ours: Tera's errors are one text.
pub(super) const CAUSE: char = '\u{1F}';

/// An error of a filter or function, with what was found.
pub(super) fn failure(message: &str, found: &str) -> tera::Error {
    tera::Error::message(format!("{message}{CAUSE}{}", excerpt(found)))
}

/// A value as it may be shown: masked, cut, in backticks.
pub(super) fn excerpt(value: &str) -> String {
    let masked = redact(value);
    match masked.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}\u{2026}`", masked.get(..end).unwrap_or_default()),
        None => format!("`{masked}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_and_cut() {
        assert_eq!(excerpt("07827199405"), "`078271*****`");
        assert_eq!(
            excerpt(&"å".repeat(99)),
            format!("`{}\u{2026}`", "å".repeat(60))
        );
    }
}
