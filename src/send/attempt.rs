//! One exchange with Altinn, tried until it is settled: the only retry loop.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;
use super::verdict::{Verdict, judge, judge_transport};
use super::{Event, Observer, Stop};
use crate::altinn::{Answer, Refusal, TransportError};
use crate::journal::Reason;
use crate::manifest::Retry;
use crate::maskinporten::{Token, TokenError, Tokens};

/// What is needed to try and try again.
pub(super) struct Attempts<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) pace: &'a Pace,
    pub(super) retry: &'a Retry,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a Stop,
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct Settled<T> {
    /// What it came to.
    pub(super) end: End<T>,
    /// How many requests left the machine.
    pub(super) attempts: u32,
    /// Whether a request before the last may have taken effect without our knowing.
    pub(super) uncertain: bool,
}

/// What an exchange came to.
#[derive(Debug)]
pub(super) enum End<T> {
    /// Altinn did it.
    Accepted(T),
    /// Altinn will not do it; the verdict is final (never a retry).
    Refused(Refusal, Verdict),
    /// No more tries: attempts, time or patience are used up.
    GaveUp(Reason),
    /// There is no token to ask with, and there will be none.
    NoToken(TokenError),
}

/// What one try came to.
enum Step<T> {
    /// It is settled.
    End(End<T>),
    /// Another try is due.
    Again(Again),
    /// The token was refused, and is to be replaced.
    Refresh(Token, Refusal),
}

/// Why another try is due.
struct Again {
    why: Reason,
    after: Option<Duration>,
    /// Whether this one may have taken effect.
    uncertain: bool,
}

impl Attempts<'_> {
    /// Exchanges until it is settled. Every try is paced and carries the same content: repeating is harmless by its idempotency key.
    pub(super) async fn settle<T, F>(&self, exchange: impl Fn(Token) -> F) -> Settled<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let deadline = Instant::now() + self.retry.deadline.duration();
        let (mut attempts, mut uncertain, mut refreshed) = (0, false, false);
        loop {
            attempts += 1;
            let end = match self.attempt(&exchange).await {
                Step::End(end) => end,
                Step::Refresh(token, _) if !refreshed => {
                    refreshed = true;
                    self.tokens.reject(&token);
                    continue;
                }
                // A fresh token was refused as well: it is not the token.
                Step::Refresh(_, refusal) => End::Refused(refusal, Verdict::Stop),
                Step::Again(again) => {
                    uncertain |= again.uncertain;
                    match self.wait(&again, attempts, deadline).await {
                        Some(why) => End::GaveUp(why),
                        None => continue,
                    }
                }
            };
            return Settled {
                end,
                attempts,
                uncertain,
            };
        }
    }

    /// One try, judged.
    async fn attempt<T, F>(&self, exchange: &impl Fn(Token) -> F) -> Step<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let token = match self.tokens.token().await {
            Ok(token) => token,
            Err(error) if error.is_transient() => {
                let why = Reason {
                    message: error.to_string(),
                    ..Reason::default()
                };
                return Step::Again(Again {
                    why,
                    after: error.retry_after(),
                    uncertain: false,
                });
            }
            Err(error) => return Step::End(End::NoToken(error)),
        };
        self.pace.depart().await;
        match exchange(token.clone()).await {
            Ok(Answer::Accepted(value)) => Step::End(End::Accepted(value)),
            Ok(Answer::Refused(refusal)) => match judge(&refusal) {
                Verdict::Retry { uncertain } => Step::Again(Again {
                    after: refusal.retry_after,
                    why: refusal.into(),
                    uncertain,
                }),
                Verdict::RefreshToken => Step::Refresh(token, refusal),
                verdict => Step::End(End::Refused(refusal, verdict)),
            },
            Err(error) => {
                let uncertain = judge_transport(&error) == Verdict::Retry { uncertain: true };
                let why = Reason {
                    message: error.reason(),
                    ..Reason::default()
                };
                Step::Again(Again {
                    why,
                    after: None,
                    uncertain,
                })
            }
        }
    }

    /// Waits for the next try; `Some(reason)` when there is none.
    async fn wait(&self, again: &Again, attempts: u32, deadline: Instant) -> Option<Reason> {
        if attempts >= self.retry.attempts.get() || self.stop.is_set() {
            return Some(again.why.clone());
        }
        let wait = again.after.unwrap_or_else(|| self.backoff(attempts));
        if Instant::now() + wait > deadline {
            return Some(again.why.clone());
        }
        if again.after.is_some() {
            // The server asks all of us, not only this letter.
            self.pace.hold(wait);
        }
        self.observer.notice(&Event::Retrying {
            wait,
            why: &again.why.message,
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            () = self.stop.wait() => Some(again.why.clone()),
        }
    }

    /// Waits before a look-up that found nothing is asked again.
    pub(super) async fn pause(&self, times: u32) {
        tokio::select! {
            () = tokio::time::sleep(self.backoff(times)) => {}
            () = self.stop.wait() => {}
        }
    }

    /// Full jitter: anything up to an exponentially growing limit, so that those who failed together do not come back together.
    fn backoff(&self, attempts: u32) -> Duration {
        let doubled = self
            .retry
            .first_delay
            .duration()
            .saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        doubled
            .min(self.retry.max_delay.duration())
            .mul_f64(fastrand::f64())
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        let message = match refusal.errors.as_slice() {
            [] => refusal.message,
            errors => errors.join("; "),
        };
        Self {
            status: Some(refusal.status),
            code: refusal.code,
            message,
            trace: refusal.trace,
        }
    }
}
