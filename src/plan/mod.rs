//! Manifest, rows and templates become checked deliveries.
//!
//! Pass 1 ([`Mailing::check`]) renders and checks every row before anything may leave; pass 2 ([`Mailing::deliveries`]) renders them
//! again, one at a time, and refuses anything that is not what pass 1 has seen.

mod approval;
mod check;
mod choice;
mod crew;
mod delivery;
mod desk;
mod difference;
mod digest;
mod duplicates;
mod earlier;
mod exclusion;
mod files;
mod findings;
mod fingerprint;
mod gathering;
mod inputs;
mod key;
mod letter;
pub mod line;
mod look;
mod mailing;
mod named;
mod pass;
mod positions;
mod proof;
mod selection;
mod unused;
mod watch;

pub use check::Checked;
pub use choice::{Chosen, Wanted};
pub(crate) use crew::RENDERING_STACK;
pub use delivery::{Delivery, Planned, Skip};
pub use digest::{Digest, Digester, digest_file};
pub use earlier::{Change, Earlier, EarlierError, Gone};
pub use files::{LocalFile, PlannedFile};
pub use gathering::PROBLEM_LIMIT;
pub use inputs::{Input, InputKind};
pub use key::{NAMESPACE, delivery_key};
pub use mailing::{Mailing, Setting};
pub use pass::{Deliveries, Drifted};
pub use positions::{Found, Positions};
pub use proof::{Proof, Proofs, Withheld};
pub use selection::{NotASelection, Selection};
