//! How a run can end.

use thiserror::Error;

use crate::diagnostic::Problems;
use crate::journal::{self, JournalError};
use crate::maskinporten::TokenError;
use crate::plan::Drifted;

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// Every row was gone through.
    Finished,
    /// The run stopped by itself: rows are outstanding.
    Stopped(String),
    /// No token was to be had: rows are outstanding.
    NoToken(TokenError),
    /// Altinn cannot be reached, and was not once in this run: rows are outstanding.
    Unreachable(String),
    /// The run was asked to stop: rows are outstanding.
    Interrupted,
}

impl Ending {
    /// The same for the journal, with the reason.
    pub(super) fn recorded(&self) -> (journal::Ending, Option<String>) {
        match self {
            Self::Finished => (journal::Ending::Finished, None),
            Self::Stopped(why) => (journal::Ending::Stopped, Some(why.clone())),
            Self::NoToken(error) => (journal::Ending::Broken, Some(error.to_string())),
            Self::Unreachable(why) => (journal::Ending::Broken, Some(why.clone())),
            Self::Interrupted => (journal::Ending::Interrupted, None),
        }
    }
}

/// A run in numbers; the journal has the rest.
#[derive(Debug)]
pub struct Summary {
    /// How it ended.
    pub ending: Ending,
    /// Letters that came to an end in this run.
    pub ended: u64,
    /// Letters that earlier runs had settled.
    pub settled: u64,
}

/// A run cannot go on.
#[derive(Debug, Error)]
pub enum SendError {
    /// The journal cannot be read or written.
    #[error("the journal cannot be kept")]
    Journal(#[from] JournalError),
    /// Letters under used keys have changed since they were sent. Nothing was sent.
    #[error(
        "{letters} letters that Altinn has, or may have, now have another text or other files; nothing was sent"
    )]
    Changed {
        /// How many.
        letters: u64,
    },
    /// An input changed during the run.
    #[error("the inputs changed during the run")]
    Drifted(#[from] Drifted),
    /// The rows cannot be read again.
    #[error("the recipients file cannot be read again")]
    Rows(Problems),
    /// A letter cannot be written as JSON.
    #[error("a letter cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
