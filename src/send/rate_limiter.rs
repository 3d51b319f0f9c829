//! The rate limiter of a run: a token bucket for the configured rate, pauses of the whole run, and permits of the adaptive concurrency.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::adaptive_concurrency::{AdaptiveConcurrency, Permit};
use super::{PaceSnapshot, Stop};
use crate::manifest::Retry;

/// Factor by which tokens are further apart than the configured rate allows: the network changes the distances between requests.
const MARGIN: f64 = 1.01;
/// The time a request may leave early to make up for a late one. A hundredth of the shortest period of a rate (one second), so that [`MARGIN`] covers it: no
/// period has more requests than the rate allows.
const SLACK: Duration = Duration::from_millis(10);
/// The weight of a refusal in the count of refusals; each answer lowers the count by 1. Random refusals never reach the threshold while they are less than a third.
const REFUSAL_WEIGHT: u32 = 2;
/// Number of refusals in a row after which the whole run pauses, instead of the refused letters alone. Fewer when fewer letters are begun.
const REFUSALS_TO_PAUSE: u32 = 5;
/// The count of refusals after a pause: so far above the threshold that one more refusal starts another pause, until enough answers have lowered it.
const AFTER_PAUSE: u32 = 2 * REFUSALS_TO_PAUSE * REFUSAL_WEIGHT;
/// The longest pause without a `Retry-After` while many letters are begun: a longer one loses time when the server's limit has ended meanwhile.
const PROBE_EVERY: Duration = Duration::from_secs(3);
/// The largest number of letters in a block, unless more may be in flight. The letters of two blocks are in memory.
const LARGEST_BLOCK: usize = 256;

/// Decides when each request of a run may leave.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// The time between two tokens; zero without a configured rate.
    interval: Duration,
    /// The shortest and the longest pause without a `Retry-After`.
    backoff: (Duration, Duration),
    pub(super) concurrency: AdaptiveConcurrency,
    /// Number of letters that wait for their next try.
    retrying: Cell<u32>,
    /// Makes requests take their tokens in order of arrival.
    queue: tokio::sync::Mutex<()>,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// Time from which the bucket holds a token. It never holds more than one.
    next_token: Instant,
    /// Time before which no request leaves.
    paused_until: Instant,
    /// Start of the last pause. Refusals of requests that left before it do not start another.
    paused_at: Option<Instant>,
    /// Pauses without an answer between them.
    pauses: u32,
    /// The count of refusals, weighted and lowered by answers (a leaky bucket).
    refusals: u32,
    /// Time of the last answer that was no refusal.
    last_answered: Option<Instant>,
    throughput: Throughput,
}

/// A pause of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) wait: Duration,
    /// True when the pause ends a second or more later than known before, so that users are told.
    pub(super) is_news: bool,
}

/// Counts a letter as waiting for its next try until dropped.
#[derive(Debug)]
pub(super) struct Retrying<'a>(&'a Cell<u32>);

impl RateLimiter {
    /// A limiter for at most `concurrency` requests in flight and one per `interval`; `None` means no limit on the rate.
    pub(super) fn new(concurrency: NonZeroU32, interval: Option<Duration>, retry: &Retry) -> Self {
        let now = Instant::now();
        Self {
            interval: interval.unwrap_or_default().mul_f64(MARGIN),
            backoff: (retry.first_delay.duration(), retry.max_delay.duration()),
            concurrency: AdaptiveConcurrency::new(concurrency),
            retrying: Cell::new(0),
            queue: tokio::sync::Mutex::default(),
            state: RefCell::new(State {
                next_token: now,
                paused_until: now,
                paused_at: None,
                pauses: 0,
                refusals: 0,
                last_answered: None,
                throughput: Throughput {
                    began: now,
                    departures: VecDeque::new(),
                },
            }),
        }
    }

