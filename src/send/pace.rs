//! The rate: when the next request may leave.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out departure times, one interval apart; everybody waits when the server asks for a pause.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// One request per `interval`; none means as fast as the answers come.
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval: interval.unwrap_or_default(),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next departure.
    pub(super) async fn depart(&self) {
        let now = Instant::now();
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = (*next).max(now);
            *next = mine + self.interval;
            mine
        };
        if mine > now {
            sleep_until(mine).await;
        }
    }

    /// Nobody departs before `pause` has passed.
    pub(super) fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn departures_are_an_interval_apart() {
        let pace = Pace::new(Some(Duration::from_millis(500)));
        let began = Instant::now();
        for _ in 0..5 {
            pace.depart().await;
        }
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let pace = Pace::new(None);
        let began = Instant::now();
        pace.hold(Duration::from_secs(7));
        pace.depart().await;
        assert_eq!(began.elapsed(), Duration::from_secs(7));
        pace.depart().await;
        assert_eq!(began.elapsed(), Duration::from_secs(7));
    }
}
