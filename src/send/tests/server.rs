//! A simulated server in virtual time.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep, timeout};

use super::super::attempt::{Attempted, Attempts};
use super::super::rate_limiter::RateLimiter;
use super::super::signals::ServerContact;
use super::super::{PaceSnapshot, Stop};
use crate::altinn::{Answer, Refusal, TransportError, TransportKind};
use crate::manifest::Retry;
use crate::maskinporten::{Token, TokenFuture, TokenSource};

/// The rate limit of the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gate {
    Open,
    /// This number of requests in any period of this length.
    Sliding(u32, Duration),
    /// This number of requests in each period; the first begins with the server.
    Fixed(u32, Duration),
    /// A token bucket: capacity, and the interval between two tokens.
    Bucket(u32, Duration),
    /// This number out of a thousand requests are refused at random, with this wait.
    Whim(u32, Duration),
}

/// The properties of a server. Probabilities are out of a thousand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    pub(super) gate: Gate,
    /// True when a refusal says when to come back.
    pub(super) says_when: bool,
    pub(super) latency: Duration,
    /// The latency grows by this share with each request in flight.
    pub(super) load: f64,
    /// With more in flight, a request takes so long.
    pub(super) stalls: Option<(u32, Duration)>,
    /// More at the same time are answered with 503.
    pub(super) bears: u32,
    pub(super) busy: u32,
    pub(super) lost: u32,
    /// Away for so long in each such period.
    pub(super) away: (Duration, Duration),
}

impl Nature {
    pub(super) const GOOD: Self = Self {
        gate: Gate::Open,
        says_when: true,
        latency: Duration::from_millis(50),
        load: 0.0,
        stalls: None,
        bears: u32::MAX,
        busy: 0,
        lost: 0,
        away: (Duration::ZERO, Duration::from_secs(3600)),
    };

    /// Any, but always the same for a seed.
    pub(super) fn any(random: &mut fastrand::Rng) -> Self {
        let (count, period) = (random.u32(1..400), Duration::from_secs(random.u64(1..90)));
        Self {
            gate: match random.u32(0..4) {
                0 => Gate::Open,
                1 => Gate::Sliding(count, period),
                2 => Gate::Fixed(count, period),
                _ => Gate::Bucket(count / 10 + 1, period / 40),
            },
            says_when: random.bool(),
            latency: Duration::from_millis(random.u64(0..1500)),
            load: 0.0,
            stalls: None,
            bears: random.u32(2..40),
            busy: random.u32(0..100),
            lost: random.u32(0..50),
            away: (
                Duration::from_secs(random.u64(0..20)),
                Duration::from_secs(random.u64(100..900)),
            ),
        }
    }
}

#[derive(Debug)]
pub(super) struct Server {
    nature: Nature,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    began: Instant,
    taken: VecDeque<Instant>,
    saved: f64,
    refilled: Instant,
    in_flight: u32,
    seen: Seen,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) arrived: Vec<Instant>,
    pub(super) refused: u32,
    pub(super) most_in_flight: u32,
}

impl Server {
    pub(super) fn new(nature: Nature, seed: u64) -> Self {
        let saved = match nature.gate {
            Gate::Bucket(size, _) => size.into(),
            _ => 0.0,
        };
        let now = Instant::now();
        Self {
            nature,
            state: Mutex::new(State {
                random: fastrand::Rng::with_seed(seed),
                began: now,
                taken: VecDeque::new(),
                saved,
                refilled: now,
                in_flight: 0,
                seen: Seen::default(),
            }),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.state.lock().unwrap().seen.clone()
    }

    pub(super) async fn answer(&self) -> Result<Answer<()>, TransportError> {
        let (latency, answer) = self.state.lock().unwrap().arrive(&self.nature);
        sleep(latency).await;
        self.state.lock().unwrap().in_flight -= 1;
        answer
    }
}

impl State {
    fn arrive(&mut self, nature: &Nature) -> (Duration, Result<Answer<()>, TransportError>) {
        let now = Instant::now();
        self.in_flight += 1;
        self.seen.arrived.push(now);
        self.seen.most_in_flight = self.seen.most_in_flight.max(self.in_flight);
        let load = 1.0 + nature.load * f64::from(self.in_flight);
        let latency = match nature.stalls {
            Some((bears, stall)) if self.in_flight > bears => stall,
            Some(_) => nature
                .latency
                .mul_f64(load * (0.8 + 0.4 * self.random.f64())),
            None => nature.latency.mul_f64(load * (0.5 + self.random.f64())),
        };
        let refusal = |status, retry_after| {
            Ok(Err(Refusal {
                status,
                retry_after,
                message: "no".to_owned(),
                ..Refusal::default()
            }))
        };
        if let Err(wait) = self.pass(nature.gate, now) {
            self.seen.refused += 1;
            // In whole seconds, as gateways say it.
            let seconds = Duration::from_secs_f64(wait.as_secs_f64().ceil());
            return (
                latency / 4,
                refusal(429, nature.says_when.then_some(seconds)),
            );
        }
        let since = (now - self.began).as_nanos() % nature.away.1.as_nanos();
        let chance = self.random.u32(0..1000);
        let answer = if since < nature.away.0.as_nanos() || self.in_flight > nature.bears {
            refusal(503, None)
        } else if chance < nature.busy {
            refusal(503, Some(Duration::from_secs(1)))
        } else if chance < nature.busy + nature.lost {
            Err(TransportError::new(TransportKind::Lost, "there", None))
        } else {
            Ok(Ok(()))
        };
        (latency, answer)
    }

