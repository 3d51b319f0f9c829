//! What is kept of a run while it goes on, and when it must stop.

use super::breaker::Breaker;
use super::delivery::{Ended, Fatal};
use super::lookup::Sought;
use super::{Ending, Event, Observer, SendError, Stop};
use crate::journal::Outcome;
use crate::manifest::MaxFailures;

/// Counts the ends of letters, and stops the run when they tell that something is wrong with all of them.
pub(super) struct Tally<'a> {
    pub(super) unsettled: Vec<Sought>,
    pub(super) ended: u64,
    pub(super) ending: Option<Ending>,
    pub(super) failure: Option<SendError>,
    /// Whether a letter was given up, or not begun, because the run was stopped.
    pub(super) cut_short: bool,
    breaker: Breaker,
    observer: &'a dyn Observer,
    stop: &'a Stop,
}

impl<'a> Tally<'a> {
    pub(super) fn new(
        limit: Option<MaxFailures>,
        observer: &'a dyn Observer,
        stop: &'a Stop,
    ) -> Self {
        Self {
            unsettled: Vec::new(),
            ended: 0,
            ending: None,
            failure: None,
            cut_short: false,
            breaker: Breaker::new(limit),
            observer,
            stop,
        }
    }

    /// A letter has come to its end.
    pub(super) fn count(&mut self, ended: Ended) {
        self.ended += 1;
        let why = ended.outcome.reason().map(ToString::to_string);
        self.observer.notice(&Event::Delivered {
            row: ended.row,
            line: ended.line,
            state: ended.state,
            why: why.as_deref(),
        });
        self.unsettled.extend(ended.unsettled);
        if matches!(ended.outcome, Outcome::Failed(_) | Outcome::Unknown(_)) {
            self.cut_short |= self.stop.is_set();
        }
        let tripped = self.breaker.count(&ended.outcome);
        match (ended.fatal, tripped) {
            (Some(fatal), _) => self.halt(fatal.into()),
            (None, Some(why)) => self.halt(Ending::Stopped(why)),
            (None, None) => {}
        }
    }

    /// No new letters; the first reason is the one that counts, and a person's wish to stop is one.
    pub(super) fn halt(&mut self, ending: Ending) {
        if self.ending.is_none() {
            let ending = if self.stop.is_set() {
                Ending::Interrupted
            } else {
                ending
            };
            if let Ending::Stopped(why) = &ending {
                self.observer.notice(&Event::Stopping { why });
            }
            self.ending = Some(ending);
        }
        self.stop.set();
    }

    /// The run cannot go on; what is in flight is still finished.
    pub(super) fn fail(&mut self, error: SendError) {
        self.failure.get_or_insert(error);
        self.stop.set();
    }
}

impl From<Fatal> for Ending {
    fn from(fatal: Fatal) -> Self {
        match fatal {
            Fatal::NoToken(error) => Self::NoToken(error),
            Fatal::Away(reason) => Self::Stopped(format!(
                "Altinn wants to be left alone for longer than `retry.deadline`: {reason}"
            )),
            Fatal::Refused(reason) => Self::Stopped(format!(
                "Altinn refuses what all letters have in common: {reason}"
            )),
        }
    }
}