    /// Waits for a permit, unless the caller has one, and for a token; returns the time at which the request leaves. `None` when the run is stopped first. A request that
    /// need not wait leaves even when the run is stopped.
    pub(super) async fn depart<'a>(
        &'a self,
        permit: &mut Option<Permit<'a>>,
        stop: &Stop,
    ) -> Option<Instant> {
        let permit = match permit {
            Some(permit) => permit,
            none => none.insert(stop.before(self.concurrency.acquire()).await?),
        };
        // Held while waiting for the token: a mutex of tokio's is fair.
        let _turn = stop.before(self.queue.lock()).await?;
        loop {
            match self.take_token() {
                Ok(departed) => {
                    permit.depart();
                    return Some(departed);
                }
                // A letter that had to wait does not leave when the run was stopped meanwhile.
                Err(until) => {
                    let waited = stop.before(sleep_until(until)).await;
                    waited.filter(|()| !stop.is_set())?;
                }
            }
        }
    }

    /// Takes the token, or returns the time at which there will be one.
    fn take_token(&self) -> Result<Instant, Instant> {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        // Without a rate there is no token to wait for, only a pause.
        let earliest = match state.next_token.checked_sub(SLACK) {
            Some(early) if !self.interval.is_zero() => early,
            _ => now,
        };
        let at = earliest.max(state.paused_until);
        if at > now {
            return Err(at);
        }
        // Counted from the planned time when the request left early; unused tokens are not saved up.
        state.next_token = state.next_token.max(now) + self.interval;
        state.throughput.count(now);
        Ok(now)
    }

    /// Records an answer without back pressure to a request that left at `departed`.
    pub(super) fn answered(&self, departed: Instant) {
        self.concurrency.answered(departed);
        let mut state = self.state.borrow_mut();
        state.refusals = state.refusals.saturating_sub(1);
        // The server accepts requests again, so the next pause begins short.
        state.pauses = 0;
        state.last_answered = Some(Instant::now());
    }

    /// True when the server has answered a request, without a rate refusal, since `instant`.
    pub(super) fn has_answered_since(&self, instant: Instant) -> bool {
        let last = self.state.borrow().last_answered;
        last.is_some_and(|last| last >= instant)
    }

    /// Records a request that met an overloaded or unavailable server.
    pub(super) fn overloaded(&self) {
        self.concurrency.back_pressure();
    }

    /// Records a rate refusal, with its `Retry-After`, of a request that left at `departed`. Returns the pause of the whole run; `None` while the refusals may be random, so
    /// that this letter alone waits.
    pub(super) fn refused(&self, departed: Instant, asked: Option<Duration>) -> Option<Pause> {
        self.concurrency.back_pressure();
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        if state
            .paused_at
            .is_some_and(|paused_at| departed <= paused_at)
        {
            // The server refused it for the same reason as those that caused the pause.
            return Some(state.pause(now, asked.unwrap_or_default()));
        }
        state.refusals += REFUSAL_WEIGHT;
        // With fewer letters begun there could never be as many refusals in a row.
        let needed = REFUSALS_TO_PAUSE.min(self.concurrency.begun().max(1));
        if state.refusals < needed * REFUSAL_WEIGHT {
            return None;
        }
        let pause = asked.unwrap_or_else(|| self.probing_pause(state.pauses));
        state.pauses += 1;
        state.refusals = AFTER_PAUSE;
        state.paused_at = Some(now);
        // The server's limit is unknown: begin with one request at a time.
        self.concurrency.restart();
        Some(state.pause(now, pause))
    }

    /// Holds all requests until `pause` has passed. True when that is news.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        self.state.borrow_mut().pause(Instant::now(), pause).is_news
    }

    /// A pause without a `Retry-After`. Doubles with each pause up to [`PROBE_EVERY`], and further when few letters are begun, whose
    /// attempts would otherwise be used up.
    fn probing_pause(&self, pauses: u32) -> Duration {
        let (first, longest) = self.backoff;
        let doubled = first.saturating_mul(1 << pauses.min(16)).min(longest);
        let shared = doubled / self.concurrency.begun().max(1);
        shared.max(doubled.min(PROBE_EVERY))
    }

    /// The number of letters for the next block: those that leave in about half a second, or in four round trips.
    pub(super) fn block_size(&self) -> usize {
        let rate = self.state.borrow().throughput.rate(Instant::now());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests, bounded below"
        )]
        let half_a_second = (rate / 2.0) as usize;
        // Several round trips' letters, so that the commit of the next block is done before the last of this one has left.
        let limit = self.concurrency.limit() as usize;
        let size = half_a_second.max(4 * limit).min(LARGEST_BLOCK.max(limit));
        // With a configured rate no more than leave in a second: a crash leaves the letters of a block unknown.
        match Duration::from_secs(1)
            .as_nanos()
            .checked_div(self.interval.as_nanos())
        {
            Some(in_a_second) => size.min(usize::try_from(in_a_second).unwrap_or(size).max(1)),
            None => size,
        }
    }

    /// Counts a letter as waiting for its next try.
    pub(super) fn retrying(&self) -> Retrying<'_> {
        self.retrying.set(self.retrying.get() + 1);
        Retrying(&self.retrying)
    }

    pub(super) fn snapshot(&self) -> PaceSnapshot {
        let now = Instant::now();
        let state = self.state.borrow();
        PaceSnapshot {
            limit: self.concurrency.limit(),
            cap: self.concurrency.max_concurrency(),
            in_flight: self.concurrency.in_flight(),
            retrying: self.retrying.get(),
            rate: state.throughput.rate(now),
            allowed: (!self.interval.is_zero()).then(|| self.interval.as_secs_f64().recip()),
            held: state
                .paused_until
                .checked_duration_since(now)
                .filter(|held| !held.is_zero()),
        }
    }
}

