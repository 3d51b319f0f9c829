//! One exchange with Altinn, tried until there is a final answer or no more tries. Contains the only retry loop.

use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::adaptive_concurrency::{Permit, Slot};
use super::event::{LONG_WAIT, Wait};
use super::rate_limiter::RateLimiter;
use super::signals::ServerContact;
use super::verdict::{Verdict, judge_refusal};
use super::{Event, Observer, Options, RunEnd, Stop};
use crate::altinn::{Answer, Client, Refusal, TransportError, TransportKind};
use crate::journal::{Journal, Reason};
use crate::manifest::{Period, Retry};
use crate::maskinporten::{Token, TokenError, TokenSource};

/// The largest number of tries of a look-up. Small, since its letter has had tries of its own and the next run asks again.
const LOOKUP_TRIES: u32 = 4;

/// The largest number of tries while neither Altinn nor Maskinporten has answered in this run: without a network, waiting does not help.
const FIRST_CONTACT: u32 = 3;

/// The parts of a run that all its phases share.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) options: &'a Options,
    pub(super) attempts: &'a Attempts<'a>,
}

/// The parts of a run that all its attempts share.
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
    /// Altinn's answer, or the reason why the exchange was not accepted.
    pub(super) result: Result<T, Unaccepted>,
    /// Number of requests sent, retries included.
    pub(super) requests: u32,
    /// Time of the last request that may have taken effect without an answer.
    pub(super) lost_at: Option<Timestamp>,
}

/// The reason an exchange was not accepted.
#[derive(Debug)]
pub(super) enum Unaccepted {
    /// Altinn refused, or with the verdict `RefreshToken` a gateway that other letters pass. The verdict is never a retry.
    Refused(Refusal, Verdict),
    /// Attempts or time are used up, or the run was stopped. `network` is true when the last try got no connection.
    GaveUp { reason: Reason, network: bool },
    /// A file cannot be sent with the content that was checked. No request took effect.
    NoFile(Reason),
    /// The run was stopped before the first request.
    NotStarted,
    /// Every other exchange would fail too: the run ends.
    Fatal(Reason, RunEnd),
}

impl Unaccepted {
    /// The reason in the form that the journal keeps.
    pub(super) fn into_reason(self) -> Reason {
        match self {
            Self::Refused(refusal, _) => refusal.into(),
            Self::GaveUp { reason, .. } | Self::NoFile(reason) | Self::Fatal(reason, _) => reason,
            Self::NotStarted => Reason::because("the run was stopped before the request left"),
        }
    }
}

/// The result of one attempt.
enum AttemptStep<T> {
    Settled(Result<T, Unaccepted>),
    NextTry(NextTry),
    /// The token was refused and must be replaced.
    Refresh(Token, Refusal),
}

/// The reason for another attempt.
#[derive(Default)]
struct NextTry {
    why: Reason,
    /// The wait that the server asks for in `Retry-After`.
    asked: Option<Duration>,
    /// The wait; `None` for the letter's own backoff.
    after: Option<Duration>,
    /// True for a rate refusal.
    is_limit: bool,
    /// True when the request may have taken effect.
    uncertain: bool,
    /// True when no connection was established.
    unconnected: bool,
}

