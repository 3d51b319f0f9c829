//! How a run can end.

use std::io;

use thiserror::Error;

use super::Changes;
use crate::diagnostic::Problems;
use crate::journal::{self, JournalError};
use crate::maskinporten::TokenError;
use crate::plan::InputChanged;

/// How a run ended.
#[derive(Debug, Default)]
pub enum RunEnd {
    /// Every row was gone through.
    #[default]
    Finished,
    /// The run stopped by itself: rows are outstanding.
    Stopped(String),
    /// No token was to be had: rows are outstanding.
    NoToken(TokenError),
    /// Altinn is not who it should be: rows are outstanding.
    Untrusted {
        /// What was found instead.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Altinn cannot be reached, and was not once in this run: rows are outstanding.
    Unreachable(String),
    /// The run was asked to stop: rows are outstanding.
    Interrupted,
}

impl RunEnd {
    /// The same for the journal, with the reason.
    pub(super) fn recorded(&self) -> (journal::HowEnded, Option<String>) {
        match self {
            Self::Finished => (journal::HowEnded::Finished, None),
            Self::Stopped(why) => (journal::HowEnded::Stopped, Some(why.clone())),
            Self::NoToken(error) => (journal::HowEnded::Broken, Some(error.reason())),
            Self::Untrusted { reason, .. } => (journal::HowEnded::Broken, Some(reason.clone())),
            Self::Unreachable(why) => (journal::HowEnded::Broken, Some(why.clone())),
            Self::Interrupted => (journal::HowEnded::Interrupted, None),
        }
    }
}

/// A run in numbers; the journal has the rest.
#[derive(Debug, Default)]
pub struct Summary {
    /// How it ended.
    pub ending: RunEnd,
    /// Letters that came to an end in this run.
    pub ended: u64,
    /// Letters whose turn it was that earlier runs had settled.
    pub settled: u64,
    /// Letters that were not settled and had to wait: not asked for, or past the limit.
    pub left_out: u64,
    /// What was found before the first letter left.
    pub reconciled: Reconciled,
}

/// What a run found in the journal that is not a letter to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Letters that read differently now, and for which the text they were sent with stands from this run on.
    pub accepted: u64,
    /// Letters that read differently now and that may have been sent: this run leaves them alone.
    pub held: u64,
    /// Rows that were not sent in earlier runs, and that nobody wants to be sent any more.
    pub dropped: u64,
    /// Rows of earlier runs that get no letter now, and that are neither sent nor skipped.
    pub left: LeftBehind,
}

/// What earlier runs have left behind: rows that are not in the file any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// They failed.
    pub failed: u64,
    /// They were rejected, or their recipients have reserved.
    pub refused: u64,
    /// They may have been sent, and Altinn has not told; some may be in the file, and excluded now.
    pub unknown: u64,
}

/// A run cannot go on.
#[derive(Debug, Error)]
pub enum SendError {
    /// The journal cannot be read or written.
    #[error("the journal cannot be kept")]
    Journal(#[from] JournalError),
    /// Letters under used keys have changed since they were sent. Nothing was sent.
    #[error("{0}")]
    Changed(Box<Changes>),
    /// An input changed during the run.
    #[error("the inputs changed during the run")]
    InputChanged(#[from] InputChanged),
    /// The rows cannot be read again.
    #[error("the recipients file cannot be read again")]
    Rows(Problems),
    /// The system gives no thread to render letters on.
    #[error("there is no thread to render letters on")]
    Thread(#[source] io::Error),
    /// A letter cannot be written as JSON.
    #[error("a letter cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
