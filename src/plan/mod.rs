//! Manifest, rows and templates become checked deliveries.
//!
//! Pass 1 ([`Mailing::check`]) renders and checks every row before anything may leave; pass 2 ([`Mailing::deliveries`]) renders them
//! again, one at a time, and refuses anything that is not what pass 1 has seen.

mod approval;
mod check;
mod choice;
mod column_lint;
mod crew;
mod delivery;
mod difference;
mod digest;
mod duplicates;
mod exclusion;
mod files;
mod findings;
mod fingerprint;
mod inputs;
mod key;
mod key_index;
mod letter;
mod look;
mod mailing;
mod named;
mod old_render;
mod pass;
mod proof;
mod report_builder;
pub mod request_line;
mod scratch;
mod selection;
mod slow_rows;
mod unused;

pub use check::CheckReport;
pub use choice::{RowChoice, RowFilter};
pub(crate) use crew::RENDERING_STACK;
pub use delivery::{Delivery, Planned, Skip};
pub use digest::{Digest, Digester, digest_file};
pub use files::{LocalFile, PlannedFile};
pub use inputs::{Input, InputKind};
pub use key::{NAMESPACE, delivery_key};
pub use key_index::{KeyIndex, RowPosition};
pub use mailing::{Mailing, MailingOptions};
pub use old_render::{LetterChange, OldRender, OldRenderError, RemovedLetter};
pub use pass::{Deliveries, InputChanged};
pub use proof::{Proof, Proofs, Withheld};
pub use report_builder::PROBLEM_LIMIT;
pub use selection::{NotASelection, Selection};
pub use slow_rows::{SlowRow, SlowRows};
