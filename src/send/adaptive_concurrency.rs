//! Adaptive concurrency: the number of requests that may be in flight.
//!
//! This is Vector's ARC (adaptive request concurrency, `vector/src/sinks/util/adaptive_concurrency`) with its words and default settings: additive increase while round-trip
//! times are stable, multiplicative decrease on back pressure. It differs in three ways. Round-trip times are compared with those of an unloaded server, as in
//! Netflix's gradient limit, because a moving average follows slow growth and hides it. A single refusal is no back pressure, since some servers refuse at random: more than one
//! in [`BACK_PRESSURE_SHARE`] answers must be. And the limit first grows as in TCP's slow start, until round-trip times grow: by half in each interval, and twofold from [`LARGE`] on.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant};

/// The limit at the start. Altinn's server stalls for seconds when more than about twelve requests come at once.
const INITIAL_CONCURRENCY: u32 = 4;
/// A limit from which it changes in larger steps. Such a server would have answered more slowly before.
const LARGE: u32 = 16;
/// Factor of the limit after back pressure.
const DECREASE_RATIO: f64 = 0.9;
/// Weight of the newest round-trip time in the moving average.
const EWMA_ALPHA: f64 = 0.4;
/// Number of standard deviations by which the round-trip time may exceed the unloaded one before it indicates load.
const RTT_DEVIATION_SCALE: f64 = 2.5;
/// Bounds of that tolerance, as shares of the unloaded round-trip time: the deviation itself grows with the load.
const RTT_TOLERANCE: (f64, f64) = (0.05, 0.14);
/// Seconds added to the tolerance for delays of this machine and its network.
const RTT_SLACK: f64 = 0.015;
/// Factor and additional seconds within which a round-trip time counts as unloaded.
const NO_GROWTH: (f64, f64) = (1.1, 0.005);
/// The smallest number of answers in an interval, but in a calm slow start: of fewer, one refusal would be too large a share.
const SAMPLE: u32 = 8;
/// More than one refusal in this number of answers is back pressure.
const BACK_PRESSURE_SHARE: u32 = 5;
/// Number of letters per permit that may be begun and unanswered: in flight, or waiting for a permit or for the next try.
const BEGUN_PER_PERMIT: u32 = 7;

/// The limit on requests in flight, and on letters begun, with the measurements that adjust it.
#[derive(Debug)]
pub(super) struct AdaptiveConcurrency {
    max_concurrency: u32,
    /// Permits to be in flight.
    permits: Slots,
    /// Letters that may begin.
    begun: Slots,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// The present limit, from 1 to `max_concurrency`.
    limit: u32,
    in_flight: u32,
    interval: Interval,
    /// Start of the interval.
    began: Instant,
    /// Earliest time of the next decision: one round trip after the last, so that its effect can be measured.
    next_update: Instant,
    past_rtt: Option<EwmaVar>,
    /// The lowest moving average so far, in seconds.
    unloaded_rtt: f64,
    /// True until the first back pressure or growth of round-trip times.
    slow_start: bool,
}

/// A semaphore whose number of permits changes.
#[derive(Debug)]
struct Slots {
    semaphore: Semaphore,
    wanted: Cell<u32>,
    /// Number of permits that exist, taken or not. After a decrease it exceeds the wanted number until taken ones are returned.
    existing: Cell<u32>,
}

/// A permit of [`Slots`], to be in flight or of a letter that has begun; returned on drop.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    of: &'a Slots,
    /// Always there: the semaphore is never closed.
    permit: Option<SemaphorePermit<'a>>,
}

/// The answers since the last decision.
#[derive(Debug, Default)]
struct Interval {
    answers: u32,
    /// Answers that were back pressure.
    back_pressure: u32,
    /// Number and sum (seconds) of the measured round-trip times.
    rtts: u32,
    rtt_sum: f64,
    /// True when the limit was reached. Otherwise the measurements do not show that more would be possible.
    reached_limit: bool,
}

/// Exponentially weighted moving average and variance, in seconds.
#[derive(Debug, Clone, Copy)]
struct EwmaVar {
    mean: f64,
    variance: f64,
}

