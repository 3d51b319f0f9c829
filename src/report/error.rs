//! The error of a report.

use std::io;

use crate::journal::JournalError;

/// The reason why a report cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReportError {
    #[error("cannot read what there is to report")]
    Journal(#[from] JournalError),
    #[error("cannot write the report")]
    Write(#[from] io::Error),
    /// The page template failed to render.
    #[error("cannot make the report's page")]
    Page(#[source] Box<tera::Error>),
}

impl From<csv::Error> for ReportError {
    fn from(error: csv::Error) -> Self {
        // Not `into`, which would hide that a reader has gone away.
        Self::Write(match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    }
}

impl From<serde_json::Error> for ReportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Write(error.into())
    }
}
