//! The plan of a mailing: manifest, rows and templates become checked deliveries.
//!
//! A [`Mailing`] is compiled once and does not change. Pass 1 ([`check()`]) renders and checks every row before anything may leave, and gives a
//! [`CheckReport`]; pass 2 ([`Deliveries`]) renders the rows again, one at a time, and refuses anything that is not what pass 1 has seen.

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
pub(crate) mod request_line;
mod selection;
mod sharing;
mod slow_rows;
mod unused;

pub(crate) use check::check;
pub(crate) use checked_rows::RENDERING_STACK;
pub(crate) use choice::{RowChoice, RowFilter};
pub(crate) use deliveries::{Deliveries, InputChanged};
pub(crate) use delivery::{Delivery, Planned, Skip};
pub(crate) use digest::{Digest, Digester, digest_file};
pub(crate) use files::{LocalFile, PlannedFile};
pub(crate) use inputs::{Input, InputKind};
pub(crate) use key::delivery_key;
pub(crate) use key_index::KeyIndex;
pub(crate) use key_spelling::as_spreadsheet_leaves_it;
pub(crate) use mailing::{Mailing, MailingOptions};
pub(crate) use old_render::{LetterChange, OldRender, OldRenderError, RemovedLetter};
pub(crate) use planner::rows_with_key;
pub(crate) use proof::{Proof, Withheld};
pub(crate) use proofs::{Proofs, prove};
pub(crate) use report::CheckReport;
pub(crate) use selection::Selection;
pub(crate) use slow_rows::SlowRow;
