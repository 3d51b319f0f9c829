//! Limits requests: at most `AdaptiveConcurrency` in flight, and at most the configured or estimated rate.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::adaptive_concurrency::{AdaptiveConcurrency, Place};
use super::rate_estimator::RateEstimator;
use super::{PaceSnapshot, Stop};
use crate::manifest::Retry;

/// The rate is kept this much below the one that is allowed: requests that leave evenly do not arrive evenly.
const MARGIN: f64 = 1.01;
/// How much too early a request may leave that makes up for one that was late:  a hundredth of the shortest period there is, and so the
/// margin covers it: what leaves within a period is never more than allowed.
const SLACK: Duration = Duration::from_millis(10);

/// Gives each request a place in flight and a time to leave. A pause that the server asks for holds all requests, and they do not leave together after it.
#[derive(Debug)]
pub(super) struct RateLimiter {
    interval: Duration,
    /// The shortest and the longest pause when the server wants one and does not say how long.
    pauses: (Duration, Duration),
    limit: AdaptiveConcurrency,
    waiting: AtomicU32,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// Planned departure of the next request.
    planned: Instant,
    /// Earliest departure of the next request, from the real departures so far.
    free: Instant,
    /// Until when no request may leave: the server has asked for a pause.
    held: Instant,
    /// Refusals without an answer between them.
    in_a_row: u32,
    learned: RateEstimator,
    meter: Throughput,
}

/// A letter's slot, from before its start is written down until it is settled. There are more slots than permits, so that letters are ready
/// when a permit becomes free, but not many more, so that an outage affects few letters.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    _place: Place<'a>,
}

/// A request's departure time, with its permit as soon as it has one; both are returned on drop.
#[derive(Debug)]
pub(super) struct Departure<'a> {
    place: Option<Place<'a>>,
    at: Instant,
    /// True when a request has left in it already.
    used: bool,
}

/// A letter that waits to be tried again, for as long as this lives.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a AtomicU32);

impl RateLimiter {
    /// At most `concurrency` requests in flight, and one per `interval`; none means as fast as the answers come.
    pub(super) fn new(concurrency: NonZeroU32, interval: Option<Duration>, retry: &Retry) -> Self {
        // Where the rate is the limit, letters that wait ahead of their turn keep those waiting that are to be tried again.
        let is_slow = interval.is_some_and(|interval| interval > SLACK);
        let seats = if is_slow { 2 } else { 3 };
        let now = Instant::now();
        Self {
            interval: interval.unwrap_or_default().mul_f64(MARGIN),
            pauses: (retry.first_delay.duration(), retry.max_delay.duration()),
            limit: AdaptiveConcurrency::new(concurrency, seats),
            waiting: AtomicU32::new(0),
            times: Mutex::new(Times {
                planned: now,
                free: now,
                held: now,
                in_a_row: 0,
                learned: RateEstimator::new(now),
                meter: Throughput::new(now),
            }),
        }
    }

