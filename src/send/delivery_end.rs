//! The end of one letter's turn in a run.

use jiff::Timestamp;

use super::RunEnd;
use super::lookup::Lookup;
use super::run_end::Recovered;
use crate::journal::{Outcome, State};
use crate::plan::Delivery;

/// How a letter ended, and what follows for the others.
#[derive(Debug)]
pub(super) struct DeliveryEnd {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) outcome: Outcome,
    /// The state in the journal.
    pub(super) state: State,
    /// Requests that left in this run.
    pub(super) requests: u32,
    /// Time of the last request whose effect is not known.
    pub(super) lost_at: Option<Timestamp>,
    /// The end of the run that follows, because every other letter would end the same way.
    pub(super) stops: Option<RunEnd>,
    /// True when Altinn refuses what all letters of its resource have in common, and there are others.
    pub(super) closes_resource: bool,
    /// True when no connection was found in the end.
    pub(super) network: bool,
    /// True when the correspondence was found by the letter's key: no answer can have been another letter's.
    pub(super) by_key: bool,
    /// Set when Altinn had the letter and the journal knew nothing of it: its text could not be compared.
    pub(super) recovered: Option<Recovered>,
    /// Letters to look up again when time has passed: this one, when its end is not known, and one whose answer has turned out to be this one's.
    pub(super) unsettled: Vec<Lookup>,
}

impl DeliveryEnd {
    pub(super) fn new(delivery: &Delivery, outcome: Outcome) -> Self {
        Self {
            row: delivery.row,
            line: delivery.line,
            state: outcome.state(),
            outcome,
            requests: 0,
            lost_at: None,
            stops: None,
            closes_resource: false,
            network: false,
            by_key: false,
            recovered: None,
            unsettled: Vec::new(),
        }
    }

    /// The end of a letter that was looked up by its key.
    pub(super) fn by_key(delivery: &Delivery, outcome: Outcome) -> Self {
        Self {
            by_key: true,
            ..Self::new(delivery, outcome)
        }
    }
}
