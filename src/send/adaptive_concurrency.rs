//! The number of requests that may be in flight: up to a cap, and fewer while Altinn shows that it is too much.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Factor of the limit after a decrease.
const AFTER_TROUBLE: f64 = 0.7;
/// A decrease needs trouble with more than one in PART of the requests in flight: a rare failure has nothing to do with concurrency.
const PART: u32 = 16;
/// Factor of the increase near the limit of the last decrease.
const CAREFUL: f64 = 0.2;
/// Latency this many times the usual one...
const SLOWER: u32 = 3;
/// ...and this much longer are trouble too: requests queue up somewhere. Less is the network, or this machine.
const LATER: Duration = Duration::from_millis(250);
/// Answers that a mean needs at least.
const SAMPLE: u32 = 8;

/// Grows by one per round of accepted requests, slower near the last decrease, and shrinks by a third on trouble, once for all
/// requests that were in flight then.
#[derive(Debug)]
pub(super) struct AdaptiveConcurrency {
    cap: u32,
    room: Semaphore,
    /// Slots of letters that are in flight, about to be, or waiting for the next attempt.
    seats: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// From 1 to the cap.
    limit: f64,
    /// Permits and slots that exist, taken or not. More than the limit while those taken before a decrease are in use.
    places: u32,
    seats: u32,
    times: u32,
    /// Time of the last decrease; trouble of requests that left before it carries no news.
    shrunk: Instant,
    /// The limit when trouble came.
    ceiling: f64,
    /// Requests of this round, and those that met trouble.
    round: u32,
    troubles: u32,
    answers: u32,
    taken: Duration,
    usual: Option<Duration>,
}

/// A permit to be in flight, or a slot; returned on drop.
#[derive(Debug)]
pub(super) struct Place<'a> {
    limit: &'a AdaptiveConcurrency,
    permit: Option<SemaphorePermit<'a>>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    InFlight,
    Slot,
}

impl AdaptiveConcurrency {
    /// `slots` per permit. Three lose no time: while one third of the letters is in flight, one is ready, and the starts of one are
    /// being written down.
    pub(super) fn new(cap: NonZeroU32, seats: u32) -> Self {
        let cap = cap.get();
        Self {
            cap,
            room: Semaphore::new(cap as usize),
            seats: Semaphore::new(cap.saturating_mul(seats) as usize),
            state: Mutex::new(State {
                limit: cap.into(),
                places: cap,
                seats: cap.saturating_mul(seats),
                times: seats,
                shrunk: Instant::now(),
                ceiling: f64::INFINITY,
                round: 0,
                troubles: 0,
                answers: 0,
                taken: Duration::ZERO,
                usual: None,
            }),
        }
    }

