//! What is kept of a run while it goes on, and when it must stop.

use super::breaker::Breaker;
use super::delivery::{Ended, Fatal, Sought};
use super::{Ending, Event, Observer, SendError, Stop};
use crate::manifest::MaxFailures;

/// Counts the ends of letters, and stops the run when they tell that something is wrong with all of them.
pub(super) struct Tally<'a> {
    pub(super) unsettled: Vec<Sought>,
    pub(super) ended: u64,
    pub(super) ending: Option<Ending>,
    pub(super) failure: Option<SendError>,
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
        let tripped = self.breaker.count(&ended.outcome);
        match (ended.fatal, tripped) {
            (Some(Fatal::NoToken(error)), _) => self.halt(Ending::NoToken(error)),
            (Some(Fatal::Refused(reason)), _) => {
                self.halt(Ending::Stopped(format!(
                    "Altinn refuses what all letters have in common: {reason}"
                )));
            }
            (None, Some(why)) => self.halt(Ending::Stopped(why)),
            (None, None) => {}
        }
    }

    /// No new letters; the first reason is the one that counts.
    pub(super) fn halt(&mut self, ending: Ending) {
        if self.ending.is_none() {
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
