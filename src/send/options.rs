//! The settings of a run.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::manifest::{MaxFailures, Retry, Uploads as Uploading};
use crate::plan::RowFilter;

/// The settings of a run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Requests in flight at most.
    pub concurrency: NonZeroU32,
    /// The time between two requests; `None` is as fast as the answers come.
    pub interval: Option<Duration>,
    /// Number of letters sent alone before the rest.
    pub canary: u64,
    /// Number or share of failures at which the run stops.
    pub max_failures: Option<MaxFailures>,
    /// Attempts and deadline of one letter.
    pub tries: Retry,
    pub attachments: Uploading,
    /// Whose turn it is; the letters of other rows stay as they are.
    pub wanted: RowFilter,
    /// Which refused letters are tried again though they have not changed.
    pub retry: RetryRefused,
    /// Treatment of letters to persons who have one under another spelling of the key.
    pub second_letters: SecondLetterPolicy,
    /// True when the earlier text stands for letters that were sent and read differently now, and rows that were not sent and have left the file are let go.
    pub accept_changes: bool,
}

impl Options {
    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.concurrency.get()).unwrap_or(usize::MAX)
    }
}

/// Which refused letters are tried again though they have not changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RetryRefused {
    /// Those that Altinn has rejected.
    pub rejected: bool,
    /// Those whose recipients have reserved, unless they were given out on a list of those who get paper: their letters are on their way already.
    pub reserved: bool,
}

/// Treatment of letters to persons who have one under another spelling of the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SecondLetterPolicy {
    /// The run stops before anything leaves.
    #[default]
    Refuse,
    /// Exactly so many are sent.
    Allow(u64),
    /// They are what was asked for: all proofs go to one recipient.
    Ignore,
}
