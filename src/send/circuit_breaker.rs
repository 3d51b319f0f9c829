//! Stops a run that goes wrong: too many failures, the same refusal again and again, or nothing getting through any more.

use crate::journal::{Outcome, Reason};
use crate::manifest::MaxFailures;

/// This many identical rejections in a row mean that the template is wrong, not the rows; this many letters in a row that do not get through, that
/// Altinn is down.
pub(super) const IN_A_ROW: u32 = 10;

/// Ended letters before a share of failures is judged: the first failure is not 100 %.
const SHARE_FLOOR: u64 = 20;

#[derive(Debug)]
pub(super) struct CircuitBreaker {
    limit: Option<MaxFailures>,
    ended: u64,
    failures: u64,
    last: Option<(Option<u32>, String)>,
    identical: u32,
    /// Letters in a row that got no answer worth the name.
    lost: u32,
}

impl CircuitBreaker {
    pub(super) fn new(limit: Option<MaxFailures>) -> Self {
        Self {
            limit,
            ended: 0,
            failures: 0,
            last: None,
            identical: 0,
            lost: 0,
        }
    }

    /// Counts one end; `Some(why)` when the run must stop.
    pub(super) fn count(&mut self, outcome: &Outcome) -> Option<String> {
        self.ended += 1;
        let in_a_row = match outcome {
            Outcome::Sent { .. } | Outcome::AlreadySent { .. } | Outcome::Withdrawn { .. } => {
                self.last = None;
                self.lost = 0;
                None
            }
            // A reservation is an answer about a person, not a fault.
            Outcome::Reserved(_) => {
                self.lost = 0;
                None
            }
            Outcome::Rejected(reason) => {
                self.failures += 1;
                self.lost = 0;
                self.count_rejection(reason)
            }
            Outcome::Failed(reason) | Outcome::Unknown(reason) => {
                self.failures += 1;
                self.count_loss(reason)
            }
        };
        in_a_row.or_else(|| self.past_limit())
    }

    fn count_loss(&mut self, reason: &Reason) -> Option<String> {
        self.lost += 1;
        (self.lost >= IN_A_ROW).then(|| {
            format!(
                "{IN_A_ROW} letters in a row did not get through, the last one because of: {reason}"
            )
        })
    }

    fn count_rejection(&mut self, reason: &Reason) -> Option<String> {
        // Refusals that name their recipient (1029) differ in words: the code alone counts where there is one.
        let words = if reason.code.is_some() {
            String::new()
        } else {
            reason.message.clone()
        };
        let this = (reason.code, words);
        if self.last.as_ref() == Some(&this) {
            self.identical += 1;
        } else {
            self.last = Some(this);
            self.identical = 1;
        }
        (self.identical >= IN_A_ROW)
            .then(|| format!("{IN_A_ROW} letters in a row were rejected alike: {reason}"))
    }

    fn past_limit(&self) -> Option<String> {
        let past = match self.limit? {
            MaxFailures::Count(count) => self.failures > count,
            // None at all needs no while to show.
            MaxFailures::Share(share) if share <= 0.0 => self.failures > 0,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share of letters needs no more than 52 bits"
            )]
            MaxFailures::Share(share) => {
                self.ended >= SHARE_FLOOR && self.failures as f64 > self.ended as f64 * share
            }
        };
        past.then(|| {
            format!(
                "{} of {} letters failed, more than `maxFailures` allows",
                self.failures, self.ended
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(code: u32) -> Outcome {
        Outcome::Rejected(Reason {
            status: Some(400),
            code: Some(code),
            ..Reason::default()
        })
    }

    fn sent() -> Outcome {
        Outcome::Sent {
            id: uuid::Uuid::nil(),
        }
    }

    #[test]
    fn ten_identical_rejections_in_a_row_stop_the_run() {
        let mut breaker = CircuitBreaker::new(None);
        assert!((0..9).all(|_| breaker.count(&rejected(1002)).is_none()));
        assert!(breaker.count(&rejected(1002)).is_some());
    }

    #[test]
    fn a_success_or_another_code_between_them_starts_the_count_again() {
        let mut breaker = CircuitBreaker::new(None);
        for _ in 0..5 {
            assert!((0..9).all(|_| breaker.count(&rejected(1002)).is_none()));
            assert!(breaker.count(&sent()).is_none());
            assert!((0..9).all(|_| breaker.count(&rejected(1023)).is_none()));
        }
    }

    fn lost() -> Outcome {
        Outcome::Unknown(Reason::default())
    }

    #[test]
    fn ten_letters_in_a_row_that_do_not_get_through_stop_the_run() {
        let mut breaker = CircuitBreaker::new(None);
        for answer in [sent(), rejected(1029), Outcome::Reserved(Reason::default())] {
            assert!((0..9).all(|_| breaker.count(&lost()).is_none()));
            assert!(breaker.count(&answer).is_none());
        }
        assert!((0..9).all(|_| breaker.count(&Outcome::Failed(Reason::default())).is_none()));
        assert!(breaker.count(&lost()).is_some());
    }

    #[test]
    fn losses_between_them_do_not_make_rejections_different() {
        let mut breaker = CircuitBreaker::new(None);
        for _ in 0..9 {
            assert!(breaker.count(&rejected(1002)).is_none());
            assert!(breaker.count(&lost()).is_none());
        }
        assert!(breaker.count(&rejected(1002)).is_some());
    }

    #[test]
    fn no_failures_at_all_means_the_first_one_stops() {
        for limit in [MaxFailures::Count(0), MaxFailures::Share(0.0)] {
            let mut breaker = CircuitBreaker::new(Some(limit));
            assert!(breaker.count(&sent()).is_none());
            assert!(
                breaker
                    .count(&Outcome::Reserved(Reason::default()))
                    .is_none()
            );
            assert!(breaker.count(&rejected(1029)).is_some());
        }
    }

    #[test]
    fn a_share_that_was_passed_early_is_seen_when_enough_letters_have_ended() {
        let mut breaker = CircuitBreaker::new(Some(MaxFailures::Share(0.05)));
        assert!((0..3).all(|_| breaker.count(&rejected(1029)).is_none()));
        assert!((0..16).all(|_| breaker.count(&sent()).is_none()));
        assert!(breaker.count(&sent()).is_some(), "3 of 20 is more than 5 %");
    }

    #[test]
    fn a_count_is_a_limit_and_a_share_is_one_after_a_while() {
        let mut breaker = CircuitBreaker::new(Some(MaxFailures::Count(1)));
        assert!(breaker.count(&rejected(1)).is_none());
        assert!(breaker.count(&rejected(2)).is_some());

        let mut breaker = CircuitBreaker::new(Some(MaxFailures::Share(0.05)));
        assert!(breaker.count(&rejected(1)).is_none());
        assert!((0..18).all(|_| breaker.count(&sent()).is_none()));
        assert!(
            breaker.count(&rejected(2)).is_some(),
            "2 of 20 is more than 5 %"
        );
    }
}
