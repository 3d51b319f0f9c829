//! Estimates the server's rate limit from its 429 answers.

use std::time::Duration;

use tokio::time::Instant;

/// The estimate is used with this factor: at exactly the measured rate, jitter of the network causes the next refusal.
const BELOW: f64 = 0.99;
/// Accepted requests in a row after which a slightly higher rate is tried; never more than this.
const CALM: u32 = 150;
/// The rate is raised again after 1/STEP of them.
const STEP: u32 = 3;
/// The first raise, as a share of the rate; each is twice the one before, up to [`LARGEST`]. With a smaller sample it is larger.
const SMALLEST: f64 = 0.01;
const LARGEST: f64 = 0.5;
/// Requests a second above which there is no limit.
const UNLIMITED: f64 = 1000.0;
/// Epochs before the last that are remembered.
const LAST: usize = 3;
/// Refusals at an observed rate after which the rate is not the cause.
const STRIKES: u32 = 3;
/// ...and for this many requests there is no rate; each time twice as many, until [`CALM`] is reached.
const UNHEARD: u32 = 100;
const LONGEST: u32 = 1 << 16;

/// Counts the requests accepted from one refusal to the end of the pause after the next.
#[derive(Debug)]
pub(super) struct RateEstimator {
    /// Requests a second; `None` while nothing was refused.
    rate: Option<f64>,
    /// The rate before the last refusal.
    earlier: Option<f64>,
    strikes: u32,
    /// Requests left to send without a rate, because a lower rate did not help; and their number the next time.
    unheard: u32,
    next_unheard: u32,
    /// Requests since the last refusal.
    calm: u32,
    step: f64,
    /// Time of the last refusal. Refusals of requests that left before it carry no news.
    heard: Option<Instant>,
    epoch: Epoch,
    /// The previous epoch, and the last one before it with an accepted request.
    before: Epoch,
    prior: Epoch,
    /// Accepted requests of the epochs before that with any.
    taken: [u32; LAST],
}

/// From a pause to the end of the next one.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    began: Instant,
    until: Instant,
    /// Requests so far that were not refused.
    taken: u32,
}

impl RateEstimator {
    pub(super) fn new(now: Instant) -> Self {
        let epoch = Epoch::new(now);
        Self {
            rate: None,
            earlier: None,
            strikes: 0,
            unheard: 0,
            next_unheard: UNHEARD,
            calm: 0,
            step: SMALLEST,
            heard: None,
            epoch,
            before: epoch,
            prior: epoch,
            taken: [0; LAST],
        }
    }

    /// Requests a second; `None` when no limit is known.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    pub(super) fn left(&mut self) {
        self.epoch.taken += 1;
        self.calm += 1;
        self.unheard = self.unheard.saturating_sub(1);
        if self.calm >= CALM {
            self.next_unheard = UNHEARD;
        }
        let Some(rate) = self.rate else {
            return;
        };
        let (calm, more) = (self.enough(), (self.enough() / STEP).max(1));
        if self.calm >= calm && (self.calm - calm).is_multiple_of(more) {
            self.strikes = 0;
            let rate = rate * (1.0 + self.step);
            self.step = (self.step * 2.0).min(LARGEST);
            self.rate = Some(rate).filter(|rate| *rate < UNLIMITED);
        }
    }

    /// Records a 429 for a request that left at `departed`. True when it carries news.
    pub(super) fn refused(&mut self, departed: Instant, now: Instant) -> bool {
        let news = self.heard.is_none_or(|heard| departed > heard);
        let epoch = if news {
            &mut self.epoch
        } else {
            &mut self.before
        };
        epoch.taken = epoch.taken.saturating_sub(1);
        if news {
            self.heard = Some(now);
        } else {
            self.rate = self.measured();
        }
        news
    }

    /// Nothing leaves before `until`, because a request was refused.
    pub(super) fn paused(&mut self, until: Instant) {
        if self.before.taken > 0 {
            self.prior = self.before;
            self.taken.rotate_left(1);
            self.taken[LAST - 1] = self.before.taken;
            self.strikes += u32::from(self.earlier.is_some());
        }
        let calm = self.calm >= self.enough();
        if calm {
            self.strikes = 0;
        }
        if self.strikes > STRIKES {
            self.strikes = 0;
            self.unheard = self.next_unheard;
            self.next_unheard = (self.next_unheard * 2).min(LONGEST);
        }
        self.earlier = self.rate.filter(|_| !calm);
        self.calm = 0;
        self.before = Epoch {
            until,
            ..self.epoch
        };
        self.epoch = Epoch::new(until);
        self.rate = self.measured();
        self.step = f64::from(self.last().taken.max(1))
            .recip()
            .clamp(SMALLEST, LARGEST);
    }

    /// Accepted requests in a row that show that the rate is not too high: many more than between the last refusals, for one of these may have come late
    /// by chance.
    fn enough(&self) -> u32 {
        let last = [self.last().taken];
        let known = self.taken.iter().chain(&last).filter(|taken| **taken > 0);
        let (sum, count) = known.fold((0, 0), |(sum, count), taken| (sum + taken, count + 1));
        (3 * sum / count.max(1)).clamp(4, CALM)
    }

    /// The last epoch in which anything was taken, to its end.
    fn last(&self) -> Epoch {
        if self.before.taken > 0 {
            self.before
        } else {
            // The pause was too short: what was measured before that went on until now.
            Epoch {
                until: self.before.until,
                ..self.prior
            }
        }
    }

    /// The rate that the last epoch shows; none while nothing was ever taken.
    fn measured(&mut self) -> Option<f64> {
        let last = self.last();
        if last.taken == 0 || self.unheard > 0 {
            return None;
        }
        let measured = last.rate() * BELOW;
        Some(match self.earlier {
            None => measured,
            Some(earlier) => measured.min(earlier),
        })
    }
}

