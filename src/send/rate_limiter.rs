//! When requests leave: a token bucket for the configured rate, a pause that holds all of them, and a permit of the adaptive concurrency for each.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::adaptive_concurrency::{AdaptiveConcurrency, Begun, Permit};
use super::{PaceSnapshot, Stop};
use crate::manifest::Retry;

/// The rate is kept this much below the one that is allowed: requests that leave evenly do not arrive evenly.
const MARGIN: f64 = 1.01;
/// How much too early a request may leave that makes up for one that was late. It is a hundredth of the shortest period there is, so that the margin covers it: no
/// window has more requests than the rate.
const SLACK: Duration = Duration::from_millis(10);
/// Refusals fill a leaky bucket, each with this much, and each answer takes one out: refusals at random never fill it while they are less than a third.
const REFUSAL: u32 = 2;
/// So many refusals in a row fill the bucket: they are not one letter's, but the run's. Fewer do where fewer letters can be tried.
const IN_A_ROW: u32 = 5;
/// What the bucket holds after a pause: for as many answers as it is above the rim, one refusal continues the pause.
const AFTER_PAUSE: u32 = 2 * IN_A_ROW * REFUSAL;
/// The longest pause that the server has not named, while there are many letters to try with: a longer one loses time under a limit that is over by then.
const PROBE_EVERY: Duration = Duration::from_secs(3);
/// Letters in a block at most: those of two blocks are in memory.
const LARGEST_BLOCK: usize = 256;

#[derive(Debug)]
pub(super) struct RateLimiter {
    /// The time between two tokens.
    interval: Duration,
    /// The shortest and the longest pause that the server has not named.
    backoff: (Duration, Duration),
    concurrency: AdaptiveConcurrency,
    retrying: AtomicU32,
    /// Requests take their tokens one after the other, in order of arrival.
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The bucket holds one token, from this instant on.
    next_token: Instant,
    /// No request leaves before.
    paused_until: Instant,
    /// The last pause began then; requests that left before it say nothing new.
    paused_at: Option<Instant>,
    /// Pauses without an answer between them.
    pauses: u32,
    /// What the leaky bucket of refusals holds.
    refusals: u32,
    last_answered: Option<Instant>,
    throughput: Throughput,
}

/// A pause of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) wait: Duration,
    /// True when it is longer than what was known by a second or more.
    pub(super) is_news: bool,
}

/// A letter that waits to be tried again, for as long as this lives.
#[derive(Debug)]
pub(super) struct Retrying<'a>(&'a AtomicU32);

