//! One exchange with Altinn, tried until it is settled: the only retry loop.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::outcome::{Fatal, stopped};
use super::rate_limiter::{Departure, RateLimiter, Slot};
use super::signals::ServerContact;
use super::verdict::{Verdict, judge, judge_transport};
use super::{Event, Observer, Stop};
use crate::altinn::{Answer, Refusal, TransportError, TransportKind};
use crate::journal::Reason;
use crate::manifest::Retry;
use crate::maskinporten::{Token, TokenError, TokenSource};

/// Tries of a look-up: its letter has had its own tries, and the next run asks again.
const LOOKUP_TRIES: u32 = 4;

/// Tries while neither Altinn nor Maskinporten has ever answered: without a network there is nothing to wait for.
const FIRST_CONTACT: u32 = 3;

/// The shared parts of all attempts in a run.
pub(super) struct Attempts<'a> {
    pub(super) tokens: &'a dyn TokenSource,
    pub(super) limiter: &'a RateLimiter,
    pub(super) retry: &'a Retry,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a Stop,
    pub(super) contact: ServerContact,
}

/// The result of an exchange after all its attempts.
#[derive(Debug)]
pub(super) struct Attempted<T> {
    /// Altinn's answer, or the reason there is none.
    pub(super) result: Result<T, Unaccepted>,
    /// Number of requests that left the machine.
    pub(super) requests: u32,
    /// Time of the last request whose effect is not known.
    pub(super) lost_at: Option<Timestamp>,
}

/// The reason an exchange was not accepted.
#[derive(Debug)]
pub(super) enum Unaccepted {
    /// Altinn will not do it; the verdict is final (never a retry).
    Refused(Refusal, Verdict),
    /// No more tries: attempts or time are used up, or the run was stopped. `network` when the last try found no connection.
    GaveUp { reason: Reason, network: bool },
    /// A file that the request needs cannot be sent as it was checked; nothing was done.
    NoFile(Reason),
    /// The run was stopped before a request left.
    NotStarted,
    /// No other exchange would fare better.
    Fatal(Fatal),
}

impl Unaccepted {
    /// The reason as the journal keeps it.
    pub(super) fn into_reason(self) -> Reason {
        match self {
            Self::Refused(refusal, _) => refusal.into(),
            Self::GaveUp { reason, .. } | Self::NoFile(reason) => reason,
            Self::NotStarted => stopped(),
            Self::Fatal(fatal) => fatal.reason(),
        }
    }
}

/// The result of one attempt.
enum AttemptStep<T> {
    Settled(Result<T, Unaccepted>),
    NextTry(NextTry),
    /// The token was refused, and is to be replaced.
    Refresh(Token, Refusal),
    /// The run was stopped before a request left.
    Stopped,
}

/// The reason for another attempt.
struct NextTry {
    why: Reason,
    after: Option<Duration>,
    /// True when this one may have taken effect.
    uncertain: bool,
    /// True when there was no connection at all.
    unconnected: bool,
}

/// The reason there is no further attempt.
enum NoNextTry {
    /// Altinn wants to be left alone for longer than any letter may wait.
    Away,
    /// Altinn cannot be reached, and never was in this run.
    Unreachable,
    /// Attempts or time are used up, or the run was stopped.
    GaveUp,
}

impl NoNextTry {
    fn because(self, last: NextTry) -> Unaccepted {
        match self {
            Self::Away => Unaccepted::Fatal(Fatal::Away(last.why)),
            Self::Unreachable => Unaccepted::Fatal(Fatal::Unreachable(last.why)),
            Self::GaveUp => Unaccepted::GaveUp {
                reason: last.why,
                network: last.unconnected,
            },
        }
    }
}

impl<'a> Attempts<'a> {
    /// Waits for a letter's seat, and then for its turn to leave; nothing when the run is stopped first, or about to be.
    pub(super) async fn ready(&self) -> Option<(Slot<'a>, Departure<'a>)> {
        let seat = self.limiter.seat(self.stop).await?;
        Some((seat, self.turn().await?))
    }

