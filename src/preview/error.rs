//! The error of a preview.

use std::io;

/// The reason why a preview cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PreviewError {
    #[error("cannot write the preview")]
    Write(#[from] io::Error),
    /// A page template failed to render.
    #[error("cannot make the preview's page")]
    Page(#[source] Box<tera::Error>),
}

impl From<tera::Error> for PreviewError {
    fn from(error: tera::Error) -> Self {
        Self::Page(Box::new(error))
    }
}
