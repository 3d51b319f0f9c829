//! One exchange with Altinn, tried until it is settled: the only retry loop.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::rate_limiter::{Departure, RateLimiter, Slot};
use super::signals::ServerContact;
use super::verdict::{Verdict, judge, judge_transport};
use super::{Event, Observer, Stop};
use crate::altinn::{Answer, Refusal, TransportError, TransportKind};
use crate::journal::Reason;
use crate::manifest::Retry;
use crate::maskinporten::{Token, TokenError, TokenSource};

/// So often a look-up is tried: its letter has had its own tries, and the next run asks again.
const LOOKUP_TRIES: u32 = 4;

/// So often Altinn and Maskinporten are tried while neither has ever answered: without a network there is nothing to wait for.
const FIRST_CONTACT: u32 = 3;

/// What is needed to try and try again.
pub(super) struct Attempts<'a> {
    pub(super) tokens: &'a dyn TokenSource,
    pub(super) limiter: &'a RateLimiter,
    pub(super) retry: &'a Retry,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a Stop,
    pub(super) contact: ServerContact,
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
    /// The run was stopped before a request left.
    Stopped,
    /// Altinn wants to be left alone for longer than any letter may wait.
    Away(Reason),
    /// There is no token to ask with, and there will be none.
    NoToken(TokenError),
    /// Altinn is not who it should be, and nothing was sent: what to do about it.
    Untrusted(Reason, Option<String>),
    /// A file that the request needs cannot be sent as it was checked; nothing was done.
    NoFile(Reason),
    /// Altinn cannot be reached, and never was in this run.
    Unreachable(Reason),
}

/// What one try came to.
enum AttemptStep<T> {
    /// It is settled.
    End(End<T>),
    /// Another try is due.
    NextTry(NextTry),
    /// The token was refused, and is to be replaced.
    Refresh(Token, Refusal),
    /// The run was stopped before a request left.
    Stopped,
}

/// Why another try is due.
struct NextTry {
    why: Reason,
    after: Option<Duration>,
    /// Whether this one may have taken effect.
    uncertain: bool,
    /// Whether there was no connection at all.
    unconnected: bool,
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
        turn: Option<Departure<'a>>,
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
        mut turn: Option<Departure<'a>>,
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
            let step = self.attempt(&mut turn, &exchange, &mut requests).await;
            if let (AttemptStep::Refresh(token, refusal), false) = (&step, refreshed) {
                refreshed = true;
                self.tokens.reject(token);
                last = Some(refusal.clone().into());
                // In the same place: nobody else is to find out what the next token is worth.
                continue;
            }
            turn = None;
            let end = match step {
                AttemptStep::End(end) => end,
                // A fresh token was refused as well: it is not the token.
                AttemptStep::Refresh(_, refusal) => {
                    let verdict = self.judge_twice(&refusal);
                    End::Refused(refusal, verdict)
                }
                AttemptStep::Stopped => last.map_or(End::Stopped, End::GaveUp),
                AttemptStep::NextTry(again) => {
                    refreshed = false;
                    uncertain |= again.uncertain;
                    let cut_off = again.unconnected && !self.contact.anything();
                    let tries = if cut_off {
                        tries.min(FIRST_CONTACT)
                    } else {
                        tries
                    };
                    if again.after > Some(self.retry.deadline.duration()) {
                        End::Away(again.why)
                    } else if self.wait(&again, count, tries, deadline).await {
                        last = Some(again.why);
                        continue;
                    } else if cut_off && !self.stop.is_set() {
                        End::Unreachable(again.why)
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
        turn: &mut Option<Departure<'a>>,
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
                    unconnected: false,
                });
            }
            Some(Err(error)) => return AttemptStep::End(End::NoToken(error)),
        };
        *requests += 1;
        // Boxed: everything around it is moved more than once.
        match Box::pin(exchange(token.clone())).await {
            Ok(Answer::Accepted(value)) => {
                self.contact.hear(true);
                self.limiter.answered(departed);
                AttemptStep::End(End::Accepted(value))
            }
            Ok(Answer::Refused(refusal)) => {
                self.contact.hear(false);
                self.judge(refusal, token, departed)
            }
            Err(error) if error.is_about_a_file() => AttemptStep::End(End::NoFile(Reason {
                message: error.reason(),
                ..Reason::default()
            })),
            Err(error) if error.is_about_trust() => {
                let why = Reason {
                    message: error.reason(),
                    ..Reason::default()
                };
                AttemptStep::End(End::Untrusted(why, error.hint()))
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
                AttemptStep::End(End::Refused(refusal, verdict))
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
