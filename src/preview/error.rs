//! What can go wrong with a preview.

use std::io;

/// Why a preview cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// It cannot be written.
    #[error("cannot write the preview")]
    Write(#[from] io::Error),
    /// The page cannot be made.
    #[error("cannot make the preview's page")]
    Page(#[source] Box<tera::Error>),
}

impl From<tera::Error> for PreviewError {
    fn from(error: tera::Error) -> Self {
        Self::Page(Box::new(error))
    }
}
