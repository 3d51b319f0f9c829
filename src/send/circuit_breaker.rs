//! The circuit breaker: stops a run after too many failures, after identical rejections in a row, or when no letter gets through any more.

use crate::journal::{Outcome, Reason};
use crate::manifest::MaxFailures;
use crate::text::count;

/// Number of identical rejections in a row, or of letters in a row without a decisive answer, that stops the run: the template is wrong and not the rows, or Altinn is down.
const FAILURES_TO_STOP: u32 = 10;

/// Number of ended letters from which a share of failures counts: one failure in the first letter is not 100 %.
const SHARE_FLOOR: u64 = 20;

/// Counts the outcomes of a run's letters.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    limit: Option<MaxFailures>,
    ended: u64,
    failures: u64,
    /// Code and message of the last rejection.
    last: Option<(Option<u32>, String)>,
    /// Number of identical rejections in a row.
    identical: u32,
    /// Number of letters in a row that ended as failed or unknown.
    lost: u32,
}

impl CircuitBreaker {
    pub(super) fn new(limit: Option<MaxFailures>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Counts an outcome. Returns the reason when the run must stop.
    pub(super) fn count(&mut self, outcome: &Outcome) -> Option<String> {
        self.ended += 1;
        let in_a_row = match outcome {
            Outcome::Sent { .. } | Outcome::AlreadySent { .. } | Outcome::Withdrawn { .. } => {
                // An accepted letter ends both rows of failures.
                self.last = None;
                self.lost = 0;
                None
            }
            // A reservation concerns one person and is no failure. Rejections before and after it still count as in a row.
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
                self.lost += 1;
                (self.lost >= FAILURES_TO_STOP).then(|| {
                    format!(
                        "{FAILURES_TO_STOP} letters in a row did not get through, the last one because of: {reason}"
                    )
                })
            }
        };
        in_a_row.or_else(|| self.past_limit())
    }

    fn count_rejection(&mut self, reason: &Reason) -> Option<String> {
        // Refusals that name their recipient (1029) differ in words: the code alone counts where there is one.
        let words = if reason.code.is_some() {
            String::new()
        } else {
            reason.message.clone()
        };
        // Identical means the same code and, without a code, the same words.
        let this = (reason.code, words);
        if self.last.as_ref() == Some(&this) {
            self.identical += 1;
        } else {
            self.last = Some(this);
            self.identical = 1;
        }
        (self.identical >= FAILURES_TO_STOP)
            .then(|| format!("{FAILURES_TO_STOP} letters in a row were rejected alike: {reason}"))
    }

    fn past_limit(&self) -> Option<String> {
        let past = match self.limit? {
            MaxFailures::Count(count) => self.failures > count,
            // With no failures allowed the first one stops the run, without `SHARE_FLOOR`.
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
                "{} of {} failed, more than `maxFailures` allows",
                self.failures,
                count(self.ended, "letter")
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
            let why = breaker.count(&rejected(1029)).unwrap();
            assert!(why.starts_with("1 of 3 letters failed, "), "{why}");
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