    /// Waits for a slot, in order of arrival.
    pub(super) async fn come(&self) -> Place<'_> {
        Place {
            limit: self,
            // It is never closed.
            permit: self.seats.acquire().await.ok(),
            kind: Kind::Slot,
        }
    }

    /// Waits for a permit, in order of arrival.
    pub(super) async fn enter(&self) -> Place<'_> {
        Place {
            limit: self,
            permit: self.room.acquire().await.ok(),
            kind: Kind::InFlight,
        }
    }

    /// Records an accepted request that left at `departed`.
    pub(super) fn answered(&self, departed: Instant) {
        let mut state = self.state();
        state.grow(self.cap.into());
        let whole = state.whole();
        let wanted = whole.saturating_mul(state.times);
        self.room.add_permits(fill_up(&mut state.places, whole));
        self.seats.add_permits(fill_up(&mut state.seats, wanted));
        if state.is_slower(departed.elapsed()) {
            state.shrink(departed);
        }
    }

    /// Records an overloaded server for a request that left at `departed`.
    pub(super) fn troubled(&self, departed: Instant) {
        let mut state = self.state();
        if departed >= state.shrunk {
            state.troubles += 1;
        }
        if state.troubles > state.whole() / PART {
            state.shrink(departed);
        }
        state.count();
    }

    pub(super) fn now(&self) -> u32 {
        self.state().whole()
    }

    pub(super) fn cap(&self) -> u32 {
        self.cap
    }

    pub(super) fn in_flight(&self) -> u32 {
        let free = u32::try_from(self.room.available_permits()).unwrap_or(u32::MAX);
        self.state().places.saturating_sub(free)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises `there` to `whole`; returns the difference.
fn fill_up(there: &mut u32, whole: u32) -> usize {
    let missing = whole.saturating_sub(*there);
    *there += missing;
    missing as usize
}

impl State {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to a u32"
    )]
    fn whole(&self) -> u32 {
        self.limit as u32
    }

    /// Removes a permit or slot when there are more than the limit allows.
    fn spare(&mut self, kind: Kind) -> bool {
        let whole = self.whole();
        let (there, wanted) = match kind {
            Kind::InFlight => (&mut self.places, whole),
            Kind::Slot => (&mut self.seats, whole.saturating_mul(self.times)),
        };
        let more = *there > wanted;
        *there -= u32::from(more);
        more
    }

    fn grow(&mut self, cap: f64) {
        // Past where trouble came, there is nothing to be careful of.
        if self.limit > self.ceiling + 2.0 {
            self.ceiling = f64::INFINITY;
        }
        let careful = self.limit > 4.0_f64.max(0.9 * self.ceiling);
        let step = if careful { CAREFUL } else { 1.0 };
        self.limit = (self.limit + step / self.limit).min(cap);
        self.count();
    }

    fn shrink(&mut self, departed: Instant) {
        if departed >= self.shrunk {
            self.shrunk = Instant::now();
            self.ceiling = self.limit;
            self.limit = (self.limit * AFTER_TROUBLE).max(1.0);
            (self.round, self.troubles) = (0, 0);
        }
    }

    /// One more of this round.
    fn count(&mut self) {
        self.round += 1;
        if self.round >= self.whole() {
            (self.round, self.troubles) = (0, 0);
        }
    }

    /// Counts an answer; whether the last ones took much longer than answers do.
    fn is_slower(&mut self, took: Duration) -> bool {
        self.answers += 1;
        self.taken += took;
        if self.answers < self.whole().max(SAMPLE) {
            return false;
        }
        let mean = self.taken / self.answers;
        (self.answers, self.taken) = (0, Duration::ZERO);
        let usual = self.usual.map_or(mean, |usual| usual.min(mean));
        let slower = mean > usual * SLOWER && mean > usual + LATER;
        // Where fewer requests do not help it is not our load: in the end slow is usual.
        self.usual = Some(if slower { usual * 3 / 2 } else { usual });
        slower
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if state.spare(self.kind)
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn limit(cap: u32) -> AdaptiveConcurrency {
        AdaptiveConcurrency::new(NonZeroU32::new(cap).unwrap(), 3)
    }

    /// Fills all places there are, and says how many.
    async fn fill(limit: &AdaptiveConcurrency) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        while limit.room.available_permits() > 0 {
            places.push(limit.enter().await);
        }
        places
    }

    async fn answers(limit: &AdaptiveConcurrency, count: u32, each: Duration) {
        for _ in 0..count {
            let departed = Instant::now();
            advance(each).await;
            limit.answered(departed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_takes_places_away_and_good_answers_bring_them_back() {
        let limit = limit(16);
        let departed = Instant::now();
        let places = fill(&limit).await;
        assert_eq!((places.len(), limit.in_flight()), (16, 16));
        advance(Duration::from_millis(1)).await;
        limit.troubled(departed);
        assert_eq!(limit.now(), 16, "that can happen to one of them");
        // All that were in flight tell the same news.
        (1..16).for_each(|_| limit.troubled(departed));
        assert_eq!((limit.now(), limit.in_flight()), (11, 16));
        drop(places);
        assert_eq!(limit.in_flight(), 0);
        assert_eq!(fill(&limit).await.len(), 11);
        answers(&limit, 400, Duration::from_millis(50)).await;
        assert_eq!(limit.now(), 16, "and no more than the cap");
        assert_eq!(fill(&limit).await.len(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_is_always_left_and_grows_again() {
        let limit = limit(500);
        for _ in 0..100 {
            advance(Duration::from_millis(1)).await;
            (0..=limit.now() / PART).for_each(|_| limit.troubled(Instant::now()));
        }
        drop(fill(&limit).await);
        assert_eq!((limit.now(), fill(&limit).await.len()), (1, 1));
        answers(&limit, 2, Duration::from_millis(50)).await;
        assert_eq!(fill(&limit).await.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_become_slow_are_trouble_until_slow_is_usual() {
        let limit = limit(16);
        answers(&limit, 100, Duration::from_millis(50)).await;
        answers(&limit, 100, Duration::from_millis(200)).await;
        assert_eq!(limit.now(), 16, "slower, and nothing to worry about");
        answers(&limit, 64, Duration::from_secs(2)).await;
        let least = limit.now();
        assert!(least < 6, "{least}");
        answers(&limit, 1000, Duration::from_secs(2)).await;
        assert_eq!(limit.now(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_longest_gets_the_place() {
        let limit = limit(1);
        let first = limit.enter().await;
        let order = Mutex::new(Vec::new());
        let wait = async |number: u32| {
            let _place = limit.enter().await;
            order.lock().unwrap().push(number);
        };
        tokio::join!(wait(1), wait(2), wait(3), async { drop(first) });
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    }
}