/// A permit to be in flight, returned on drop.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    state: &'a RefCell<State>,
    _slot: Slot<'a>,
    /// True once a request has left with the permit.
    departed: bool,
}

impl AdaptiveConcurrency {
    pub(super) fn new(max_concurrency: NonZeroU32) -> Self {
        let max_concurrency = max_concurrency.get();
        let limit = INITIAL_CONCURRENCY.min(max_concurrency);
        let begun = may_begin(max_concurrency, limit);
        let now = Instant::now();
        Self {
            max_concurrency,
            permits: Slots::new(limit),
            begun: Slots::new(begun),
            state: RefCell::new(State {
                limit,
                in_flight: 0,
                interval: Interval::default(),
                began: now,
                next_update: now,
                past_rtt: None,
                unloaded_rtt: f64::INFINITY,
                slow_start: true,
            }),
        }
    }

    /// Waits until another letter may begin, in order of arrival.
    pub(super) async fn begin(&self) -> Slot<'_> {
        self.begun.acquire().await
    }

    /// Waits for a permit, in order of arrival.
    pub(super) async fn acquire(&self) -> Permit<'_> {
        Permit {
            state: &self.state,
            _slot: self.permits.acquire().await,
            departed: false,
        }
    }

    /// Records an answer without back pressure to a request that left at `departed`.
    pub(super) fn answered(&self, departed: Instant) {
        let mut state = self.state.borrow_mut();
        // A request sent before this interval measures the previous limit, so its round-trip time is not counted.
        if departed >= state.began {
            state.interval.rtts += 1;
            state.interval.rtt_sum += departed.elapsed().as_secs_f64();
        }
        self.count(&mut state);
    }

    /// Records an answer, or a timeout, that indicates an overloaded server.
    pub(super) fn back_pressure(&self) {
        let mut state = self.state.borrow_mut();
        state.interval.back_pressure += 1;
        self.count(&mut state);
    }

    /// Reduces the limit to one request, after a pause of the whole run.
    pub(super) fn restart(&self) {
        let mut state = self.state.borrow_mut();
        state.limit = 1;
        state.slow_start = false;
        (state.interval, state.began) = (Interval::default(), Instant::now());
        self.resize(1);
    }

    pub(super) fn limit(&self) -> u32 {
        self.state.borrow().limit
    }

    pub(super) fn max_concurrency(&self) -> u32 {
        self.max_concurrency
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.state.borrow().in_flight
    }

    /// Number of letters that have begun and are not answered.
    pub(super) fn begun(&self) -> u32 {
        let free = u32::try_from(self.begun.semaphore.available_permits()).unwrap_or(u32::MAX);
        self.begun.existing.get().saturating_sub(free)
    }

    /// Counts an answer, and decides on the limit when the interval has ended.
    fn count(&self, state: &mut State) {
        state.interval.answers += 1;
        let now = Instant::now();
        // At least one answer for every request that may be in flight.
        let is_calm = state.slow_start && state.interval.back_pressure == 0;
        let least = if is_calm { 1 } else { SAMPLE };
        let enough = least.max(state.limit);
        if now < state.next_update || state.interval.answers < enough {
            return;
        }
        let interval = std::mem::take(&mut state.interval);
        state.began = now;
        let current_rtt = interval.rtt();
        // Compares with earlier intervals only: the newest one is averaged in afterwards.
        state.manage_limit(&interval, self.max_concurrency);
        // An interval of refusals alone has measured no round-trip time.
        if let Some(rtt) = current_rtt {
            let first = EwmaVar {
                mean: rtt,
                variance: 0.0,
            };
            let past = state.past_rtt.map_or(first, |past| past.update(rtt));
            // The average, so that one fast interval does not set the baseline.
            state.unloaded_rtt = state.unloaded_rtt.min(past.mean);
            state.past_rtt = Some(past);
            state.next_update = now + Duration::from_secs_f64(rtt);
        }
        self.resize(state.limit);
    }

    fn resize(&self, limit: u32) {
        self.permits.resize(limit);
        self.begun.resize(may_begin(self.max_concurrency, limit));
    }
}

