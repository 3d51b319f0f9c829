//! One exchange with Altinn, tried until it is settled: the only retry loop.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::adaptive_concurrency::{Begun, Permit};
use super::outcome::stopped;
use super::rate_limiter::RateLimiter;
use super::signals::ServerContact;
use super::verdict::{Verdict, judge, judge_transport};
use super::{Event, Observer, RunEnd, Stop};
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
    /// No other exchange would fare better: the run ends so.
    Fatal(Reason, RunEnd),
}

impl Unaccepted {
    /// The reason as the journal keeps it.
    pub(super) fn into_reason(self) -> Reason {
        match self {
            Self::Refused(refusal, _) => refusal.into(),
            Self::GaveUp { reason, .. } | Self::NoFile(reason) | Self::Fatal(reason, _) => reason,
            Self::NotStarted => stopped(),
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
    /// The wait that the server asks for.
    asked: Option<Duration>,
    /// The wait, when it is not this letter's own backoff.
    after: Option<Duration>,
    /// True when the server takes only so much at a time.
    is_limit: bool,
    /// True when this one may have taken effect.
    uncertain: bool,
    /// True when there was no connection at all.
    unconnected: bool,
}

impl<'a> Attempts<'a> {
    /// Waits until another letter may begin; nothing when the run is stopped first, or about to be.
    pub(super) async fn begin(&self) -> Option<Begun<'a>> {
        if self.stop.is_set() {
            return None;
        }
        let begun = self.limiter.begin(self.stop).await?;
        self.may_begin().then_some(begun)
    }

    /// False when something has been heard that stops the run as soon as it is written down.
    pub(super) fn may_begin(&self) -> bool {
        !self.contact.the_last()
    }

    /// No letter begins any more: something has been heard that stops the run as soon as it is written down.
    pub(super) fn close(&self) {
        self.contact.end();
    }

    /// The first token of a run; nothing when the run is stopped first. Nothing has left before it, so that it needs no place in the token bucket: it is the one
    /// request that a run may have beyond its rate.
    pub(super) async fn first_token(&self) -> Option<Result<Token, TokenError>> {
        let mut count = 1;
        loop {
            match self.token().await? {
                Err(error) if error.is_transient() && count < FIRST_CONTACT => {
                    self.pause(count).await;
                    self.limiter.depart(&mut None, self.stop).await?;
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
        self.settle_letter(|| true, |_| true, exchange).await
    }

    /// The same for a letter, which does not leave when `may_leave` says no at the last instant. An answer that does not fit is another request's: then it is not known
    /// what became of this one.
    pub(super) async fn settle_letter<T, F>(
        &self,
        may_leave: impl Fn() -> bool,
        fits: impl Fn(&T) -> bool,
        exchange: impl Fn(Token) -> F,
    ) -> Attempted<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get();
        self.exchange(tries, may_leave, fits, exchange).await
    }

    /// The same for a look-up, with less patience.
    pub(super) async fn look_up<T, F>(&self, exchange: impl Fn(Token) -> F) -> Result<T, Unaccepted>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        self.look_up_fitting(|_| true, exchange).await
    }

    /// The same, where an answer that does not fit is another request's.
    pub(super) async fn look_up_fitting<T, F>(
        &self,
        fits: impl Fn(&T) -> bool,
        exchange: impl Fn(Token) -> F,
    ) -> Result<T, Unaccepted>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let tries = self.retry.attempts.get().min(LOOKUP_TRIES);
        let attempted = self.exchange(tries, || true, fits, exchange);
        attempted.await.result
    }

    async fn exchange<T, F>(
        &self,
        tries: u32,
        may_leave: impl Fn() -> bool,
        fits: impl Fn(&T) -> bool,
        exchange: impl Fn(Token) -> F,
    ) -> Attempted<T>
    where
        F: Future<Output = Result<Answer<T>, TransportError>>,
    {
        let deadline = Instant::now() + self.retry.deadline.duration();
        let (mut count, mut requests, mut lost_at, mut refreshed) = (0_u32, 0, None, false);
        let (mut last, mut left, mut permit) = (None, None, None);
        loop {
            count += 1;
            let step = match self.depart(&mut permit).await {
                Some(_) if requests == 0 && !may_leave() => AttemptStep::Stopped,
                None => AttemptStep::Stopped,
                Some(Err(error)) => self.without_token(error),
                Some(Ok((departed, token))) => {
                    requests += 1;
                    // Boxed: everything around it is moved more than once.
                    let answer = Box::pin(exchange(token.clone())).await;
                    self.heard(answer, &fits, token, departed)
                }
            };
            if let (AttemptStep::Refresh(token, refusal), false) = (&step, refreshed) {
                refreshed = true;
                self.tokens.reject(token);
                last = Some(refusal.clone().into());
                // With the same permit: no other letter is to find out what the next token is worth.
                continue;
            }
            permit = None;
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
                    // Where others were taken meanwhile, that it was not this one is no failure of the letter.
                    let by_chance = |before| self.limiter.has_answered_since(before);
                    if again.is_limit && left.is_some_and(by_chance) {
                        count -= 1;
                    }
                    left = Some(Instant::now());
                    if again.uncertain {
                        lost_at = Some(Timestamp::now());
                    }
                    match self.next_try(again, count, tries, deadline).await {
                        Ok(why) => {
                            last = Some(why);
                            continue;
                        }
                        Err(over) => Err(over),
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

    /// Waits for the next try and gives the reason for it, or says why there is none.
    async fn next_try(
        &self,
        again: NextTry,
        count: u32,
        tries: u32,
        deadline: Instant,
    ) -> Result<Reason, Unaccepted> {
        let cut_off = again.unconnected && !self.contact.anything();
        let tries = if cut_off {
            tries.min(FIRST_CONTACT)
        } else {
            tries
        };
        if again.asked > Some(self.retry.deadline.duration()) {
            let end = RunEnd::Stopped(format!(
                "Altinn wants to be left alone for longer than `retry.deadline`: {}",
                again.why
            ));
            return Err(Unaccepted::Fatal(again.why, end));
        }
        if self.wait(&again, count, tries, deadline).await {
            return Ok(again.why);
        }
        if cut_off && !self.stop.is_set() {
            let end = RunEnd::Unreachable(again.why.to_string());
            return Err(Unaccepted::Fatal(again.why, end));
        }
        Err(Unaccepted::GaveUp {
            reason: again.why,
            network: again.unconnected,
        })
    }

    /// The consequence of having no token.
    fn without_token<T>(&self, error: TokenError) -> AttemptStep<T> {
        if !error.is_transient() {
            let end = Unaccepted::Fatal(Reason::from(&error), RunEnd::NoToken(error));
            return AttemptStep::Settled(Err(end));
        }
        let asked = error.retry_after();
        let why = Reason::from(&error);
        if asked.is_some_and(|asked| self.limiter.pause(asked)) {
            self.tell_pause(asked.unwrap_or_default(), &why);
        }
        AttemptStep::NextTry(NextTry {
            asked,
            after: asked,
            is_limit: false,
            why,
            uncertain: false,
            // A token server that is away is the network's trouble as much as Altinn's own.
            unconnected: matches!(&error, TokenError::Transport(transport) if transport.kind == TransportKind::Connect)
                && self.contact.anything(),
        })
    }

    /// The consequence of an answer, or of its loss.
    fn heard<T>(
        &self,
        answer: Result<Answer<T>, TransportError>,
        fits: &impl Fn(&T) -> bool,
        token: Token,
        departed: Instant,
    ) -> AttemptStep<T> {
        let because = |message: String| Reason {
            message,
            ..Reason::default()
        };
        let again = |message, uncertain, unconnected| {
            AttemptStep::NextTry(NextTry {
                why: because(message),
                asked: None,
                after: None,
                is_limit: false,
                uncertain,
                unconnected,
            })
        };
        match answer {
            Ok(Answer::Accepted(value)) => {
                self.contact.hear(true);
                self.limiter.answered(departed);
                if fits(&value) {
                    return AttemptStep::Settled(Ok(value));
                }
                // A proxy that has lost count gives answers to those who did not ask.
                again(
                    "the answer was about another letter".to_owned(),
                    true,
                    false,
                )
            }
            Ok(Answer::Refused(refusal)) => {
                self.contact.hear(false);
                self.judge(refusal, token, departed)
            }
            Err(error) if error.is_about_a_file() => {
                AttemptStep::Settled(Err(Unaccepted::NoFile(because(error.reason()))))
            }
            Err(error) if error.is_about_trust() => {
                let (reason, hint) = (error.reason(), error.hint());
                let why = because(reason.clone());
                let end = RunEnd::Untrusted { reason, hint };
                AttemptStep::Settled(Err(Unaccepted::Fatal(why, end)))
            }
            Err(error) => {
                if error.kind == TransportKind::Timeout {
                    self.limiter.overloaded();
                }
                let uncertain = judge_transport(&error) == Verdict::Retry { uncertain: true };
                let unconnected = error.kind == TransportKind::Connect;
                again(error.reason(), uncertain, unconnected)
            }
        }
    }

    /// Leaves with a token. The request for one counts as a request: another is waited for.
    async fn depart(
        &self,
        permit: &mut Option<Permit<'a>>,
    ) -> Option<Result<(Instant, Token), TokenError>> {
        loop {
            let departed = self.limiter.depart(permit, self.stop).await?;
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
        let asked = refusal.retry_after;
        match judge(&refusal) {
            Verdict::Retry { uncertain } => {
                let status = refusal.status;
                let why = Reason::from(refusal);
                let mut after = asked;
                // A 503 that asks for nothing is an overload, or an outage.
                let is_limit = status == 429 || status == 503 && asked.is_some();
                // One that is too long ends the run.
                let is_too_long = asked > Some(self.retry.deadline.duration());
                if is_limit && !is_too_long {
                    if let Some(pause) = self.limiter.refused(departed, asked) {
                        after = Some(pause.wait);
                        if pause.is_news {
                            self.tell_pause(pause.wait, &why);
                        }
                    }
                } else if let 408 | 503 | 504 = status {
                    self.limiter.overloaded();
                }
                AttemptStep::NextTry(NextTry {
                    why,
                    asked,
                    after,
                    is_limit,
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

    fn tell_pause(&self, wait: Duration, why: &Reason) {
        let why = &why.message;
        self.observer.notice(&Event::Paused { wait, why });
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
        if count >= tries || self.stop.is_set() || Instant::now() + wait > deadline {
            return false;
        }
        self.observer.notice(&Event::Retrying { wait, why });
        let _retrying = self.limiter.retrying();
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
