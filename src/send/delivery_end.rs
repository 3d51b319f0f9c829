//! The end of one letter in a run.

use jiff::Timestamp;

use super::RunEnd;
use super::lookup::Lookup;
use super::run_end::Recovered;
use crate::journal::{Outcome, State};
use crate::plan::Delivery;

/// The end of a letter, and its consequences for the others.
#[derive(Debug)]
pub(super) struct DeliveryEnd {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) outcome: Outcome,
    /// The row's state in the journal.
    pub(super) state: State,
    /// Number of requests in this run.
    pub(super) requests: u32,
    /// Time of the last request without an answer.
    pub(super) lost_at: Option<Timestamp>,
    /// The run's end that follows, because every other letter would end the same way.
    pub(super) stops: Option<RunEnd>,
    /// True when Altinn refuses all letters of the resource, and the mailing has other resources.
    pub(super) closes_resource: bool,
    /// True when the last try got no connection.
    pub(super) network: bool,
    /// True when the correspondence was found by the letter's key, so that it certainly belongs to this letter.
    pub(super) by_key: bool,
    /// Set when Altinn had the letter and the journal did not, so that its text could not be compared.
    pub(super) recovered: Option<Recovered>,
    /// Letters to look up after the others: this one when unknown, and one that had this one's correspondence.
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
