//! The state of a run while it goes on, and the decision to stop it.

use super::attempt::Unaccepted;
use super::circuit_breaker::CircuitBreaker;
use super::delivery_end::DeliveryEnd;
use super::lookup::Lookup;
use super::signals::RefusedResources;
use super::{Event, Observer, RecoveredLetters, RunEnd, SendError, Stop};
use crate::journal::{Outcome, Reason};
use crate::manifest::MaxFailures;

/// Counts the ends of letters, and stops the run when they tell that something is wrong with all of them.
pub(super) struct Tally<'a> {
    pub(super) unsettled: Vec<Lookup>,
    pub(super) recovered: RecoveredLetters,
    pub(super) ended: u64,
    pub(super) ending: Option<RunEnd>,
    pub(super) failure: Option<SendError>,
    /// True when a letter was given up, or not begun, because the run was stopped.
    pub(super) cut_short: bool,
    /// False when a letter may have left whose end could not be written down.
    pub(super) is_accounted_for: bool,
    /// True when something ended in another way than by Altinn's own yes or no.
    in_doubt: bool,
    breaker: CircuitBreaker,
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
            recovered: RecoveredLetters::default(),
            ended: 0,
            ending: None,
            failure: None,
            cut_short: false,
            is_accounted_for: true,
            in_doubt: false,
            breaker: CircuitBreaker::new(limit),
            observer,
            stop,
        }
    }

    /// A letter has had its turn.
    pub(super) fn take(&mut self, end: Result<Option<DeliveryEnd>, SendError>) {
        match end {
            Ok(Some(end)) => self.count(end),
            // It has not left.
            Ok(None) => self.cut_short |= self.stop.is_set(),
            Err(error) => {
                self.is_accounted_for = false;
                self.fail(error);
            }
        }
    }

    /// A letter has come to its end.
    pub(super) fn count(&mut self, ended: DeliveryEnd) {
        self.ended += 1;
        let why = ended.outcome.reason().map(ToString::to_string);
        self.observer.notice(&Event::Delivered {
            row: ended.row,
            line: ended.line,
            state: ended.state,
            why: why.as_deref(),
        });
        self.unsettled.extend(ended.unsettled);
        if let Some(recovered) = ended.recovered {
            self.recovered.count(recovered, ended.line);
        }
        if matches!(ended.outcome, Outcome::Failed(_) | Outcome::Unknown(_)) {
            self.cut_short |= self.stop.is_set();
        }
        self.doubt(&ended.outcome);
        // It says nothing about the letters of other resources.
        if ended.closes_resource {
            return;
        }
        let tripped = self.breaker.count(&ended.outcome);
        // An outage of the network is not Altinn's refusal, nor the letters' fault.
        let tripped = match (ended.network, ended.outcome.reason()) {
            (true, Some(reason)) => tripped.map(|_| RunEnd::Unreachable(reason.to_string())),
            _ => tripped.map(RunEnd::Stopped),
        };
        if let Some(ending) = ended.stops.or(tripped) {
            self.halt(ending);
        }
    }

    /// No new letters; the first reason is the one that counts, and a person's wish to stop is one.
    pub(super) fn halt(&mut self, ending: RunEnd) {
        if self.ending.is_none() {
            let ending = if self.stop.is_set() {
                RunEnd::Interrupted
            } else {
                ending
            };
            if let RunEnd::Stopped(why) = &ending {
                self.observer.notice(&Event::Stopping { why });
            }
            self.ending = Some(ending);
        }
        self.stop.set();
    }

    /// Something ended so: what Altinn has not refused may go on when network and Altinn are well again.
    fn doubt(&mut self, outcome: &Outcome) {
        self.in_doubt |= match outcome {
            Outcome::Failed(reason) => !is_refusal(reason),
            Outcome::Unknown(_) => true,
            _ => false,
        };
    }

    /// True when the run has stopped by itself because of what Altinn refuses, and nothing is in doubt: as it is, the mailing will not go on.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.ending, Some(RunEnd::Stopped(_))) && self.failure.is_none() && !self.in_doubt
    }

    /// A file that all letters share did not get there: no letter leaves.
    pub(super) fn halt_without(&mut self, file: &str, unaccepted: Unaccepted) {
        let ending = match unaccepted {
            Unaccepted::NotStarted => {
                self.cut_short = true;
                return;
            }
            Unaccepted::Fatal(
                _,
                ending @ (RunEnd::NoToken(_) | RunEnd::Unreachable(_) | RunEnd::Untrusted { .. }),
            ) => {
                self.in_doubt = true;
                ending
            }
            unaccepted => {
                let reason = unaccepted.into_reason();
                self.in_doubt |= !is_refusal(&reason);
                RunEnd::Stopped(format!("{file} cannot be uploaded: {reason}"))
            }
        };
        self.halt(ending);
    }

    /// The end of the run, once no delivery is in flight; `exhausted` when every row was processed.
    pub(super) fn finish(
        mut self,
        exhausted: bool,
        refused: &RefusedResources,
    ) -> Result<RunEnd, SendError> {
        if let (Some(why), false) = (refused.why(), self.cut_short) {
            self.halt(RunEnd::Stopped(why));
        }
        match (self.failure, self.ending) {
            (Some(failure), _) => Err(failure),
            (None, Some(ending)) => Ok(ending),
            (None, None) if exhausted && !self.cut_short => Ok(RunEnd::Finished),
            (None, None) => Ok(RunEnd::Interrupted),
        }
    }

    /// The run cannot go on; what is in flight is still finished.
    pub(super) fn fail(&mut self, error: SendError) {
        self.failure.get_or_insert(error);
        self.stop.set();
    }
}

/// True when a reason is Altinn's, or a gateway's, final no.
fn is_refusal(reason: &Reason) -> bool {
    match (reason.code, reason.status) {
        (Some(_), _) => true,
        (None, Some(status)) => {
            (300..500).contains(&status) && !matches!(status, 408 | 409 | 421 | 425 | 429)
        }
        (None, None) => false,
    }
}
