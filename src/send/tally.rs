//! The state of a run while it goes on, and the decision to stop it.

use super::circuit_breaker::CircuitBreaker;
use super::delivery_end::{DeliveryEnd, StepResult};
use super::lookup::Lookup;
use super::outcome::{Fatal, Judged};
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
            in_doubt: false,
            breaker: CircuitBreaker::new(limit),
            observer,
            stop,
        }
    }

    /// A row has had its turn.
    pub(super) fn take(&mut self, end: Result<StepResult, SendError>) {
        match end {
            Ok(StepResult::Ended(ended)) => self.count(*ended),
            Ok(StepResult::NotStarted) => self.cut_short = true,
            Ok(StepResult::NoLetter) => {}
            Err(error) => self.fail(error),
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
        self.doubt(&ended.outcome, ended.fatal.as_ref());
        // It says nothing about the letters of other resources.
        if matches!(ended.fatal, Some(Fatal::Resource)) {
            return;
        }
        let tripped = self.breaker.count(&ended.outcome);
        let fatal = ended.fatal.and_then(Fatal::ending);
        // An outage of the network is not Altinn's refusal, nor the letters' fault.
        let tripped = match (ended.network, ended.outcome.reason()) {
            (true, Some(reason)) => tripped.map(|_| RunEnd::Unreachable(reason.to_string())),
            _ => tripped.map(RunEnd::Stopped),
        };
        if let Some(ending) = fatal.or(tripped) {
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
    fn doubt(&mut self, outcome: &Outcome, fatal: Option<&Fatal>) {
        self.in_doubt |= match (outcome, fatal) {
            (Outcome::Failed(_), Some(Fatal::Refused(_))) => false,
            (Outcome::Failed(_) | Outcome::Unknown(_), _) => true,
            _ => false,
        };
    }

    /// True when the run has stopped by itself because of what Altinn refuses, and nothing is in doubt: as it is, the mailing will not go on.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.ending, Some(RunEnd::Stopped(_))) && self.failure.is_none() && !self.in_doubt
    }

    /// A file that all letters share did not get there: no letter leaves.
    pub(super) fn halt_without(&mut self, file: &str, judged: Judged) {
        self.doubt(&judged.0, judged.1.as_ref());
        let (outcome, fatal) = judged;
        let why = outcome.reason().map(Reason::to_string);
        let refused = format!("{file} cannot be uploaded: {}", why.unwrap_or_default());
        self.halt(match fatal.and_then(Fatal::ending) {
            Some(
                ending @ (RunEnd::NoToken(_) | RunEnd::Unreachable(_) | RunEnd::Untrusted { .. }),
            ) => ending,
            _ => RunEnd::Stopped(refused),
        });
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

impl Fatal {
    /// The end of the run that follows; `None` when it goes on.
    pub(super) fn ending(self) -> Option<RunEnd> {
        Some(match self {
            Self::NoToken(error) => RunEnd::NoToken(error),
            Self::Untrusted(reason, hint) => RunEnd::Untrusted {
                reason: reason.to_string(),
                hint,
            },
            Self::Unreachable(reason) => RunEnd::Unreachable(reason.to_string()),
            Self::Away(reason) => RunEnd::Stopped(format!(
                "Altinn wants to be left alone for longer than `retry.deadline`: {reason}"
            )),
            Self::Refused(reason) => RunEnd::Stopped(format!(
                "Altinn refuses what all letters have in common: {reason}"
            )),
            Self::Resource => return None,
        })
    }
}
