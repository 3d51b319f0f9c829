//! The end of a run: its reason and numbers, or the error that ended it.

use std::io;

use thiserror::Error;

use super::Changes;
use super::second_letters::SecondLetters;
use crate::diagnostic::Problems;
use crate::journal::JournalError;
use crate::maskinporten::TokenError;
use crate::plan::InputChanged;

/// The reason for the end of a run.
#[derive(Debug, Default)]
pub(crate) enum RunEnd {
    /// Every row was processed.
    #[default]
    Finished,
    /// The run stopped by itself, for the reason given; rows are outstanding.
    Stopped(String),
    /// No token could be fetched; rows are outstanding.
    NoToken(TokenError),
    /// The server's certificate is not trusted; rows are outstanding.
    Untrusted {
        reason: String,
        hint: Option<String>,
    },
    /// Altinn cannot be reached; rows are outstanding.
    Unreachable(String),
    /// The run was asked to stop; rows are outstanding.
    Interrupted,
    /// An error ended the run after letters could have been sent; rows are outstanding.
    Broken(SendError),
}

/// How a run has ended that could not continue, as the journal records it.
pub(super) const BROKEN_OFF: &str = "broken-off";

impl RunEnd {
    /// The end as the journal records it, with its reason.
    pub(super) fn recorded(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Finished => ("finished", None),
            Self::Stopped(why) => ("stopped", Some(why.clone())),
            Self::NoToken(error) => (BROKEN_OFF, Some(error.reason())),
            Self::Untrusted { reason: why, .. } | Self::Unreachable(why) => {
                (BROKEN_OFF, Some(why.clone()))
            }
            Self::Interrupted => ("interrupted", None),
            Self::Broken(error) => (BROKEN_OFF, Some(error.to_string())),
        }
    }
}

/// The result of a run in numbers. Reports are made from the journal.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub ending: RunEnd,
    /// Altinn's code, when the run was stopped because of a shared file.
    pub code_of_file: Option<u32>,
    /// Number of letters that ended in this run.
    pub ended: u64,
    /// Number of chosen letters that earlier runs had settled.
    pub settled: u64,
    /// Number of letters in the rows asked for that this run or an earlier one has tried and that are not sent; `None` when all rows were asked for.
    pub unsent: Option<u64>,
    /// Number of unsettled letters that were not chosen, or that exceed the limit.
    pub left_out: u64,
    /// Findings before the first letter was sent.
    pub reconciled: Reconciled,
    /// Letters that Altinn had and the journal did not.
    pub recovered: RecoveredLetters,
}

/// Letters that Altinn had and the journal did not: the journal was lost, or a different machine has sent them. Altinn does not return the text, so it cannot be compared,
/// but title and recipient; a letter to a different recipient is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveredLetters {
    pub letters: u64,
    /// Number of letters whose title differs from the present one.
    pub other_titles: u64,
    /// The lines of the first few of these.
    pub lines: Vec<u64>,
}

/// Numbers of recorded rows that get no letter in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Changed letters for which the user has accepted the text that was sent.
    pub accepted: u64,
    /// Changed letters that may have been sent with the earlier text. This run does not send them.
    pub held: u64,
    /// Unsent rows of earlier runs that are not to be sent any more.
    pub dropped: u64,
    /// Other rows of earlier runs that get no letter now.
    pub left: LeftBehind,
}

/// Numbers of rows of earlier runs that are no longer in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    pub failed: u64,
    /// Rejected letters, and those of reserved recipients.
    pub refused: u64,
    /// Letters that may have been sent, and that a look-up did not settle. Includes rows that are in the file, but excluded.
    pub unknown: u64,
    pub sent: u64,
    /// Rows that no run has tried; at least so many.
    pub untried: u64,
}

/// The error that ends a run: before its first letter, or as [`RunEnd::Broken`].
#[derive(Debug, Error)]
pub(crate) enum SendError {
    /// The journal cannot be read, or an entry cannot be recorded.
    #[error("the journal cannot be kept")]
    Journal(#[from] JournalError),
    /// Persons would get a second letter of this mailing, under a different spelling of its key. Nothing was sent.
    #[error("{0}")]
    SecondLetters(Box<SecondLetters>),
    /// Letters under used keys have changed since they were sent. Nothing was sent.
    #[error("{0}")]
    Changed(Box<Changes>),
    /// A file differs from pass 1. Letters before it may have been sent.
    #[error("the inputs changed during the run")]
    InputChanged(#[from] InputChanged),
    #[error("the recipients file cannot be read again")]
    Rows(Problems),
    /// The planner's thread cannot be started.
    #[error("there is no thread to render letters on")]
    Thread(#[source] io::Error),
    #[error("a letter cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