impl RateLimiter {
    /// At most `concurrency` requests in flight, and one per `interval`; none means as fast as the answers come.
    pub(super) fn new(concurrency: NonZeroU32, interval: Option<Duration>, retry: &Retry) -> Self {
        let now = Instant::now();
        Self {
            interval: interval.unwrap_or_default().mul_f64(MARGIN),
            backoff: (retry.first_delay.duration(), retry.max_delay.duration()),
            concurrency: AdaptiveConcurrency::new(concurrency),
            retrying: AtomicU32::new(0),
            queue: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                next_token: now,
                paused_until: now,
                paused_at: None,
                pauses: 0,
                refusals: 0,
                last_answered: None,
                throughput: Throughput::new(now),
            }),
        }
    }

    /// Waits until another letter may begin; nothing when the run is stopped first.
    pub(super) async fn begin(&self, stop: &Stop) -> Option<Begun<'_>> {
        tokio::select! {
            biased;
            begun = self.concurrency.begin() => Some(begun),
            () = stop.wait() => None,
        }
    }

    /// Waits for a permit, when there is none yet, and for a token, and gives the instant at which a request leaves; nothing when the run is stopped first. What may
    /// leave now leaves also then.
    pub(super) async fn depart<'a>(
        &'a self,
        permit: &mut Option<Permit<'a>>,
        stop: &Stop,
    ) -> Option<Instant> {
        let permit = match permit {
            Some(permit) => permit,
            none => none.insert(tokio::select! {
                biased;
                permit = self.concurrency.acquire() => permit,
                () = stop.wait() => return None,
            }),
        };
        let _first = tokio::select! {
            biased;
            first = self.queue.lock() => first,
            () = stop.wait() => return None,
        };
        loop {
            match self.take_token() {
                Ok(departed) => {
                    permit.depart();
                    return Some(departed);
                }
                Err(until) => wait_until(until, stop).await?,
            }
        }
    }

    /// Takes the token, or says when there is one.
    fn take_token(&self) -> Result<Instant, Instant> {
        let now = Instant::now();
        let mut state = self.state();
        let earliest = match state.next_token.checked_sub(SLACK) {
            Some(early) if !self.interval.is_zero() => early,
            _ => now,
        };
        let at = earliest.max(state.paused_until);
        if at > now {
            return Err(at);
        }
        state.next_token = state.next_token.max(now) + self.interval;
        state.throughput.count(now);
        Ok(now)
    }

    /// Records an answer to a request that left at `departed` and that the server was not too busy for.
    pub(super) fn answered(&self, departed: Instant) {
        self.concurrency.answered(departed);
        let mut state = self.state();
        state.refusals = state.refusals.saturating_sub(1);
        state.pauses = 0;
        state.last_answered = Some(Instant::now());
    }

    /// True when the server has answered a request since.
    pub(super) fn has_answered_since(&self, instant: Instant) -> bool {
        let last = self.state().last_answered;
        last.is_some_and(|last| last >= instant)
    }

    /// Records that a request met a server that has too much to do, or is away.
    pub(super) fn overloaded(&self) {
        self.concurrency.back_pressure();
    }

    /// Records a refusal, with the pause that it asks for, of a request that left at `departed`. Gives the pause of the whole run when it is not this letter's alone: a
    /// server that refuses at random takes other letters meanwhile.
    pub(super) fn refused(&self, departed: Instant, asked: Option<Duration>) -> Option<Pause> {
        self.concurrency.back_pressure();
        let now = Instant::now();
        let mut state = self.state();
        if state
            .paused_at
            .is_some_and(|paused_at| departed <= paused_at)
        {
            return Some(state.pause(now, asked.unwrap_or_default()));
        }
        state.refusals += REFUSAL;
        let in_a_row = IN_A_ROW.min(self.concurrency.begun().max(1));
        if state.refusals < in_a_row * REFUSAL {
            return None;
        }
        let pause = asked.unwrap_or_else(|| self.probing_pause(state.pauses));
        state.pauses += 1;
        state.refusals = AFTER_PAUSE;
        state.paused_at = Some(now);
        self.concurrency.restart();
        Some(state.pause(now, pause))
    }

    /// Lets nothing leave before `pause` has passed. True when that is news.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        self.state().pause(Instant::now(), pause).is_news
    }

    /// A pause that the server has not named. It doubles up to [`PROBE_EVERY`]; further when few letters share the tries in it.
    fn probing_pause(&self, pauses: u32) -> Duration {
        let (first, longest) = self.backoff;
        let doubled = first.saturating_mul(1 << pauses.min(16)).min(longest);
        let shared = doubled / self.concurrency.begun().max(1);
        shared.max(doubled.min(PROBE_EVERY))
    }

    /// Letters that leave in about half a second, or in four round trips: so many are in a block.
    pub(super) fn block_size(&self) -> usize {
        let half_a_second = self.state().throughput.last_second(Instant::now()) / 2;
        let limit = self.concurrency.limit() as usize;
        let size = half_a_second.max(4 * limit).min(LARGEST_BLOCK.max(limit));
        match Duration::from_secs(1)
            .as_nanos()
            .checked_div(self.interval.as_nanos())
        {
            Some(in_a_second) => size.min(usize::try_from(in_a_second).unwrap_or(size).max(1)),
            None => size,
        }
    }

    /// One more letter waits to be tried again.
    pub(super) fn retrying(&self) -> Retrying<'_> {
        self.retrying.fetch_add(1, Ordering::Relaxed);
        Retrying(&self.retrying)
    }

    pub(super) fn snapshot(&self) -> PaceSnapshot {
        let now = Instant::now();
        let state = self.state();
        PaceSnapshot {
            limit: self.concurrency.limit(),
            cap: self.concurrency.max_concurrency(),
            in_flight: self.concurrency.in_flight(),
            retrying: self.retrying.load(Ordering::Relaxed),
            rate: state.throughput.rate(now),
            allowed: (!self.interval.is_zero()).then(|| self.interval.as_secs_f64().recip()),
            held: state
                .paused_until
                .checked_duration_since(now)
                .filter(|held| !held.is_zero()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pause(&mut self, now: Instant, pause: Duration) -> Pause {
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
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn wait_until(until: Instant, stop: &Stop) -> Option<()> {
    tokio::select! {
        biased;
        () = stop.wait() => None,
        () = sleep_until(until) => Some(()),
    }
}

/// The length of the memory: as many buckets of a second.
const SECONDS: usize = 10;

#[derive(Debug)]
pub(super) struct Throughput {
    began: Instant,
    buckets: [u32; SECONDS],
    /// The second the last count was in.
    last: u64,
}

impl Throughput {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            buckets: [0; SECONDS],
            last: 0,
        }
    }

    pub(super) fn count(&mut self, now: Instant) {
        let second = self.second(now);
        let passed = second.saturating_sub(self.last);
        for gone in 1..=passed.min(SECONDS as u64) {
            self.buckets[place(self.last + gone)] = 0;
        }
        self.last = self.last.max(second);
        self.buckets[place(second)] += 1;
    }

    /// Requests a second over the last seconds, or since the beginning when that is shorter.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let oldest = (self.second(now) + 1).saturating_sub(SECONDS as u64);
        let since = now.saturating_duration_since(self.began);
        let span = since.saturating_sub(Duration::from_secs(oldest));
        f64::from(self.sum(now)) / span.max(Duration::from_secs(1)).as_secs_f64()
    }

    /// Requests in the last seconds.
    fn sum(&self, now: Instant) -> u32 {
        let second = self.second(now);
        let oldest = (second + 1).saturating_sub(SECONDS as u64);
        (oldest..=self.last.min(second))
            .map(|second| self.buckets[place(second)])
            .sum()
    }

    /// Requests in the busier one of this second and the one before.
    fn last_second(&self, now: Instant) -> usize {
        let second = self.second(now);
        let counted = [second.saturating_sub(1), second]
            .into_iter()
            .filter(|second| *second <= self.last)
            .map(|second| self.buckets[place(second)]);
        counted.max().unwrap_or_default() as usize
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder of a small number"
)]
fn place(second: u64) -> usize {
    (second % SECONDS as u64) as usize
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
        let _begun = join_all((0..6).map(|_| limiter.begin(&stop))).await;
        for _ in 0..100 {
            for _ in 1..IN_A_ROW {
                let departed = depart(&limiter, &stop).await.unwrap();
                let second = Some(Duration::from_secs(1));
                assert_eq!(limiter.refused(departed, second), None);
            }
            for _ in 0..2 * IN_A_ROW {
                limiter.answered(depart(&limiter, &stop).await.unwrap());
            }
        }
        assert_eq!(limiter.snapshot().held, None);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_in_a_row_hold_everybody_and_one_tries_first() {
        let (limiter, stop) = (limiter(Some(HALF)), Stop::default());
        let _begun = join_all((0..6).map(|_| limiter.begin(&stop))).await;
        let minute = Duration::from_secs(60);
        let mut pause = None;
        for _ in 0..IN_A_ROW {
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
        let begun = join_all((0..6).map(|_| limiter.begin(&stop))).await;
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
        let mut meter = Throughput::new(began);
        assert!(near(meter.rate(began), 0.0));
        (0..200).for_each(|n| meter.count(at(f64::from(n) / 20.0)));
        assert!(near(meter.rate(at(9.99)), 20.0));
        assert!(near(meter.rate(at(14.99)), 10.0));
        assert!(near(meter.rate(at(60.0)), 0.0));
        meter.count(at(60.0));
        assert!(near(meter.rate(at(60.5)), 0.1));
    }
}
