//! The rate: when the next request may leave.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Stop;

/// What a first refusal for being too fast puts between two requests, when nothing else does.
const FIRST_SPACING: Duration = Duration::from_millis(10);
/// The most it comes to; beyond it `Retry-After` says how long to wait.
const WIDEST_SPACING: Duration = Duration::from_secs(1);

/// Hands out departure times, one interval apart; everybody waits when the server asks for a pause, and nobody bursts out of it.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// When the next request may leave.
    next: Instant,
    /// Until when nobody may.
    held: Instant,
    /// What being refused for being too fast has put between two requests.
    spacing: Duration,
    /// Refusals of requests that left before say nothing new.
    slowed: Instant,
}

impl Pace {
    /// One request per `interval`; none means as fast as the answers come.
    pub(super) fn new(interval: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            interval: interval.unwrap_or_default(),
            times: Mutex::new(Times {
                next: now,
                held: now,
                spacing: Duration::ZERO,
                slowed: now,
            }),
        }
    }

    /// Waits for the next departure, and gives its time; nothing when the run is stopped first. What is due now leaves also then.
    pub(super) async fn depart(&self, stop: &Stop) -> Option<Instant> {
        loop {
            let now = Instant::now();
            let mine = self.take(now);
            if mine > now {
                tokio::select! {
                    biased;
                    () = stop.wait() => return None,
                    () = sleep_until(mine) => {}
                }
            }
            // A pause that was asked for meanwhile holds those who were already waiting.
            if self.times().held <= mine {
                return Some(mine);
            }
        }
    }

    /// Nobody departs before `pause` has passed. Whether that is news: longer than what was known by a second and more.
    pub(super) fn hold(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut times = self.times();
        let news = until.saturating_duration_since(times.held) >= Duration::from_secs(1);
        times.held = times.held.max(until);
        news
    }

    /// A request that left at `departed` was too fast: the distance doubles, once for all that were under way.
    pub(super) fn slow_down(&self, departed: Instant) {
        let mut times = self.times();
        if departed < times.slowed {
            return;
        }
        times.slowed = Instant::now();
        let wider = times.spacing.max(self.interval) * 2;
        times.spacing = wider
            .clamp(FIRST_SPACING, WIDEST_SPACING)
            .max(self.interval);
    }

    /// A request was taken: the distance shrinks again.
    pub(super) fn ease(&self) {
        let mut times = self.times();
        let spacing = times.spacing;
        times.spacing = spacing.saturating_sub(spacing / 4);
        if times.spacing < FIRST_SPACING / 8 {
            times.spacing = Duration::ZERO;
        }
    }

    fn take(&self, now: Instant) -> Instant {
        let mut times = self.times();
        let mine = times.next.max(times.held).max(now);
        times.next = mine + times.spacing.max(self.interval);
        mine
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    const HALF: Duration = Duration::from_millis(500);

    #[tokio::test(start_paused = true)]
    async fn departures_are_an_interval_apart() {
        let pace = Pace::new(Some(HALF));
        let began = Instant::now();
        for _ in 0..5 {
            pace.depart(&Stop::default()).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let (pace, stop) = (Pace::new(None), Stop::default());
        let began = Instant::now();
        assert!(pace.hold(Duration::from_secs(7)));
        assert!(!pace.hold(Duration::from_secs(7)), "known already");
        pace.depart(&stop).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(7));
        pace.depart(&stop).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_those_who_were_waiting_and_they_leave_one_by_one() {
        let (pace, stop) = (Pace::new(Some(HALF)), Stop::default());
        let began = Instant::now();
        pace.depart(&stop).await.unwrap();
        let waiting = join_all((0..4).map(|_| async {
            pace.depart(&stop).await.unwrap();
            began.elapsed()
        }));
        let pause = async { pace.hold(Duration::from_secs(60)) };
        let (left, _) = tokio::join!(waiting, pause);
        let mut left: Vec<_> = left.iter().map(Duration::as_millis).collect();
        left.sort_unstable();
        assert_eq!(left, [60_000, 60_500, 61_000, 61_500]);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_for_being_too_fast_spread_the_requests_and_successes_bring_them_together() {
        let (pace, stop) = (Pace::new(None), Stop::default());
        let departed = pace.depart(&stop).await.unwrap();
        tokio::time::advance(HALF).await;
        pace.slow_down(departed);
        // The others of the same burst.
        (0..15).for_each(|_| pace.slow_down(departed));
        let gap = async || {
            let first = pace.depart(&stop).await.unwrap();
            pace.depart(&stop).await.unwrap() - first
        };
        assert_eq!(gap().await, FIRST_SPACING);
        pace.slow_down(pace.depart(&stop).await.unwrap());
        assert_eq!(gap().await, 2 * FIRST_SPACING);
        (0..40).for_each(|_| pace.ease());
        assert_eq!(gap().await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_and_lets_go_what_is_due() {
        let (pace, stop) = (Pace::new(Some(HALF)), Stop::default());
        stop.set();
        assert!(pace.depart(&stop).await.is_some());
        assert!(pace.depart(&stop).await.is_none());
    }
}