impl State {
    /// Extends the present pause to `pause` from now; never shortens it.
    fn pause(&mut self, now: Instant, pause: Duration) -> Pause {
        // Refusals of requests that left together arrive one by one; most ask for a pause already known.
        let known = self.paused_until.saturating_duration_since(now);
        let wait = pause.max(known);
        self.paused_until = now + wait;
        Pause {
            wait,
            is_news: wait >= known + Duration::from_secs(1),
        }
    }
}

impl Drop for Retrying<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The time over which the throughput is averaged.
const AVERAGED: Duration = Duration::from_secs(10);

/// The times at which requests left, as far back as [`AVERAGED`].
#[derive(Debug)]
struct Throughput {
    began: Instant,
    departures: VecDeque<Instant>,
}

impl Throughput {
    fn count(&mut self, now: Instant) {
        let is_old = |then: &Instant| now.duration_since(*then) >= AVERAGED;
        while self.departures.front().is_some_and(is_old) {
            self.departures.pop_front();
        }
        self.departures.push_back(now);
    }

    /// Requests per second over the last ten seconds, or since the beginning when that is shorter; at least over a second.
    fn rate(&self, now: Instant) -> f64 {
        let old = self
            .departures
            .partition_point(|then| now.duration_since(*then) >= AVERAGED);
        let span = now.duration_since(self.began).min(AVERAGED);
        let span = span.max(Duration::from_secs(1));
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of requests in ten seconds"
        )]
        let requests = (self.departures.len() - old) as f64;
        requests / span.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    const HALF: Duration = Duration::from_millis(500);
    /// Half a second and the margin.
    const APART: u128 = 505;

    fn limiter(interval: Option<Duration>) -> RateLimiter {
        RateLimiter::new(NonZeroU32::new(16).unwrap(), interval, &Retry::default())
    }

    /// Leaves as soon as possible, and is answered at once.
    async fn depart(limiter: &RateLimiter, stop: &Stop) -> Option<Instant> {
        limiter.depart(&mut None, stop).await
    }

    #[tokio::test(start_paused = true)]
    async fn departures_are_an_interval_apart_and_nothing_is_saved_up() {
        let limiter = limiter(Some(HALF));
        let stop = Stop::default();
        let began = Instant::now();
        for _ in 0..5 {
            depart(&limiter, &stop).await.unwrap();
        }
        let took = began.elapsed().as_millis();
        assert!((4 * APART - 10..=4 * APART).contains(&took), "{took}");
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        for _ in 0..5 {
            depart(&limiter, &stop).await.unwrap();
        }
        let took = began.elapsed().as_millis();
        assert!((4 * APART - 10..=4 * APART).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_here_and_there_holds_nobody_else() {
        let (limiter, stop) = (limiter(None), Stop::default());
        let _begun = join_all((0..6).map(|_| limiter.concurrency.begin())).await;
        for _ in 0..100 {
            for _ in 1..REFUSALS_TO_PAUSE {
                let departed = depart(&limiter, &stop).await.unwrap();
                let second = Some(Duration::from_secs(1));
                assert_eq!(limiter.refused(departed, second), None);
            }
            for _ in 0..2 * REFUSALS_TO_PAUSE {
                limiter.answered(depart(&limiter, &stop).await.unwrap());
            }
        }
        assert_eq!(limiter.snapshot().held, None);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_in_a_row_hold_everybody_and_one_tries_first() {
        let (limiter, stop) = (limiter(Some(HALF)), Stop::default());
        let _begun = join_all((0..6).map(|_| limiter.concurrency.begin())).await;
        let minute = Duration::from_secs(60);
        let mut pause = None;
        for _ in 0..REFUSALS_TO_PAUSE {
            let departed = depart(&limiter, &stop).await.unwrap();
            pause = limiter
                .refused(departed, Some(minute))
                .map(|pause| pause.wait);
        }
        assert_eq!(pause, Some(minute));
        let began = Instant::now();
        let left = join_all((0..3).map(|_| async {
            depart(&limiter, &stop).await.unwrap();
            began.elapsed().as_millis()
        }));
        assert_eq!(limiter.snapshot().limit, 1);
        let left = left.await;
        assert!(left[0] >= 60_000, "{left:?}");
        assert!(left[1] - left[0] >= APART - 10, "not together: {left:?}");
        // Who was let go before the pause was over has one refusal to find out.
        let departed = depart(&limiter, &stop).await.unwrap();
        let pause = limiter.refused(departed, Some(minute)).unwrap();
        assert_eq!((pause.wait, pause.is_news), (minute, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_without_a_name_doubles_until_something_is_taken() {
        let (limiter, stop) = (limiter(None), Stop::default());
        let refuse = async || {
            let departed = depart(&limiter, &stop).await.unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
            let pause = limiter.refused(departed, None);
            pause.map(|pause| pause.wait.as_millis())
        };
        for pause in [500, 1000, 2000, 4000] {
            assert_eq!(refuse().await, Some(pause));
        }
        // Others share the tries.
        let begun = join_all((0..6).map(|_| limiter.concurrency.begin())).await;
        for pause in [3000, 3000, 5000, 5000] {
            assert_eq!(refuse().await, Some(pause));
        }
        drop(begun);
        limiter.answered(depart(&limiter, &stop).await.unwrap());
        assert_eq!(refuse().await, Some(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_and_lets_go_what_may_leave_now() {
        let (limiter, stop) = (limiter(Some(HALF)), Stop::default());
        stop.set();
        assert!(depart(&limiter, &stop).await.is_some());
        assert!(depart(&limiter, &stop).await.is_none());
    }
}

#[cfg(test)]
mod meter_tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_count() {
        let began = Instant::now();
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        let near = |rate: f64, wanted: f64| (rate - wanted).abs() < 0.3;
        let mut meter = Throughput {
            began,
            departures: VecDeque::new(),
        };
        assert!(near(meter.rate(began), 0.0));
        (0..200).for_each(|n| meter.count(at(f64::from(n) / 20.0)));
        assert!(near(meter.rate(at(9.99)), 20.0));
        assert!(near(meter.rate(at(14.99)), 10.0));
        assert!(near(meter.rate(at(60.0)), 0.0));
        meter.count(at(60.0));
        assert!(near(meter.rate(at(60.5)), 0.1));
    }
}
