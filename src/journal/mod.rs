//! The durable record of every row: written before its letter leaves, and again before its end is reported.
//!
//! One `SQLite` file per mailing and environment. One process writes it, through one thread that commits in groups; other processes may read it meanwhile. A row's state
//! changes by [`transition`] only, so the journal never holds an impossible sequence of states. Losing the file loses no letter: Altinn finds every letter by its
//! idempotency key.

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

pub(crate) use block::StateBefore;
pub(crate) use error::JournalError;
pub(crate) use open::Journal;
pub(crate) use record::RowRecord;
pub(crate) use rows::{RowSet, Snapshot};
pub(crate) use run::{EndedRun, Inputs, Run, SharedAttachment};
pub(crate) use state::{
    Digest, DigestHead, Entry, IllegalStep, LetterEnd, Outcome, Reason, Skip, Start, State,
    transition,
};
pub(crate) use store::Header;
