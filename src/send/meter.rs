//! How many requests have left lately.

use std::time::Duration;

use tokio::time::Instant;

/// The length of the memory: as many buckets of a second.
const SECONDS: usize = 10;

/// Counts by the second.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    buckets: [u32; SECONDS],
    /// The second the last count was in.
    last: u64,
}

impl Meter {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            buckets: [0; SECONDS],
            last: 0,
        }
    }

    /// One request leaves.
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
mod tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_count() {
        let began = Instant::now();
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        let near = |rate: f64, wanted: f64| (rate - wanted).abs() < 0.3;
        let mut meter = Meter::new(began);
        assert!(near(meter.rate(began), 0.0));
        (0..200).for_each(|n| meter.count(at(f64::from(n) / 20.0)));
        assert!(near(meter.rate(at(9.99)), 20.0));
        assert!(near(meter.rate(at(14.99)), 10.0));
        assert!(near(meter.rate(at(60.0)), 0.0));
        meter.count(at(60.0));
        assert!(near(meter.rate(at(60.5)), 0.1));
    }
}
