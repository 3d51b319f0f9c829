//! Manifest, rows and templates become checked deliveries.
//!
//! A [`Mailing`] is compiled once and does not change. Pass 1 ([`check()`]) renders and checks every row before anything may leave, and gives a
//! [`CheckReport`]; pass 2 ([`Deliveries`]) renders the rows again, one at a time, and refuses anything that is not what pass 1 has seen.

mod blanks;
mod check;
mod checked_rows;
mod choice;
mod column_lint;
mod deliveries;
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
mod key_spelling;
mod letter;
mod letter_text;
mod mailing;
mod markdown_values;
mod old_render;
mod placeholders;
mod planner;
mod problems;
mod proof;
mod proofs;
mod report;
mod report_builder;
pub mod request_line;
mod selection;
mod slow_rows;
mod unused;

pub use check::check;
pub(crate) use checked_rows::RENDERING_STACK;
pub use choice::{RowChoice, RowFilter};
pub use deliveries::{Deliveries, InputChanged};
pub use delivery::{Delivery, Planned, Skip};
pub use digest::{Digest, Digester, digest_file};
pub use files::{LocalFile, PlannedFile};
pub use inputs::{Input, InputKind};
pub use key::{NAMESPACE, delivery_key};
pub use key_index::{KeyIndex, RowPosition};
pub use mailing::{Mailing, MailingOptions};
pub use old_render::{LetterChange, OldRender, OldRenderError, RemovedLetter};
pub use planner::rows_with_key;
pub use problems::PROBLEM_LIMIT;
pub use proof::{Proof, Withheld};
pub use proofs::{Proofs, prove};
pub use report::CheckReport;
pub use selection::{NotASelection, Selection};
pub use slow_rows::{SlowRow, SlowRows};
