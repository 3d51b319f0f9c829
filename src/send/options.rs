//! The settings of a run.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::manifest::{MaxFailures, Retry, Uploads as Uploading};
use crate::plan::RowFilter;

/// Settings from the manifest and the command line.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The largest number of requests in flight.
    pub concurrency: NonZeroU32,
    /// The time between two requests; `None` for no limit on the rate.
    pub interval: Option<Duration>,
    /// Number of letters to be accepted one by one before the rest.
    pub canary: u64,
    /// Number or share of failures at which the run stops.
    pub max_failures: Option<MaxFailures>,
    /// Attempts, backoff and deadline of one letter.
    pub tries: Retry,
    pub attachments: Uploading,
    /// The rows to send. Other rows keep their states.
    pub wanted: RowFilter,
    pub second_letters: SecondLetterPolicy,
    /// True when the user accepts the earlier text of letters that were sent, and drops unsent rows that are no longer in the file.
    pub accept_changes: bool,
}

impl Options {
    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.concurrency.get()).unwrap_or(usize::MAX)
    }
}

/// The refused letters that are tried again although they have not changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RetryRefused {
    /// Letters that Altinn has rejected.
    pub rejected: bool,
    /// Letters to reserved recipients, except those on a paper list: these get paper already.
    pub reserved: bool,
}

/// The policy for letters to persons who have one under a different spelling of the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SecondLetterPolicy {
    /// The run stops before anything is sent.
    #[default]
    Refuse,
    /// They are sent if their number is exactly this one.
    Allow(u64),
    /// They are sent. For proofs, which all go to one recipient.
    Ignore,
}
