//! Stops a run that goes wrong: too many failures, or the same refusal again and again.

use crate::journal::{Outcome, Reason};
use crate::manifest::MaxFailures;

/// So many identical rejections in a row mean that the template is wrong, not the rows.
pub(super) const IDENTICAL_REJECTIONS: u32 = 10;

/// A share of failures is not looked at before so many letters have come to an end: the first failure is not 100 %.
const SHARE_FLOOR: u64 = 20;

/// Counts how letters end.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: Option<MaxFailures>,
    ended: u64,
    failures: u64,
    last: Option<(Option<u32>, String)>,
    identical: u32,
}

impl Breaker {
    pub(super) fn new(limit: Option<MaxFailures>) -> Self {
        Self {
            limit,
            ended: 0,
            failures: 0,
            last: None,
            identical: 0,
        }
    }

    /// Counts one end; `Some(why)` when the run must stop.
    pub(super) fn count(&mut self, outcome: &Outcome) -> Option<String> {
        self.ended += 1;
        match outcome {
            Outcome::Sent { .. } | Outcome::AlreadySent { .. } => {
                self.last = None;
                return None;
            }
            // A reservation is an answer about a person, not a fault.
            Outcome::Reserved(_) => return None,
            Outcome::Rejected(reason) => {
                if let Some(why) = self.count_rejection(reason) {
                    return Some(why);
                }
            }
            Outcome::Failed(_) | Outcome::Unknown(_) => {}
        }
        self.failures += 1;
        self.past_limit()
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
        (self.identical >= IDENTICAL_REJECTIONS).then(|| {
            format!(
                "{IDENTICAL_REJECTIONS} letters in a row were rejected alike: {}",
                reason.message
            )
        })
    }

    fn past_limit(&self) -> Option<String> {
        let past = match self.limit? {
            MaxFailures::Count(count) => self.failures > count,
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
        let mut breaker = Breaker::new(None);
        assert!((0..9).all(|_| breaker.count(&rejected(1002)).is_none()));
        assert!(breaker.count(&rejected(1002)).is_some());
    }

    #[test]
    fn a_success_or_another_code_between_them_starts_the_count_again() {
        let mut breaker = Breaker::new(None);
        for _ in 0..5 {
            assert!((0..9).all(|_| breaker.count(&rejected(1002)).is_none()));
            assert!(breaker.count(&sent()).is_none());
            assert!((0..9).all(|_| breaker.count(&rejected(1023)).is_none()));
        }
    }

    #[test]
    fn a_count_is_a_limit_and_a_share_is_one_after_a_while() {
        let mut breaker = Breaker::new(Some(MaxFailures::Count(1)));
        assert!(breaker.count(&rejected(1)).is_none());
        assert!(breaker.count(&rejected(2)).is_some());

        let mut breaker = Breaker::new(Some(MaxFailures::Share(0.05)));
        assert!(breaker.count(&rejected(1)).is_none());
        assert!((0..18).all(|_| breaker.count(&sent()).is_none()));
        assert!(
            breaker.count(&rejected(2)).is_some(),
            "2 of 20 is more than 5 %"
        );
    }
}