    /// Takes a request; the error is the time until the next one can be taken.
    fn pass(&mut self, gate: Gate, now: Instant) -> Result<(), Duration> {
        match gate {
            Gate::Open => return Ok(()),
            Gate::Whim(chance, wait) => {
                let refused = self.random.u32(0..1000) < chance;
                return if refused { Err(wait) } else { Ok(()) };
            }
            Gate::Sliding(count, period) => {
                while self
                    .taken
                    .front()
                    .is_some_and(|first| now - *first >= period)
                {
                    self.taken.pop_front();
                }
                if self.taken.len() >= count as usize {
                    return Err(self.taken[0] + period - now);
                }
            }
            Gate::Fixed(count, period) => {
                let into = (now - self.began).as_nanos() % period.as_nanos();
                let into = Duration::from_nanos(into.try_into().unwrap());
                self.taken.retain(|then| now - *then <= into);
                if self.taken.len() >= count as usize {
                    return Err(period.saturating_sub(into));
                }
            }
            Gate::Bucket(size, interval) => {
                let gained = (now - self.refilled).as_secs_f64() / interval.as_secs_f64();
                self.saved = (self.saved + gained).min(size.into());
                self.refilled = now;
                if self.saved < 1.0 {
                    return Err(interval.mul_f64(1.0 - self.saved));
                }
                self.saved -= 1.0;
            }
        }
        self.taken.push_back(now);
        Ok(())
    }
}

/// A source whose tokens are there at once, and that counts the rejected ones.
#[derive(Debug, Default)]
pub(super) struct TestTokens(AtomicUsize);

impl TestTokens {
    pub(super) fn rejected(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl TokenSource for TestTokens {
    fn token(&self) -> TokenFuture<'_> {
        let token = Token::given(format!("t{}", self.rejected()), None).unwrap();
        Box::pin(std::future::ready(Ok(token)))
    }

    fn reject(&self, _: &Token) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The result of a run against a server.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) took: Duration,
    pub(super) accepted: usize,
    pub(super) seen: Seen,
    pub(super) last: PaceSnapshot,
}

/// Sends this number of letters, each until it is settled. Fails when the run makes no progress.
pub(super) async fn run(
    server: &Server,
    letters: usize,
    concurrency: u32,
    interval: Option<Duration>,
    retry: &Retry,
) -> Ran {
    let concurrency = NonZeroU32::new(concurrency).unwrap();
    let limiter = RateLimiter::new(concurrency, interval, retry);
    let stop = Stop::default();
    let attempts = Attempts {
        tokens: &TestTokens::default(),
        limiter: &limiter,
        retry,
        observer: &(),
        stop: &stop,
        contact: ServerContact::default(),
    };
    let began = Instant::now();
    let attempts = &attempts;
    let ends = stream::iter(0..letters).map(|_| async move {
        let _begun = attempts.begin().await.unwrap();
        let settled: Attempted<()> = attempts.settle(|_| server.answer()).await;
        settled.result
    });
    let ends = ends
        .buffer_unordered(7 * concurrency.get() as usize)
        .filter(|end| std::future::ready(matches!(end, Ok(()))))
        .count();
    let month = Duration::from_secs(30 * 24 * 3600);
    let accepted = timeout(month, ends).await.expect("it stands still");
    let took = began.elapsed();
    Ran {
        took,
        accepted,
        seen: server.seen(),
        last: limiter.snapshot(),
    }
}
