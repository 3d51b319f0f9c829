//! The end of a run: how, with which numbers, or with which error.

use std::io;

use thiserror::Error;

use super::Changes;
use super::second_letters::SecondLetters;
use crate::diagnostic::Problems;
use crate::journal::{self, JournalError, Reason};
use crate::maskinporten::TokenError;
use crate::plan::InputChanged;

#[derive(Debug, Default)]
pub(crate) enum RunEnd {
    /// Every row was gone through.
    #[default]
    Finished,
    /// The run stopped by itself: rows are outstanding.
    Stopped(String),
    /// No token was to be had: rows are outstanding.
    NoToken(TokenError),
    /// Altinn is not who it should be: rows are outstanding.
    Untrusted {
        reason: String,
        hint: Option<String>,
    },
    /// Altinn cannot be reached, and was not once in this run: rows are outstanding.
    Unreachable(String),
    /// The run was asked to stop: rows are outstanding.
    Interrupted,
}

impl RunEnd {
    /// The end of a run after a refusal that every other letter would get as well.
    pub(super) fn refused(reason: &Reason) -> Self {
        Self::Stopped(format!(
            "Altinn refuses what all letters have in common: {reason}"
        ))
    }

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
pub(crate) struct Summary {
    pub ending: RunEnd,
    /// Letters that came to an end in this run.
    pub ended: u64,
    /// Letters whose turn it was that earlier runs had settled.
    pub settled: u64,
    /// Letters that were not settled and had to wait: not asked for, or past the limit.
    pub left_out: u64,
    /// Findings before the first letter left.
    pub reconciled: Reconciled,
    /// Letters that were at Altinn although the journal knew nothing of them.
    pub recovered: RecoveredLetters,
}

/// Letters that were at Altinn although the journal knew nothing of them: it was lost, or another machine has sent them. Altinn keeps no text to compare with the
/// present one, but tells title and recipient; one with another recipient is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveredLetters {
    pub letters: u64,
    /// Those whose title is another one now.
    pub other_titles: u64,
    /// The lines of the first few of them.
    pub lines: Vec<u64>,
}

/// A letter that was at Altinn before the journal knew of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovered {
    /// Its title is what it is now, or Altinn did not tell.
    SameTitle,
    OtherTitle,
}

const NAMED: usize = 5;

impl RecoveredLetters {
    pub(super) fn count(&mut self, recovered: Recovered, line: u64) {
        self.letters += 1;
        if recovered == Recovered::OtherTitle {
            self.other_titles += 1;
            if self.lines.len() < NAMED {
                self.lines.push(line);
            }
        }
    }
}

/// Rows of the journal that get no letter in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Letters that read differently now, and for which the text they were sent with stands from this run on.
    pub accepted: u64,
    /// Letters that read differently now and that may have been sent: this run leaves them alone.
    pub held: u64,
    /// Rows that were not sent in earlier runs, and that are not to be sent any more.
    pub dropped: u64,
    /// Rows of earlier runs that get no letter now, and that are neither sent nor skipped.
    pub left: LeftBehind,
}

/// Unfinished rows of earlier runs that are no longer in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    pub failed: u64,
    /// They were rejected, or their recipients have reserved.
    pub refused: u64,
    /// They may have been sent, and Altinn has not told; some may be in the file, and excluded now.
    pub unknown: u64,
    pub sent: u64,
}

/// A run cannot go on.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    /// The journal cannot be read or written.
    #[error("the journal cannot be kept")]
    Journal(#[from] JournalError),
    /// Persons who have a letter of this mailing would get a second one, under another spelling of its key. Nothing was sent.
    #[error("{0}")]
    SecondLetters(Box<SecondLetters>),
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