impl Epoch {
    fn new(began: Instant) -> Self {
        Self {
            began,
            until: began,
            taken: 0,
        }
    }

    /// Requests a second; one in a minute at least, and no more than what counts as a limit.
    fn rate(&self) -> f64 {
        let span = self.until.saturating_duration_since(self.began);
        (f64::from(self.taken) / span.max(Duration::from_millis(1)).as_secs_f64())
            .clamp(1.0 / 60.0, UNLIMITED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The estimate when the server accepts `each` requests before it refuses one and asks for a pause.
    fn after(rounds: &[(u32, Duration, Duration)]) -> f64 {
        let mut now = Instant::now();
        let mut learned = RateEstimator::new(now);
        for (taken, within, pause) in rounds {
            (0..=*taken).for_each(|_| learned.left());
            now += *within;
            assert!(learned.refused(now, now));
            now += *pause;
            learned.paused(now);
        }
        learned.rate().unwrap_or(f64::INFINITY)
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn near(rate: f64, wanted: f64) -> bool {
        (rate - wanted).abs() < 0.03 * wanted
    }

    #[test]
    fn nothing_is_known_before_a_refusal() {
        assert!(after(&[]).is_infinite());
    }

    #[test]
    fn a_burst_and_the_pause_after_it_tell_the_rate_at_once() {
        assert!(near(after(&[(120, s(3), s(57))]), 2.0));
    }

    #[test]
    fn all_that_were_refused_in_flight_count_as_refused() {
        let now = Instant::now();
        let mut learned = RateEstimator::new(now);
        (0..26).for_each(|_| learned.left());
        let heard = now + s(1);
        assert!(learned.refused(now, heard));
        learned.paused(now + s(5));
        for _ in 0..15 {
            assert!(!learned.refused(now, heard));
        }
        assert!(near(learned.rate().unwrap(), 2.0));
    }

    #[test]
    fn refusals_before_anything_was_taken_tell_no_rate() {
        assert!(after(&[(0, s(1), s(1)), (0, s(1), s(60))]).is_infinite());
    }

    #[test]
    fn little_that_was_measured_is_soon_forgotten() {
        let now = Instant::now();
        let mut learned = RateEstimator::new(now);
        (0..3).for_each(|_| learned.left());
        assert!(learned.refused(now, now));
        learned.paused(now + s(60));
        // Two in a minute.
        let took: f64 = (0..20)
            .map(|_| {
                learned.left();
                learned.rate().unwrap().recip()
            })
            .sum();
        assert!(took < 300.0, "{took}");
        assert!(learned.rate().unwrap() > 0.8, "{learned:?}");
    }

    #[test]
    fn pauses_that_were_too_short_are_one_long_pause() {
        let rounds = [(120, s(3), s(1)), (0, s(0), s(16)), (0, s(0), s(40))];
        assert!(near(after(&rounds), 2.0));
    }

    #[test]
    fn what_was_saved_up_is_taken_once() {
        // Two a second and a bucket of ten: the first burst says too much, the next ones do not.
        let rounds = [(10, s(0), s(1)), (2, s(0), s(1)), (8, s(3), s(1))];
        assert!(near(after(&rounds), 2.0), "{}", after(&rounds));
    }

    #[test]
    fn refusals_that_come_at_any_rate_do_not_slow_down_for_ever() {
        let mut now = Instant::now();
        let mut learned = RateEstimator::new(now);
        for _ in 0..1000 {
            (0..50).for_each(|_| learned.left());
            let rate = learned.rate().unwrap_or(1000.0);
            now += Duration::from_secs_f64(49.0 / rate);
            assert!(learned.refused(now, now));
            now += s(1);
            learned.paused(now);
        }
        let rate = learned.rate();
        assert!(rate.is_none_or(|rate| rate > 9.0), "{rate:?}");
    }

    #[test]
    fn a_limit_that_is_gone_is_found_out() {
        let now = Instant::now();
        let mut learned = RateEstimator::new(now);
        (0..120).for_each(|_| learned.left());
        learned.paused(now + s(60));
        (0..CALM).for_each(|_| learned.left());
        assert!(near(learned.rate().unwrap(), 2.0), "a step is small");
        (0..2000).for_each(|_| learned.left());
        assert_eq!(learned.rate(), None);
    }
}
