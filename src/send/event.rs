//! Events of a run, for progress displays and `--json`.

use std::time::Duration;

use crate::journal::State;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event<'a> {
    Began {
        /// Number of chosen letters, with those settled by earlier runs.
        letters: u64,
        /// Number of letters settled by earlier runs.
        settled: u64,
    },
    /// A shared file is published.
    Attachment {
        name: &'a str,
        /// True when an earlier run had uploaded it.
        reused: bool,
    },
    /// A letter has ended; its outcome is in the journal.
    Delivered {
        /// The row's number, from 1.
        row: u64,
        /// The line the row begins on.
        line: u64,
        state: State,
        /// The reason when the letter was not sent, identity numbers masked.
        why: Option<&'a str>,
    },
    /// An unknown letter has been looked up; its new state is in the journal.
    Settled {
        /// The row's number, from 1.
        row: u64,
        /// The line the row begins on.
        line: u64,
        state: State,
    },
    /// The whole run pauses, because of Altinn's or Maskinporten's rate limit.
    Paused {
        wait: Duration,
        /// True when the server asks for it in `Retry-After`.
        asked: bool,
        why: &'a str,
    },
    /// A wait has lasted for [`LONG_WAIT`] and goes on.
    Waiting(Wait<'a>),
    /// A letter, an attachment or a look-up is tried again.
    Retrying { wait: Duration, why: &'a str },
    /// The pace, four times a second.
    Pace(PaceSnapshot),
    /// The run stops by itself.
    Stopping { why: &'a str },
}

/// A wait that is not told by [`Event::Retrying`] or [`Event::Paused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait<'a> {
    /// An access token.
    Token,
    /// Altinn's scan of this shared file, which is uploaded.
    Scan(&'a str),
}

/// Shorter waits are not told to people.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(5);

/// The pace of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PaceSnapshot {
    /// The present limit on requests in flight, from 1 to `cap`.
    pub limit: u32,
    /// The configured limit on requests in flight.
    pub cap: u32,
    /// Number of requests in flight.
    pub in_flight: u32,
    /// Number of letters, uploads and look-ups that wait for their next try.
    pub retrying: u32,
    /// Requests per second over the last ten seconds.
    pub rate: f64,
    /// The configured limit in requests per second; `None` for no limit.
    pub allowed: Option<f64>,
    /// The remaining time of a pause.
    pub held: Option<Duration>,
}

/// Receives the events of a run.
pub(crate) trait Observer {
    /// Called for each event on the run's own task, so it must not block.
    fn notice(&self, event: &Event<'_>);
}