    /// Waits for a slot; `None` when the run is stopped first.
    pub(super) async fn seat(&self, stop: &Stop) -> Option<Slot<'_>> {
        tokio::select! {
            biased;
            place = self.limit.come() => Some(Slot { _place: place }),
            () = stop.wait() => None,
        }
    }

    /// Waits for a turn; nothing when the run is stopped first. What is due now leaves also then.
    pub(super) async fn turn(&self, stop: &Stop) -> Option<Departure<'_>> {
        let at = self.slot(stop).await?;
        Some(Departure {
            place: None,
            at,
            used: false,
        })
    }

    /// Waits for the place in flight; nothing when the run is stopped first.
    pub(super) async fn enter<'a>(&'a self, turn: &mut Departure<'a>, stop: &Stop) -> Option<()> {
        if turn.place.is_none() {
            turn.place = tokio::select! {
                biased;
                place = self.limit.enter() => Some(place),
                () = stop.wait() => return None,
            };
        }
        Some(())
    }

    /// Leaves, and gives the time. A turn that has passed, that a pause has overtaken, or that another request has left in, is waited for anew; nothing
    /// when the run is stopped then.
    pub(super) async fn leave<'a>(
        &'a self,
        turn: &mut Departure<'a>,
        stop: &Stop,
    ) -> Option<Instant> {
        self.enter(turn, stop).await?;
        if turn.used {
            turn.at = self.slot(stop).await?;
        }
        turn.used = true;
        loop {
            let until = {
                let now = Instant::now();
                let mut times = self.times();
                if times.held > now && times.held > turn.at {
                    None
                } else if now + SLACK >= times.free {
                    times.free = times.free.max(now) + self.interval(&times);
                    times.meter.count(now);
                    times.learned.left();
                    return Some(now);
                } else {
                    Some(times.free - SLACK)
                }
            };
            match until {
                None => turn.at = self.slot(stop).await?,
                Some(until) => wait_until(until, stop).await?,
            }
        }
    }

    /// Lets nothing depart before `pause` has passed. True when that is news: longer than what was known by a second or more.
    pub(super) fn hold(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut times = self.times();
        let news = until.saturating_duration_since(times.held) >= Duration::from_secs(1);
        times.held = times.held.max(until);
        news
    }

    /// Records an accepted request that left at `departed`.
    pub(super) fn answered(&self, departed: Instant) {
        self.limit.answered(departed);
        self.times().in_a_row = 0;
    }

    /// A request that left at `departed` met a server that has too much to do, or is away.
    pub(super) fn troubled(&self, departed: Instant) {
        self.limit.troubled(departed);
    }

    /// A request that left at `departed` was too fast, for all that Altinn says; gives the pause it asks for, or makes one up.
    pub(super) fn refused(&self, departed: Instant, asked: Option<Duration>) -> Duration {
        self.limit.troubled(departed);
        let now = Instant::now();
        let mut times = self.times();
        if !times.learned.refused(departed, now) {
            let known = times.held.saturating_duration_since(now);
            return asked.unwrap_or(known);
        }
        let made_up = self.pauses.0.saturating_mul(1 << times.in_a_row.min(16));
        let pause = asked.unwrap_or(made_up.min(self.pauses.1));
        times.in_a_row += 1;
        times.learned.paused(now + pause);
        // Those whose turn it was are planned anew, at the new rate.
        times.planned = now;
        pause
    }

    /// One more letter waits to be tried again.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    pub(super) fn snapshot(&self) -> PaceSnapshot {
        let now = Instant::now();
        let times = self.times();
        let interval = self.interval(&times);
        PaceSnapshot {
            limit: self.limit.now(),
            cap: self.limit.cap(),
            in_flight: self.limit.in_flight(),
            retrying: self.waiting.load(Ordering::Relaxed),
            rate: times.meter.rate(now),
            allowed: (!interval.is_zero()).then(|| interval.as_secs_f64().recip()),
            held: times
                .held
                .checked_duration_since(now)
                .filter(|held| !held.is_zero()),
        }
    }

    /// Waits for a time of departure that no other request has.
    async fn slot(&self, stop: &Stop) -> Option<Instant> {
        loop {
            let now = Instant::now();
            let mine = {
                let mut times = self.times();
                let mine = times.planned.max(times.held).max(now);
                times.planned = mine + self.interval(&times);
                mine
            };
            if mine > now {
                wait_until(mine, stop).await?;
            }
            // A pause that was asked for meanwhile holds those who were already waiting.
            if self.times().held <= mine {
                return Some(mine);
            }
        }
    }

    fn interval(&self, times: &Times) -> Duration {
        let learned = times.learned.rate();
        learned.map_or(self.interval, |rate| {
            self.interval.max(Duration::from_secs_f64(rate.recip()))
        })
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
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
        let second = self.second(now);
        let oldest = (second + 1).saturating_sub(SECONDS as u64);
        let counted: u32 = (oldest..=self.last.min(second))
            .map(|second| self.buckets[place(second)])
            .sum();
        let since = now.saturating_duration_since(self.began);
        let span = since.saturating_sub(Duration::from_secs(oldest));
        f64::from(counted) / span.max(Duration::from_secs(1)).as_secs_f64()
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
mod pace_tests {
    use futures::future::join_all;
    use tokio::time::advance;

    use super::*;

    const HALF: Duration = Duration::from_millis(500);
    /// Half a second and the margin.
    const APART: u128 = 505;

    fn pace(interval: Option<Duration>) -> RateLimiter {
        RateLimiter::new(NonZeroU32::new(16).unwrap(), interval, &Retry::default())
    }

    /// Takes a turn, and leaves at once.
    async fn depart(pace: &RateLimiter, stop: &Stop) -> Option<Instant> {
        let mut turn = pace.turn(stop).await?;
        pace.leave(&mut turn, stop).await
    }

    #[tokio::test(start_paused = true)]
    async fn departures_are_an_interval_apart() {
        let pace = pace(Some(HALF));
        let began = Instant::now();
        for _ in 0..5 {
            depart(&pace, &Stop::default()).await.unwrap();
        }
        assert_eq!(began.elapsed().as_millis(), 4 * APART);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_were_held_up_after_their_turn_do_not_leave_together() {
        let (pace, stop) = (pace(Some(HALF)), Stop::default());
        let mut turns = Vec::new();
        for _ in 0..5 {
            turns.push(pace.turn(&stop).await.unwrap());
        }
        advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        for mut turn in turns {
            pace.leave(&mut turn, &stop).await.unwrap();
        }
        let took = began.elapsed().as_millis();
        assert!((4 * (APART - 10)..=4 * APART).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_the_limit_allows_and_three_times_as_many_have_seats() {
        let (pace, stop) = (pace(None), Stop::default());
        let mut seats = join_all((0..48).map(|_| pace.seat(&stop))).await;
        let mut other = Box::pin(pace.seat(&stop));
        assert!(futures::poll!(&mut other).is_pending(), "all are taken");
        seats.pop();
        assert!(futures::poll!(&mut other).is_ready());

        let left = join_all((0..16).map(|_| async {
            let mut turn = pace.turn(&stop).await.unwrap();
            pace.leave(&mut turn, &stop).await.unwrap();
            turn
        }));
        let left = left.await;
        assert_eq!(pace.snapshot().in_flight, 16);
        let mut next = pace.turn(&stop).await.unwrap();
        let mut leaves = Box::pin(pace.leave(&mut next, &stop));
        assert!(futures::poll!(&mut leaves).is_pending(), "nobody is back");
        drop(left);
        assert!(futures::poll!(&mut leaves).is_ready());
        assert_eq!(pace.snapshot().in_flight, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let (pace, stop) = (pace(None), Stop::default());
        let began = Instant::now();
        assert!(pace.hold(Duration::from_secs(7)));
        assert!(!pace.hold(Duration::from_secs(7)), "known already");
        assert_eq!(pace.snapshot().held, Some(Duration::from_secs(7)));
        depart(&pace, &stop).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(7));
        depart(&pace, &stop).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(7));
        assert_eq!(pace.snapshot().held, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_those_who_were_waiting_and_they_leave_one_by_one() {
        let (pace, stop) = (pace(Some(HALF)), Stop::default());
        let began = Instant::now();
        depart(&pace, &stop).await.unwrap();
        // One of them has had its turn, and was about to leave.
        let mut late = pace.turn(&stop).await.unwrap();
        let waiting = join_all((0..3).map(|_| async {
            depart(&pace, &stop).await.unwrap();
            began.elapsed()
        }));
        let pause = async { pace.hold(Duration::from_secs(60)) };
        let late = async {
            tokio::task::yield_now().await;
            pace.leave(&mut late, &stop).await.unwrap();
            began.elapsed()
        };
        let (left, _, late) = tokio::join!(waiting, pause, late);
        let mut left: Vec<_> = left
            .iter()
            .chain([&late])
            .map(Duration::as_millis)
            .collect();
        left.sort_unstable();
        let first = left[0];
        let apart: Vec<_> = left.iter().map(|time| time - first).collect();
        assert!(first >= 60_000, "{left:?}");
        assert_eq!(apart, [0, APART, 2 * APART, 3 * APART]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_for_being_too_fast_tells_the_rate_once_for_all_in_flight() {
        let (pace, stop) = (pace(None), Stop::default());
        for _ in 0..120 {
            let departed = depart(&pace, &stop).await.unwrap();
            pace.answered(departed);
        }
        let mut departed = Vec::new();
        for _ in 0..15 {
            departed.push(depart(&pace, &stop).await.unwrap());
        }
        advance(Duration::from_secs(1)).await;
        let minute = Some(Duration::from_secs(59));
        for departed in departed {
            pace.hold(pace.refused(departed, minute));
        }
        let allowed = pace.snapshot().allowed.unwrap();
        assert!((1.9..2.0).contains(&allowed), "{allowed}");
        assert_eq!(pace.snapshot().limit, 11);
        let first = depart(&pace, &stop).await.unwrap();
        let second = depart(&pace, &stop).await.unwrap();
        let apart = (second - first).as_millis();
        assert!((505..=506).contains(&apart), "{apart}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_nobody_has_named_becomes_longer_until_something_is_taken() {
        let pace = pace(None);
        let refuse = async || {
            advance(Duration::from_millis(1)).await;
            pace.refused(Instant::now(), None).as_millis()
        };
        assert_eq!(refuse().await, 500);
        assert_eq!(refuse().await, 1000);
        assert_eq!(refuse().await, 2000);
        for _ in 0..10 {
            refuse().await;
        }
        assert_eq!(refuse().await, 30_000);
        pace.answered(Instant::now());
        assert_eq!(refuse().await, 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_and_lets_go_what_is_due() {
        let (pace, stop) = (pace(Some(HALF)), Stop::default());
        stop.set();
        assert!(depart(&pace, &stop).await.is_some());
        assert!(depart(&pace, &stop).await.is_none());
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