    /// Waits for a letter's turn to leave; nothing when the run is stopped first, or about to be.
    pub(super) async fn turn(&self) -> Option<Departure<'a>> {
        if self.stop.is_set() {
            return None;
        }
        let turn = self.limiter.turn(self.stop).await;
        turn.filter(|_| !self.contact.the_last())
    }

    /// Waits for the place in flight of a letter whose start is written down; nothing when the run is stopped first, or about to be.
    pub(super) async fn enter(&self, mut turn: Departure<'a>) -> Option<Departure<'a>> {
        self.limiter.enter(&mut turn, self.stop).await?;
        (!self.contact.the_last()).then_some(turn)
    }

    /// No letter begins any more: something has been heard that stops the run as soon as it is written down.
    pub(super) fn close(&self) {
        self.contact.end();
    }

    /// The first token of a run; nothing when the run is stopped first. Nothing has left before it, so that it needs no turn: it is the one request that a
    /// run may have beyond its rate.
    pub(super) async fn first_token(&self) -> Option<Result<Token, TokenError>> {
        let mut count = 1;
        loop {
            match self.token().await? {
                Err(error) if error.is_transient() && count < FIRST_CONTACT => {
                    self.pause(count).await;
                    let mut turn = self.turn().await?;
                    self.limiter.leave(&mut turn, self.stop).await?;
                    count += 1;
                }
                token => return Some(token),
            }
        }
    }

    /// Exchanges until it is settled. Every try is paced and carries the same content: repeating is harmless by its idempotency key.
    pub(super) async fn settle<T, F>(&self, exchange: impl Fn(Token) -> F) -> Attempted<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        self.settle_from(None, |_| true, exchange).await
    }

    /// The same, where the first request's turn may have come already, and where an answer that does not fit is another request's: then it is not known what
    /// became of this one.
    pub(super) async fn settle_from<T, F>(
        &self,
        turn: Option<Departure<'a>>,
        fits: impl Fn(&T) -> bool,
        exchange: impl Fn(Token) -> F,
    ) -> Attempted<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get();
        self.exchange(tries, turn, fits, exchange).await
    }

    /// The same for a look-up, with less patience.
    pub(super) async fn look_up<T, F>(&self, exchange: impl Fn(Token) -> F) -> Result<T, Unaccepted>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get().min(LOOKUP_TRIES);
        let attempted = self.exchange(tries, None, |_| true, exchange);
        attempted.await.result
    }

    async fn exchange<T, F>(
        &self,
        tries: u32,
        mut turn: Option<Departure<'a>>,
        fits: impl Fn(&T) -> bool,
        exchange: impl Fn(Token) -> F,
    ) -> Attempted<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let deadline = Instant::now() + self.retry.deadline.duration();
        let (mut count, mut requests, mut lost_at, mut refreshed) = (0, 0, None, false);
        let mut last = None;
        loop {
            count += 1;
            let step = self.attempt(&mut turn, &fits, &exchange, &mut requests);
            let step = step.await;
            if let (AttemptStep::Refresh(token, refusal), false) = (&step, refreshed) {
                refreshed = true;
                self.tokens.reject(token);
                last = Some(refusal.clone().into());
                // In the same place: no other letter is to find out what the next token is worth.
                continue;
            }
            turn = None;
            let result = match step {
                AttemptStep::Settled(result) => result,
                // A fresh token was refused as well: it is not the token.
                AttemptStep::Refresh(_, refusal) => {
                    let verdict = self.judge_twice(&refusal);
                    Err(Unaccepted::Refused(refusal, verdict))
                }
                AttemptStep::Stopped => {
                    Err(
                        last.map_or(Unaccepted::NotStarted, |reason| Unaccepted::GaveUp {
                            reason,
                            network: false,
                        }),
                    )
                }
                AttemptStep::NextTry(again) => {
                    refreshed = false;
                    if again.uncertain {
                        lost_at = Some(Timestamp::now());
                    }
                    match self.next_try(&again, count, tries, deadline).await {
                        Ok(()) => {
                            last = Some(again.why);
                            continue;
                        }
                        Err(over) => Err(over.because(again)),
                    }
                }
            };
            return Attempted {
                result,
                requests,
                lost_at,
            };
        }
    }

    /// Waits for the next try, or says why there is none.
    async fn next_try(
        &self,
        again: &NextTry,
        count: u32,
        tries: u32,
        deadline: Instant,
    ) -> Result<(), NoNextTry> {
        let cut_off = again.unconnected && !self.contact.anything();
        let tries = if cut_off {
            tries.min(FIRST_CONTACT)
        } else {
            tries
        };
        if again.after > Some(self.retry.deadline.duration()) {
            Err(NoNextTry::Away)
        } else if self.wait(again, count, tries, deadline).await {
            Ok(())
        } else if cut_off && !self.stop.is_set() {
            Err(NoNextTry::Unreachable)
        } else {
            Err(NoNextTry::GaveUp)
        }
    }

    async fn attempt<T, F>(
        &self,
        turn: &mut Option<Departure<'a>>,
        fits: &impl Fn(&T) -> bool,
        exchange: &impl Fn(Token) -> F,
        requests: &mut u32,
    ) -> AttemptStep<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        if turn.is_none() {
            *turn = self.limiter.turn(self.stop).await;
        }
        let Some(turn) = turn else {
            return AttemptStep::Stopped;
        };
        let (departed, token) = match self.depart(turn).await {
            None => return AttemptStep::Stopped,
            Some(Ok(departed)) => departed,
            Some(Err(error)) if error.is_transient() => {
                return AttemptStep::NextTry(NextTry {
                    after: error.retry_after(),
                    why: (&error).into(),
                    uncertain: false,
                    // A token server that is away is the network's trouble as much as Altinn's own.
                    unconnected: matches!(&error, TokenError::Transport(transport) if transport.kind == TransportKind::Connect)
                        && self.contact.anything(),
                });
            }
            Some(Err(error)) => {
                return AttemptStep::Settled(Err(Unaccepted::Fatal(Fatal::NoToken(error))));
            }
        };
        *requests += 1;
        // Boxed: everything around it is moved more than once.
        match Box::pin(exchange(token.clone())).await {
            Ok(Answer::Accepted(value)) => {
                self.contact.hear(true);
                self.limiter.answered(departed);
                if fits(&value) {
                    return AttemptStep::Settled(Ok(value));
                }
                // A proxy that has lost count gives answers to those who did not ask.
                AttemptStep::NextTry(NextTry {
                    why: Reason {
                        message: "the answer was about another letter".to_owned(),
                        ..Reason::default()
                    },
                    after: None,
                    uncertain: true,
                    unconnected: false,
                })
            }
            Ok(Answer::Refused(refusal)) => {
                self.contact.hear(false);
                self.judge(refusal, token, departed)
            }
            Err(error) if error.is_about_a_file() => {
                AttemptStep::Settled(Err(Unaccepted::NoFile(Reason {
                    message: error.reason(),
                    ..Reason::default()
                })))
            }
            Err(error) if error.is_about_trust() => {
                let why = Reason {
                    message: error.reason(),
                    ..Reason::default()
                };
                let fatal = Fatal::Untrusted(why, error.hint());
                AttemptStep::Settled(Err(Unaccepted::Fatal(fatal)))
            }
            Err(error) => {
                if error.kind == TransportKind::Timeout {
                    self.limiter.troubled(departed);
                }
                AttemptStep::NextTry(NextTry {
                    why: Reason {
                        message: error.reason(),
                        ..Reason::default()
                    },
                    after: None,
                    uncertain: judge_transport(&error) == Verdict::Retry { uncertain: true },
                    unconnected: error.kind == TransportKind::Connect,
                })
            }
        }
    }

    /// Leaves with a token. When one has to be fetched, the request for it takes the turn, and another is waited for.
    async fn depart(
        &self,
        turn: &mut Departure<'a>,
    ) -> Option<Result<(Instant, Token), TokenError>> {
        loop {
            let departed = self.limiter.leave(turn, self.stop).await?;
            let mut token = std::pin::pin!(self.token());
            if let Poll::Ready(token) = futures::poll!(&mut token) {
                return Some(token?.map(|token| (departed, token)));
            }
            if let Err(error) = token.await? {
                return Some(Err(error));
            }
        }
    }

    /// A token; nothing when the run is stopped first.
    async fn token(&self) -> Option<Result<Token, TokenError>> {
        tokio::select! {
            biased;
            token = self.tokens.token() => Some(token),
            () = self.stop.wait() => None,
        }
    }

    fn judge<T>(&self, refusal: Refusal, token: Token, departed: Instant) -> AttemptStep<T> {
        match judge(&refusal) {
            Verdict::Retry { uncertain } => {
                let after = match refusal.status {
                    TOO_MANY_REQUESTS => Some(self.limiter.refused(departed, refusal.retry_after)),
                    408 | 503 | 504 => {
                        self.limiter.troubled(departed);
                        refusal.retry_after
                    }
                    _ => refusal.retry_after,
                };
                AttemptStep::NextTry(NextTry {
                    after,
                    why: refusal.into(),
                    uncertain,
                    unconnected: false,
                })
            }
            Verdict::RefreshToken => AttemptStep::Refresh(token, refusal),
            verdict => {
                self.limiter.answered(departed);
                AttemptStep::Settled(Err(Unaccepted::Refused(refusal, verdict)))
            }
        }
    }

    /// A refusal that a fresh token did not help against. Where Altinn has said yes before, a bare 403 comes from what guards the way and does not like this
    /// one letter; ten of them stop the run like any other ten.
    fn judge_twice(&self, refusal: &Refusal) -> Verdict {
        let guard = refusal.status == FORBIDDEN && refusal.code.is_none();
        if guard && self.contact.a_yes() {
            Verdict::Rejected
        } else {
            Verdict::Stop
        }
    }

    /// Waits for the next try; `false` when there is none.
    async fn wait(&self, again: &NextTry, count: u32, tries: u32, deadline: Instant) -> bool {
        let why = &again.why.message;
        let wait = again.after.unwrap_or_else(|| self.backoff(count));
        // The server asks all of us, not only this letter.
        if again.after.is_some_and(|pause| self.limiter.hold(pause)) {
            self.observer.notice(&Event::Paused { wait, why });
        }
        if count >= tries || self.stop.is_set() || Instant::now() + wait > deadline {
            return false;
        }
        self.observer.notice(&Event::Retrying { wait, why });
        let _waiting = self.limiter.waiting();
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

const FORBIDDEN: u16 = 403;
const TOO_MANY_REQUESTS: u16 = 429;