/// Number of letters that may be begun. One when the maximum is one, so that letters are sent in row order.
fn may_begin(max_concurrency: u32, limit: u32) -> u32 {
    if max_concurrency == 1 {
        1
    } else {
        limit.saturating_mul(BEGUN_PER_PERMIT)
    }
}

impl Slots {
    fn new(number: u32) -> Self {
        Self {
            semaphore: Semaphore::new(number as usize),
            wanted: Cell::new(number),
            existing: Cell::new(number),
        }
    }

    async fn acquire(&self) -> Slot<'_> {
        Slot {
            of: self,
            permit: self.semaphore.acquire().await.ok(),
        }
    }

    fn resize(&self, wanted: u32) {
        self.wanted.set(wanted);
        let missing = wanted.saturating_sub(self.existing.get());
        self.existing.set(self.existing.get() + missing);
        self.semaphore.add_permits(missing as usize);
    }
}

impl Drop for Slot<'_> {
    /// A semaphore cannot be shrunk while its permits are taken: surplus ones are discarded on return.
    fn drop(&mut self) {
        let existing = &self.of.existing;
        if existing.get() > self.of.wanted.get() {
            existing.set(existing.get() - 1);
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

impl State {
    /// Adjusts the limit at the end of an interval.
    fn manage_limit(&mut self, interval: &Interval, max_concurrency: u32) {
        let current_rtt = interval.rtt();
        let loaded = current_rtt.is_some_and(|rtt| rtt > self.loaded_rtt());
        let back_pressure = interval.back_pressure * BACK_PRESSURE_SHARE > interval.answers;
        if back_pressure || loaded {
            // Slow start never returns in this run, as the server's capacity is now known roughly.
            self.slow_start = false;
            if self.limit > 1 {
                self.limit = decreased(self.limit);
            } else if let (true, Some(rtt)) = (loaded, current_rtt) {
                // A single request is no load, so this is the server's unloaded round-trip time.
                self.unloaded_rtt = rtt;
            }
        } else if interval.reached_limit && current_rtt.is_some() {
            let grown =
                current_rtt.is_some_and(|rtt| rtt > self.unloaded_rtt * NO_GROWTH.0 + NO_GROWTH.1);
            let is_large = self.limit >= LARGE;
            // Growth that is no load yet ends the fast increase. Many requests at once are slower by this machine's own work on them.
            self.slow_start &= is_large || !grown;
            let step = match (self.slow_start, is_large) {
                (true, true) => self.limit,
                (true, false) => self.limit / 2,
                (false, _) => (self.limit / LARGE).max(1),
            };
            self.limit = self.limit.saturating_add(step).min(max_concurrency);
        }
    }

    /// The round-trip time above which the server counts as loaded, in seconds.
    fn loaded_rtt(&self) -> f64 {
        let deviation = self.past_rtt.map_or(0.0, |past| past.variance.sqrt());
        let (least, most) = RTT_TOLERANCE;
        let tolerance = RTT_DEVIATION_SCALE * deviation / self.unloaded_rtt;
        self.unloaded_rtt * (1.0 + tolerance.clamp(least, most)) + RTT_SLACK
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 1 to a u32"
)]
fn decreased(limit: u32) -> u32 {
    ((f64::from(limit) * DECREASE_RATIO) as u32).max(1)
}

impl Interval {
    /// The mean round-trip time in seconds; `None` without measurements.
    fn rtt(&self) -> Option<f64> {
        (self.rtts > 0).then(|| self.rtt_sum / f64::from(self.rtts))
    }
}

impl EwmaVar {
    fn update(self, point: f64) -> Self {
        let delta = point - self.mean;
        let increment = EWMA_ALPHA * delta;
        Self {
            mean: self.mean + increment,
            variance: (1.0 - EWMA_ALPHA) * (self.variance + delta * increment),
        }
    }
}

impl Permit<'_> {
    /// Counts a request as in flight. Further requests with the same permit (after a new token) count once.
    pub(super) fn depart(&mut self) {
        if std::mem::replace(&mut self.departed, true) {
            return;
        }
        let mut state = self.state.borrow_mut();
        state.in_flight += 1;
        // Letters that only wait, for a token or a pause, do not count.
        state.interval.reached_limit |= state.in_flight >= state.limit;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.state.borrow_mut().in_flight -= u32::from(self.departed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn limit(max_concurrency: u32) -> AdaptiveConcurrency {
        AdaptiveConcurrency::new(NonZeroU32::new(max_concurrency).unwrap())
    }

    /// Takes all permits there are.
    async fn fill(limit: &AdaptiveConcurrency) -> Vec<Permit<'_>> {
        let mut permits = Vec::new();
        while limit.permits.semaphore.available_permits() > 0 {
            let mut permit = limit.acquire().await;
            permit.depart();
            permits.push(permit);
        }
        permits
    }

    /// As many rounds in which all that may leave do, and are answered after `rtt`.
    async fn rounds(limit: &AdaptiveConcurrency, count: u32, rtt: impl Fn(u32) -> Duration) {
        for _ in 0..count {
            let permits = fill(limit).await;
            let departed = Instant::now();
            advance(rtt(limit.limit())).await;
            for _ in &permits {
                limit.answered(departed);
            }
        }
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[tokio::test(start_paused = true)]
    async fn it_starts_low_and_grows_fast_while_nothing_becomes_slower() {
        let limit = limit(500);
        assert_eq!((limit.limit(), limit.in_flight()), (4, 0));
        rounds(&limit, 2, |_| ms(50)).await;
        assert_eq!(limit.limit(), 9);
        rounds(&limit, 30, |_| ms(50)).await;
        assert_eq!(limit.limit(), 500, "and no more than the maximum");
        assert_eq!(fill(&limit).await.len(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_reach_the_limit_is_no_evidence_for_more() {
        let limit = limit(16);
        for _ in 0..100 {
            let mut permit = limit.acquire().await;
            permit.depart();
            let departed = Instant::now();
            advance(ms(50)).await;
            limit.answered(departed);
        }
        assert_eq!(limit.limit(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_rising_where_latency_grows_however_slowly_that_comes() {
        let limit = limit(64);
        let rtt = |in_flight: u32| ms(80 + u64::from(in_flight) * 6);
        rounds(&limit, 2000, rtt).await;
        let reached = limit.limit();
        assert!((6..=12).contains(&reached), "{reached}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_falls_where_latency_grows_until_slow_is_usual() {
        let limit = limit(16);
        rounds(&limit, 50, |_| ms(50)).await;
        assert_eq!(limit.limit(), 16);
        rounds(&limit, 20, |_| ms(2000)).await;
        assert!(limit.limit() < 10, "{}", limit.limit());
        rounds(&limit, 1000, |_| ms(2000)).await;
        assert_eq!(limit.limit(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn back_pressure_is_more_than_a_refusal_here_and_there() {
        let limit = limit(16);
        rounds(&limit, 50, |_| ms(50)).await;
        for (refused, reached) in [(3, 16), (4, 14)] {
            let permits = fill(&limit).await;
            let departed = Instant::now();
            advance(ms(50)).await;
            (0..refused).for_each(|_| limit.back_pressure());
            (refused..permits.len()).for_each(|_| limit.answered(departed));
            drop(permits);
            assert_eq!(limit.limit(), reached);
        }
        assert_eq!(fill(&limit).await.len(), 14);
    }

    #[tokio::test(start_paused = true)]
    async fn permits_that_are_in_use_are_taken_back_when_they_are_given_back() {
        let limit = limit(16);
        rounds(&limit, 50, |_| ms(50)).await;
        let permits = fill(&limit).await;
        let begun = limit.begin().await;
        limit.restart();
        assert_eq!((limit.limit(), limit.in_flight()), (1, 16));
        drop((permits, begun));
        assert_eq!((limit.in_flight(), limit.begun()), (0, 0));
        assert_eq!(fill(&limit).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn letters_that_have_begun_are_bounded_and_one_at_a_time_keeps_their_order() {
        for (max_concurrency, bound) in [(1, 1), (2, 14), (16, 28)] {
            let limit = limit(max_concurrency);
            let mut begun = Vec::new();
            while limit.begun.semaphore.available_permits() > 0 {
                begun.push(limit.begin().await);
            }
            assert_eq!(begun.len(), bound);
        }
    }
}
