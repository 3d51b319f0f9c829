//! The counts of a run in progress, and the decision to stop it.

use super::attempt::Unaccepted;
use super::circuit_breaker::CircuitBreaker;
use super::delivery::{Consequence, DeliveryEnd};
use super::lookup::Lookup;
use super::signals::RefusedResources;
use super::{Event, Observer, RunEnd, SendError, Stop, Summary};
use crate::journal::{Outcome, Reason};
use crate::manifest::MaxFailures;

/// The largest number of lines that are named of letters with other titles.
const NAMED: usize = 5;

/// Counts the ends of letters, reports them, and stops the run when they show an error that concerns all letters.
pub(super) struct Tally<'a> {
    /// Letters to look up when the others have ended.
    pub(super) unsettled: Vec<Lookup>,
    /// The numbers so far.
    summary: Summary,
    /// Number of ended letters that are not sent.
    pub(super) unsent: u64,
    pub(super) ending: Option<RunEnd>,
    pub(super) failure: Option<SendError>,
    /// True when a letter was given up, or not sent, because the run was stopped.
    pub(super) cut_short: bool,
    /// False when a letter may have been sent whose outcome could not be recorded.
    pub(super) is_accounted_for: bool,
    /// True when a letter or upload ended without Altinn having accepted or refused it.
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
            summary: Summary::default(),
            unsent: 0,
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

    /// Takes the result of [`Sender::deliver`](super::delivery::Sender::deliver).
    pub(super) fn take(&mut self, end: Result<Option<DeliveryEnd>, SendError>) {
        match end {
            Ok(Some(end)) => self.count(end),
            // Not sent: the run was stopped, or the resource closed.
            Ok(None) => self.cut_short |= self.stop.is_set(),
            Err(error) => {
                // The block must stay open: its letter may have been sent.
                self.is_accounted_for = false;
                self.fail(error);
            }
        }
    }

    /// Counts and reports an end that is in the journal, and stops the run when it must.
    pub(super) fn count(&mut self, ended: DeliveryEnd) {
        self.summary.ended += 1;
        self.unsent += u64::from(!ended.outcome.state().is_sent());
        // Rows that had this letter's correspondence: they were counted as sent, and are unknown now.
        let disputed = ended
            .unsettled
            .iter()
            .filter(|other| other.row != ended.row);
        self.unsent += disputed.count() as u64;
        let why = ended.outcome.reason().map(ToString::to_string);
        self.observer.notice(&Event::Delivered {
            row: ended.row,
            line: ended.line,
            state: ended.outcome.state(),
            why: why.as_deref(),
        });
        self.unsettled.extend(ended.unsettled);
        if let Some(has_other_title) = ended.recovered {
            let recovered = &mut self.summary.recovered;
            recovered.letters += 1;
            recovered.other_titles += u64::from(has_other_title);
            if has_other_title && recovered.lines.len() < NAMED {
                recovered.lines.push(ended.line);
            }
        }
        // The stop may have prevented further tries.
        if matches!(ended.outcome, Outcome::Failed(_) | Outcome::Unknown(_)) {
            self.cut_short |= self.stop.is_set();
        }
        // The mailing may continue when network and Altinn are available again.
        self.in_doubt |= match &ended.outcome {
            Outcome::Failed(reason) => !is_refusal(reason),
            Outcome::Unknown(_) => true,
            _ => false,
        };
        let tripped = match ended.consequence {
            // The refusal does not concern the letters of other resources.
            Consequence::ClosesResource => return,
            _ => self.breaker.count(&ended.outcome),
        };
        let ending = match ended.consequence {
            Consequence::Stops(ending) => Some(ending),
            // Reported as a missing network: neither Altinn nor the letters are the cause.
            Consequence::NoNetwork if tripped.is_some() && why.is_some() => {
                why.map(RunEnd::Unreachable)
            }
            _ => tripped.map(RunEnd::Stopped),
        };
        if let Some(ending) = ending {
            self.halt(ending);
        }
    }

    /// Stops the run. The first reason counts; a stop from outside counts as `Interrupted`.
    pub(super) fn halt(&mut self, ending: RunEnd) {
        if self.ending.is_none() {
            // Set from outside, or by an error, which takes precedence in `finish`.
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

    /// True when the run stopped because of Altinn's refusals alone. The mailing cannot continue without changes, so unused uploads are deleted.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.ending, Some(RunEnd::Stopped(_))) && self.failure.is_none() && !self.in_doubt
    }

    /// Stops the run because a file that all letters share could not be uploaded.
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
                self.summary.code_of_file = reason.code;
                RunEnd::Stopped(format!("{file} cannot be uploaded: {reason}"))
            }
        };
        self.halt(ending);
    }

    /// The numbers of the run, with its end. Called when no delivery is in flight; `exhausted` is true when all rows have been handed out.
    pub(super) fn finish(mut self, exhausted: bool, refused: &RefusedResources) -> Summary {
        if let (Some(why), false) = (refused.why(), self.cut_short) {
            self.halt(RunEnd::Stopped(why));
        }
        let ending = match self.failure.map(RunEnd::Broken).or(self.ending) {
            Some(ending) => ending,
            // A stop that came after the last letter interrupts nothing.
            None if exhausted && !self.cut_short => RunEnd::Finished,
            None => RunEnd::Interrupted,
        };
        Summary {
            ending,
            ..self.summary
        }
    }

    /// Stops the run with an error; the first one counts. Letters in flight are still finished.
    pub(super) fn fail(&mut self, error: SendError) {
        // Later errors are usually consequences of the first.
        self.failure.get_or_insert(error);
        self.stop.set();
    }
}

/// True when a reason is a refusal, by Altinn or a gateway, that would be repeated.
fn is_refusal(reason: &Reason) -> bool {
    match (reason.code, reason.status) {
        (Some(_), _) => true,
        (None, Some(status)) => {
            (300..500).contains(&status) && !matches!(status, 408 | 409 | 421 | 425 | 429)
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_network_is_the_reason_also_when_max_failures_is_reached() {
        let failed = || Outcome::Failed(Reason::because("no connection"));
        for (consequence, is_network) in
            [(Consequence::NoNetwork, true), (Consequence::None, false)]
        {
            let stop = Stop::default();
            let mut tally = Tally::new(Some(MaxFailures::Count(0)), &(), &stop);
            let mut end = DeliveryEnd::from(failed());
            end.consequence = consequence;
            tally.count(end);
            assert!(stop.is_set());
            let ending = tally.finish(false, &RefusedResources::new(false));
            match ending.ending {
                RunEnd::Unreachable(why) => assert!(is_network && why == "no connection", "{why}"),
                RunEnd::Stopped(why) => {
                    assert!(!is_network && why.contains("maxFailures"), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
