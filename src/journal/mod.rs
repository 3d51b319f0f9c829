//! What has happened to every row, durably: written before the letter leaves and before anybody hears how it went.
//!
//! One `SQLite` file per mailing and environment. One process writes it, through one thread that commits in groups; anybody may read it meanwhile. A row moves
//! through its states by [`transition`] only, so a journal that says something impossible cannot come about. Losing the file loses no letter: the idempotency keys
//! recover every one from Altinn.

mod column;
mod error;
mod format;
mod holder;
mod inputs;
mod ledger;
mod lock;
mod open;
mod recorded;
mod run;
mod snapshot;
mod state;
mod store;
mod writer;

pub use error::JournalError;
pub use holder::Holder;
pub use inputs::Input;
pub use open::Journal;
pub use recorded::{Recorded, RecordedRows};
pub use run::{Ended, Ending, Run, SharedAttachment, UploadState};
pub use snapshot::{Line, Lines, Snapshot};
pub use state::{
    Digest, Dropped, End, Entry, Head, Misstep, Outcome, Reason, Skip, Start, State, UnknownName,
    transition,
};
pub use store::Header;
