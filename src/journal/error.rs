//! What can go wrong with a journal.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::State;

/// Why a journal cannot be opened, read or written, or refuses an entry.
///
/// Cheap to copy: one failed commit answers everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder or a file in it cannot be made.
    #[error("cannot create the journal's file or folder `{}`", path.display())]
    Create {
        /// What was to be made.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// Another process writes it.
    #[error("journal `{}` is in use by {holder}", path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
        /// The process, as it described itself.
        holder: String,
    },
    /// `SQLite` cannot open it.
    #[error("cannot open journal `{}`", path.display())]
    Open {
        /// The journal.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// There is none.
    #[error("no journal at `{}`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{}` is not a journal of massebrev", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer program has written it.
    #[error("journal `{}` has format {found}, and this program knows formats up to {known}", path.display())]
    NewerFormat {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// It is another mailing's, environment's or resource's.
    #[error("journal `{}` belongs to {what} `{recorded}`, not `{wanted}`", path.display())]
    OtherMailing {
        /// The journal.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the journal says.
        recorded: String,
        /// What was asked for.
        wanted: String,
    },
    /// It says something no journal can say.
    #[error("journal `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// It cannot be read.
    #[error("cannot read journal `{}`", path.display())]
    Read {
        /// The journal.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// It cannot be written. From now on it takes nothing more: an entry that was not recorded must not be followed by others.
    #[error("cannot write journal `{}`", path.display())]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Its writing thread is gone.
    #[error("the writer of journal `{}` has stopped", path.display())]
    Stopped {
        /// The journal.
        path: PathBuf,
    },
    /// It was opened for reading.
    #[error("journal `{}` was opened for reading only", path.display())]
    ReadOnly {
        /// The journal.
        path: PathBuf,
    },
    /// That cannot happen to a row that stands there.
    #[error("the letter with key {key} is {state} and cannot be {entry}")]
    Illegal {
        /// The row's key.
        key: Uuid,
        /// Where it stands.
        state: State,
        /// What was to be recorded.
        entry: &'static str,
    },
    /// The letter has changed since it was sent, or may have been.
    #[error("the letter of row {row} is {state} with another text than now (key {key})")]
    Drift {
        /// The row's key.
        key: Uuid,
        /// The row.
        row: u64,
        /// Where it stands.
        state: State,
    },
}

impl JournalError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("wait until it has ended, or stop it"),
            Self::NewerFormat { .. } => Some("use the newer version of massebrev that wrote it"),
            Self::NotAJournal { .. } => Some("move the file away; massebrev makes a new journal"),
            Self::OtherMailing { .. } => Some(
                "a mailing keeps its name, environment and resource for ever: give this one a new name",
            ),
            Self::Damaged { .. } => {
                Some("move the file away: the letters' keys find again in Altinn what was sent")
            }
            Self::Write { .. } => {
                Some("see to disk space and permissions, then run the same command again")
            }
            Self::Drift { .. } => {
                Some("put the earlier text back, or send the new one as a mailing with a new name")
            }
            _ => None,
        }
    }
}
