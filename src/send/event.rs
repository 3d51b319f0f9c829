//! Events of a run, for those who draw or log it.

use std::time::Duration;

use crate::journal::State;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event<'a> {
    Began {
        /// The letters whose turn it is, whether sent before or not.
        letters: u64,
        /// Letters that earlier runs have settled.
        settled: u64,
    },
    /// A shared file is on its way, or was there from an earlier run.
    Attachment {
        name: &'a str,
        /// True when an earlier run had uploaded it.
        reused: bool,
    },
    /// A letter has come to its end; it is in the journal.
    Delivered {
        /// The row's number, from 1.
        row: u64,
        /// The line the row begins on.
        line: u64,
        /// The end it came to.
        state: State,
        /// Altinn's words when it did not go well; identity numbers are masked.
        why: Option<&'a str>,
    },
    /// A letter whose end was not known has been looked up; its new state is in the journal.
    Settled {
        /// The row's number, from 1.
        row: u64,
        /// The line the row begins on.
        line: u64,
        /// The state that the look-up gave.
        state: State,
    },
    /// Altinn has asked to be left alone: nothing leaves meanwhile.
    Paused { wait: Duration, why: &'a str },
    /// A letter, an attachment or a look-up is tried again.
    Retrying { wait: Duration, why: &'a str },
    /// Throughput, several times a second while letters are in flight.
    Pace(PaceSnapshot),
    /// The run stops by itself.
    Stopping { why: &'a str },
}

/// The pace of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PaceSnapshot {
    /// Requests that may be in flight now: between 1 and the cap, by how Altinn bears it.
    pub limit: u32,
    /// Requests that may ever be in flight.
    pub cap: u32,
    /// Requests in flight, with those whose turn it is next.
    pub in_flight: u32,
    /// Letters and others that wait to be tried again.
    pub retrying: u32,
    /// Requests a second over the last ten seconds.
    pub rate: f64,
    /// Requests a second that are allowed: by the settings, or by what Altinn has refused. None is as fast as the answers come.
    pub allowed: Option<f64>,
    /// Time left of the pause that Altinn has asked for.
    pub held: Option<Duration>,
}

pub(crate) trait Observer {
    /// Something happened. Called from the run's own task: be quick.
    fn notice(&self, event: &Event<'_>);
}

/// An observer that ignores everything.
impl Observer for () {
    fn notice(&self, _: &Event<'_>) {}
}