impl<'a> Attempts<'a> {
    /// Waits until another letter may begin. `None` when the run is stopped first, or about to stop.
    pub(super) async fn begin(&self) -> Option<Slot<'a>> {
        if self.stop.is_set() {
            return None;
        }
        let begun = self.stop.before(self.limiter.concurrency.begin()).await?;
        // An answer may have arrived during the wait.
        self.may_begin().then_some(begun)
    }

    /// False after an answer that stops the run, even before that is in the journal.
    pub(super) fn may_begin(&self) -> bool {
        !self.contact.ending.get()
    }

    /// Lets no more letters begin, after an answer that stops the run.
    pub(super) fn close(&self) {
        self.contact.ending.set(true);
    }

    /// Fetches the first token of a run, retrying transient errors. `None` when the run is stopped first. The first request for it takes no token of the bucket: it is the
    /// one request that a run may make beyond its rate.
    pub(super) async fn first_token(&self) -> Option<Result<Token, TokenError>> {
        let mut count = 1;
        loop {
            match self.tell_long(Wait::Token, self.token()).await? {
                Err(error) if error.is_transient() && count < FIRST_CONTACT => {
                    self.pause(count).await;
                    self.limiter.depart(&mut None, self.stop).await?;
                    count += 1;
                }
                token => return Some(token),
            }
        }
    }

    /// Repeats an exchange until there is a final answer. Every try is rate-limited. The exchange must be safe to repeat.
    pub(super) async fn settle<T>(
        &self,
        exchange: impl AsyncFn(Token) -> Result<Answer<T>, TransportError>,
    ) -> Attempted<T> {
        self.settle_letter(|| true, |_| true, exchange).await
    }

    /// Like [`Self::settle`], for a letter; its idempotency key makes repeating safe. `may_leave` is asked directly before the first request; false stops the letter. An
    /// answer that `fits` rejects belongs to a different request, so this one's effect is unknown.
    pub(super) async fn settle_letter<T>(
        &self,
        may_leave: impl Fn() -> bool,
        fits: impl Fn(&T) -> bool,
        exchange: impl AsyncFn(Token) -> Result<Answer<T>, TransportError>,
    ) -> Attempted<T> {
        let tries = self.retry.attempts.get();
        self.exchange(tries, may_leave, fits, exchange).await
    }

    /// Like [`Self::settle`], for a look-up: at most [`LOOKUP_TRIES`] tries. An answer that `fits` rejects belongs to a different request, and the look-up is repeated.
    pub(super) async fn look_up<T>(
        &self,
        fits: impl Fn(&T) -> bool,
        exchange: impl AsyncFn(Token) -> Result<Answer<T>, TransportError>,
    ) -> Result<T, Unaccepted> {
        let tries = self.retry.attempts.get().min(LOOKUP_TRIES);
        let attempted = self.exchange(tries, || true, fits, exchange);
        attempted.await.result
    }

    /// The retry loop: sends the request, decides on the step after its answer, and waits between tries.
    async fn exchange<T>(
        &self,
        tries: u32,
        may_leave: impl Fn() -> bool,
        fits: impl Fn(&T) -> bool,
        exchange: impl AsyncFn(Token) -> Result<Answer<T>, TransportError>,
    ) -> Attempted<T> {
        // Counts all waits, also for permits and tokens.
        let deadline = Instant::now() + self.retry.deadline.duration();
        let (mut count, mut requests, mut lost_at, mut refreshed) = (0_u32, 0, None, false);
        let (mut last, mut last_try_at, mut permit) = (None, None, None);
        let result = loop {
            count += 1;
            let departed = self.depart(&mut permit).await;
            // Asked only before the first request: after it the letter may be at Altinn, and must be tried to its end.
            let Some(departed) = departed.filter(|_| requests > 0 || may_leave()) else {
                break Err(match last {
                    Some(reason) => Unaccepted::GaveUp {
                        reason,
                        network: false,
                    },
                    None => Unaccepted::NotStarted,
                });
            };
            let step = match departed {
                Err(error) => self.step_without_token(error),
                Ok((departed, token)) => {
                    requests += 1;
                    // Boxed: this future is large, and the ones around it are moved.
                    let answer = Box::pin(exchange(token.clone())).await;
                    self.step_after_answer(answer, &fits, token, departed)
                }
            };
            match step {
                AttemptStep::Settled(result) => break result,
                // The permit is kept, so that this letter, and no other, tests the new token.
                AttemptStep::Refresh(token, refusal) if !refreshed => {
                    refreshed = true;
                    // No try of the letter's own: the token was at fault.
                    count -= 1;
                    self.tokens.reject(&token);
                    last = Some(refusal.into());
                }
                // A fresh token was refused as well, so the token is not the cause.
                AttemptStep::Refresh(_, refusal) => {
                    let verdict = self.judge_second_auth_refusal(&refusal);
                    break Err(Unaccepted::Refused(refusal, verdict));
                }
                AttemptStep::NextTry(again) => {
                    // A letter that waits for its next try must not hold a permit.
                    permit = None;
                    // A token may expire again during the waits.
                    refreshed = false;
                    // A rate refusal does not count as an attempt if the server answered other requests since this letter's last try.
                    let by_chance = |last_try_at| self.limiter.has_answered_since(last_try_at);
                    if again.is_limit && last_try_at.is_some_and(by_chance) {
                        count -= 1;
                    }
                    last_try_at = Some(Instant::now());
                    if again.uncertain {
                        lost_at = Some(Timestamp::now());
                    }
                    match self.next_try(again, count, tries, deadline).await {
                        Ok(why) => last = Some(why),
                        Err(over) => break Err(over),
                    }
                }
            }
        };
        Attempted {
            result,
            requests,
            lost_at,
        }
    }

    /// Waits for the next try and returns the reason for it; the error is the reason why there is none.
    async fn next_try(
        &self,
        again: NextTry,
        count: u32,
        tries: u32,
        deadline: Instant,
    ) -> Result<Reason, Unaccepted> {
        let cut_off = again.unconnected && !self.contact.answered.get();
        // Altinn has never been reached: probably a missing network or a wrong address, which more tries do not change.
        let tries = if cut_off {
            tries.min(FIRST_CONTACT)
        } else {
            tries
        };
        // The whole run would have to wait longer than any letter may.
        let longest = self.retry.deadline;
        if let Some(asked) = again.asked.filter(|asked| *asked > longest.duration()) {
            let end = RunEnd::Stopped(format!(
                "the server asks for a pause of {}, longer than `retry.deadline` ({longest}): {}",
                Period::from(asked),
                again.why
            ));
            return Err(Unaccepted::Fatal(again.why, end));
        }
        let wait = again.after.unwrap_or_else(|| self.backoff(count));
        if count < tries && !self.stop.is_set() && Instant::now() + wait <= deadline {
            let why = &again.why.to_string();
            self.observer.notice(&Event::Retrying { wait, why });
            // Counted for the progress display.
            let _retrying = self.limiter.retrying();
            // A stop ends the wait, and with it the letter's tries.
            if self.stop.before(sleep(wait)).await.is_some() && !self.stop.is_set() {
                return Ok(again.why);
            }
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

    /// The step after a failed request for a token.
    fn step_without_token<T>(&self, error: TokenError) -> AttemptStep<T> {
        if !error.is_transient() {
            let end = Unaccepted::Fatal(Reason::from(&error), RunEnd::NoToken(error));
            return AttemptStep::Settled(Err(end));
        }
        let asked = error.retry_after();
        let why = Reason::from(&error);
        // All letters need a token, so the whole run pauses.
        if asked.is_some_and(|asked| self.limiter.pause(asked)) {
            self.tell_pause(asked.unwrap_or_default(), true, &why);
        }
        AttemptStep::NextTry(NextTry {
            asked,
            after: asked,
            why,
            // Once Altinn has answered in this run, an unreachable token server counts as a network failure, as an unreachable Altinn does.
            unconnected: matches!(&error, TokenError::Transport(transport) if transport.kind == TransportKind::Connect)
                && self.contact.answered.get(),
            ..NextTry::default()
        })
    }

    /// The step after an answer, or after a transport error.
    fn step_after_answer<T>(
        &self,
        answer: Result<Answer<T>, TransportError>,
        fits: &impl Fn(&T) -> bool,
        token: Token,
        departed: Instant,
    ) -> AttemptStep<T> {
        let again = |message: String, uncertain, unconnected| {
            AttemptStep::NextTry(NextTry {
                why: Reason::because(message),
                uncertain,
                unconnected,
                ..NextTry::default()
            })
        };
        // Refusals are answers too.
        if answer.is_ok() {
            self.contact.answered.set(true);
        }
        match answer {
            Ok(Ok(value)) => {
                self.contact.accepted.set(true);
                self.limiter.answered(departed);
                if fits(&value) {
                    return AttemptStep::Settled(Ok(value));
                }
                // A faulty proxy can return one request's answer to another request.
                again(
                    "the answer was about another letter".to_owned(),
                    true,
                    false,
                )
            }
            Ok(Err(refusal)) => self.step_after_refusal(refusal, token, departed),
            // The request ended within the file, so Altinn did not accept it.
            Err(error) if error.is_about_a_file() => {
                AttemptStep::Settled(Err(Unaccepted::NoFile(Reason::because(error.reason()))))
            }
            // An untrusted certificate concerns all requests, so the run ends without retries.
            Err(error) if error.is_about_trust() => {
                let (reason, hint) = (error.reason(), error.hint());
                let why = Reason::because(&reason);
                let end = RunEnd::Untrusted { reason, hint };
                AttemptStep::Settled(Err(Unaccepted::Fatal(why, end)))
            }
            Err(error) => {
                // Other transport errors say nothing about the server's load.
                if error.kind == TransportKind::Timeout {
                    self.limiter.overloaded();
                }
                // Always another try, which is harmless because of the idempotency key.
                let uncertain = error.may_have_arrived();
                let unconnected = error.kind == TransportKind::Connect;
                again(error.reason(), uncertain, unconnected)
            }
        }
    }

    /// Waits until a request may leave, and for an access token. A request to the token server takes the turn that was waited for, so that another is waited for
    /// afterwards. `None` when the run is stopped first.
    async fn depart(
        &self,
        permit: &mut Option<Permit<'a>>,
    ) -> Option<Result<(Instant, Token), TokenError>> {
        loop {
            let departed = self.limiter.depart(permit, self.stop).await?;
            let mut token = std::pin::pin!(self.token());
            // A cached token is ready at once, without a request.
            if let Poll::Ready(token) = futures::poll!(&mut token) {
                return Some(token?.map(|token| (departed, token)));
            }
            if let Err(error) = self.tell_long(Wait::Token, token).await? {
                return Some(Err(error));
            }
        }
    }

    /// Waits for `done`, and reports the wait once it has lasted for [`LONG_WAIT`].
    pub(super) async fn tell_long<T>(&self, wait: Wait<'_>, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        tokio::select! {
            biased;
            ended = &mut done => return ended,
            () = sleep(LONG_WAIT) => self.observer.notice(&Event::Waiting(wait)),
        }
        done.await
    }

    /// An access token; `None` when the run is stopped first.
    async fn token(&self) -> Option<Result<Token, TokenError>> {
        self.stop.before(self.tokens.token()).await
    }

    /// The step after a refusal. Reports it to the rate limiter.
    fn step_after_refusal<T>(
        &self,
        refusal: Refusal,
        token: Token,
        departed: Instant,
    ) -> AttemptStep<T> {
        let asked = refusal.retry_after;
        match judge_refusal(&refusal) {
            Verdict::Retry { uncertain } => {
                let status = refusal.status;
                let why = Reason::from(refusal);
                let mut after = asked;
                // A 503 that asks for no wait is an overload or an outage, not a rate limit.
                let is_limit = status == 429 || status == 503 && asked.is_some();
                // A longer `Retry-After` than the deadline ends the run in `next_try`.
                let is_too_long = asked > Some(self.retry.deadline.duration());
                if is_limit && !is_too_long {
                    if let Some(pause) = self.limiter.refused(departed, asked) {
                        after = Some(pause.wait);
                        if pause.is_news {
                            self.tell_pause(pause.wait, asked.is_some(), &why);
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
                    ..NextTry::default()
                })
            }
            Verdict::RefreshToken => AttemptStep::Refresh(token, refusal),
            // A final refusal is no back pressure: the server has processed the request.
            verdict => {
                self.limiter.answered(departed);
                AttemptStep::Settled(Err(Unaccepted::Refused(refusal, verdict)))
            }
        }
    }

    fn tell_pause(&self, wait: Duration, asked: bool, why: &Reason) {
        let why = &why.to_string();
        self.observer.notice(&Event::Paused { wait, asked, why });
    }

    /// The verdict on a 401 or 403 to a request with a fresh token. A 403 without Altinn's code, after other letters were accepted, comes from a firewall or gateway: this letter
    /// is not sent, and the next run tries it again; ten in a row stop the run by the circuit breaker.
    fn judge_second_auth_refusal(&self, refusal: &Refusal) -> Verdict {
        let from_gateway = refusal.status == FORBIDDEN && refusal.code.is_none();
        if from_gateway && self.contact.accepted.get() {
            Verdict::RefreshToken
        } else {
            Verdict::Stop
        }
    }

    /// Waits the backoff after `times` tries, or until the run is stopped.
    pub(super) async fn pause(&self, times: u32) {
        self.stop.before(sleep(self.backoff(times))).await;
    }

    /// Exponential backoff with full jitter: a random time up to a limit that triples with each try, so that letters refused together are not retried together. By default
    /// the waits of eight attempts are 55 seconds together, on average: outages of Altinn or Maskinporten that are shorter cost hardly a letter.
    fn backoff(&self, times: u32) -> Duration {
        let limit = self
            .retry
            .first_delay
            .duration()
            .saturating_mul(3_u32.saturating_pow(times.saturating_sub(1)));
        limit
            .min(self.retry.max_delay.duration())
            .mul_f64(fastrand::f64())
    }
}

const FORBIDDEN: u16 = 403;

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        // The single errors are more precise than the title.
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
        Self::because(error.reason())
    }
}
