//! What one thread renders rows with, kept for its memory.

use std::fmt;
use std::sync::Arc;

use super::slow_rows::RowInProgress;
use crate::template::Scope;

/// A place to render rows at, one at a time.
#[derive(Default)]
pub(super) struct Scratch {
    /// The row.
    pub(super) scope: Scope,
    /// The letter that is being digested, as JSON.
    pub(super) json: Vec<u8>,
    /// The entries of `content.attachments` that the letter rendered last has, by their places in the manifest.
    pub(super) attached: Vec<usize>,
    /// Which row it is, for whoever looks for slow ones; there after the first.
    pub(super) in_progress: Option<Arc<RowInProgress>>,
}

/// Without the letter, which is about a person.
impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
