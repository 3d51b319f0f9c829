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

/// So often a look-up is tried: its letter has had its own tries, and the next run asks again.
const LOOKUP_TRIES: u32 = 4;

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
    pub(super) requests: u32,
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
    /// No more tries: attempts, time or patience are used up, or the run was stopped.
    GaveUp(Reason),
    /// Altinn wants to be left alone for longer than any letter may wait.
    Away(Reason),
    /// There is no token to ask with, and there will be none.
    NoToken(TokenError),
    /// A file that the request needs cannot be sent as it was checked; nothing was done.
    NoFile(Reason),
}

/// What one try came to.
enum Step<T> {
    /// It is settled.
    End(End<T>),
    /// Another try is due.
    Again(Again),
    /// The token was refused, and is to be replaced.
    Refresh(Token, Refusal),
    /// The run was stopped before a request left.
    Stopped,
}

/// Why another try is due.
struct Again {
    why: Reason,
    after: Option<Duration>,
    /// Whether this one may have taken effect.
    uncertain: bool,
}

impl Attempts<'_> {
    /// Waits for a letter's turn to leave; nothing when the run is stopped first.
    pub(super) async fn turn(&self) -> Option<Instant> {
        if self.stop.is_set() {
            return None;
        }
        self.pace.depart(self.stop).await
    }

    /// Exchanges until it is settled. Every try is paced and carries the same content: repeating is harmless by its idempotency key.
    pub(super) async fn settle<T, F>(&self, exchange: impl Fn(Token) -> F) -> Settled<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get();
        self.exchange(tries, None, exchange).await
    }

    /// The same, where the first request's turn may have come already.
    pub(super) async fn settle_from<T, F>(
        &self,
        turn: Option<Instant>,
        exchange: impl Fn(Token) -> F,
    ) -> Settled<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get();
        self.exchange(tries, turn, exchange).await
    }

    /// The same for a look-up, with less patience.
    pub(super) async fn look_up<T, F>(&self, exchange: impl Fn(Token) -> F) -> End<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get().min(LOOKUP_TRIES);
        self.exchange(tries, None, exchange).await.end
    }

    async fn exchange<T, F>(
        &self,
        tries: u32,
        mut turn: Option<Instant>,
        exchange: impl Fn(Token) -> F,
    ) -> Settled<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let deadline = Instant::now() + self.retry.deadline.duration();
        let (mut count, mut requests, mut uncertain, mut refreshed) = (0, 0, false, false);
        let mut last = None;
        loop {
            count += 1;
            let end = match self.attempt(turn.take(), &exchange, &mut requests).await {
                Step::End(end) => end,
                Step::Refresh(token, _) if !refreshed => {
                    refreshed = true;
                    self.tokens.reject(&token);
                    continue;
                }
                // A fresh token was refused as well: it is not the token.
                Step::Refresh(_, refusal) => End::Refused(refusal, Verdict::Stop),
                Step::Stopped => End::GaveUp(last.unwrap_or_else(stopped)),
                Step::Again(again) => {
                    refreshed = false;
                    uncertain |= again.uncertain;
                    if again.after > Some(self.retry.deadline.duration()) {
                        End::Away(again.why)
                    } else if self.wait(&again, count, tries, deadline).await {
                        last = Some(again.why);
                        continue;
                    } else {
                        End::GaveUp(again.why)
                    }
                }
            };
            return Settled {
                end,
                requests,
                uncertain,
            };
        }
    }

    /// One try, judged.
    async fn attempt<T, F>(
        &self,
        turn: Option<Instant>,
        exchange: &impl Fn(Token) -> F,
        requests: &mut u32,
    ) -> Step<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let departed = match turn {
            Some(turn) => turn,
            None => match self.pace.depart(self.stop).await {
                Some(turn) => turn,
                None => return Step::Stopped,
            },
        };
        let token = match self.token().await {
            None => return Step::Stopped,
            Some(Ok(token)) => token,
            Some(Err(error)) if error.is_transient() => {
                return Step::Again(Again {
                    after: error.retry_after(),
                    why: (&error).into(),
                    uncertain: false,
                });
            }
            Some(Err(error)) => return Step::End(End::NoToken(error)),
        };
        *requests += 1;
        match exchange(token.clone()).await {
            Ok(Answer::Accepted(value)) => {
                self.pace.ease();
                Step::End(End::Accepted(value))
            }
            Ok(Answer::Refused(refusal)) => self.judge(refusal, token, departed),
            Err(error) if error.is_about_a_file() => Step::End(End::NoFile(Reason {
                message: error.reason(),
                ..Reason::default()
            })),
            Err(error) => Step::Again(Again {
                why: Reason {
                    message: error.reason(),
                    ..Reason::default()
                },
                after: None,
                uncertain: judge_transport(&error) == Verdict::Retry { uncertain: true },
            }),
        }
    }

    /// A token; nothing when the run is stopped first.
    pub(super) async fn token(&self) -> Option<Result<Token, TokenError>> {
        tokio::select! {
            biased;
            token = self.tokens.token() => Some(token),
            () = self.stop.wait() => None,
        }
    }

    fn judge<T>(&self, refusal: Refusal, token: Token, departed: Instant) -> Step<T> {
        match judge(&refusal) {
            Verdict::Retry { uncertain } => {
                if refusal.status == TOO_MANY_REQUESTS {
                    self.pace.slow_down(departed);
                }
                Step::Again(Again {
                    after: refusal.retry_after,
                    why: refusal.into(),
                    uncertain,
                })
            }
            Verdict::RefreshToken => Step::Refresh(token, refusal),
            verdict => Step::End(End::Refused(refusal, verdict)),
        }
    }

    /// Waits for the next try; `false` when there is none.
    async fn wait(&self, again: &Again, count: u32, tries: u32, deadline: Instant) -> bool {
        let why = &again.why.message;
        let wait = again.after.unwrap_or_else(|| self.backoff(count));
        // The server asks all of us, not only this letter.
        if again.after.is_some_and(|pause| self.pace.hold(pause)) {
            self.observer.notice(&Event::Paused { wait, why });
        }
        if count >= tries || self.stop.is_set() || Instant::now() + wait > deadline {
            return false;
        }
        self.observer.notice(&Event::Retrying { wait, why });
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.stop.wait() => false,
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
    fn backoff(&self, times: u32) -> Duration {
        let doubled = self
            .retry
            .first_delay
            .duration()
            .saturating_mul(2_u32.saturating_pow(times.saturating_sub(1)));
        doubled
            .min(self.retry.max_delay.duration())
            .mul_f64(fastrand::f64())
    }
}

const TOO_MANY_REQUESTS: u16 = 429;

fn stopped() -> Reason {
    Reason {
        message: "the run was stopped before the request left".to_owned(),
        ..Reason::default()
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

impl From<&TokenError> for Reason {
    fn from(error: &TokenError) -> Self {
        Self {
            message: error.to_string(),
            ..Self::default()
        }
    }
}
