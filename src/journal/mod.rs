//! The record of every row, durable: written before the letter leaves and before its end is reported.
//!
//! One `SQLite` file per mailing and environment. One process writes it, through one thread that commits in groups; other processes may read it meanwhile. A row moves
//! through its states by [`transition`] only, so a journal that says something impossible cannot come about. Losing the file loses no letter: the idempotency keys
//! recover every one from Altinn.

mod block;
mod change;
mod checksum;
mod error;
mod format;
mod holder;
mod lock;
mod open;
mod record;
mod rows;
mod run;
mod state;
mod store;
mod writer;

pub(crate) use change::Before;
pub(crate) use error::JournalError;
pub(crate) use open::Journal;
pub(crate) use record::RowRecord;
pub(crate) use rows::{Recorded, RecordedRows, RowRecords, Snapshot};
pub(crate) use run::{EndedRun, HowEnded, Input, Run, SharedAttachment, UploadState};
pub(crate) use state::{
    Digest, DigestHead, Dropped, Entry, IllegalStep, LetterEnd, Outcome, Reason, Skip, Start,
    State, UnknownName, transition,
};
pub(crate) use store::Header;
