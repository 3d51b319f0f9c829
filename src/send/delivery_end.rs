//! The end of one row's turn in a run.

use super::lookup::Lookup;
use super::outcome::Fatal;
use crate::journal::{Outcome, State};

/// The result of processing one row.
pub(super) enum StepResult {
    Ended(Box<DeliveryEnd>),
    /// The run was stopped before it left.
    NotStarted,
    /// There was nothing to send.
    NoLetter,
}

/// The end of a letter, as written in the journal.
#[derive(Debug)]
pub(super) struct DeliveryEnd {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) state: State,
    pub(super) outcome: Outcome,
    /// The reason every other letter would end the same way.
    pub(super) fatal: Option<Fatal>,
    /// Letters to look up again when time has passed: this one, when its end is not known, and one whose answer has turned out to be this one's.
    pub(super) unsettled: Vec<Lookup>,
    /// True when no connection was found in the end.
    pub(super) network: bool,
    /// True when Altinn had the letter and the journal knew nothing of it: its text could not be compared.
    pub(super) recovered: Option<Recovered>,
}

/// A letter that was at Altinn before the journal knew of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovered {
    /// Its title is what it is now, or Altinn did not tell.
    SameTitle,
    OtherTitle,
}
