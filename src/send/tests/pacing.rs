//! For every kind of server: the rate is kept in every window, the concurrency stays under its cap, and every letter is sent.

use std::time::Duration;

use super::server::{Gate, Nature, Ran, Server, run};
use crate::manifest::Retry;

/// Retry settings that outlast any simulated server's faults.
pub(super) fn patient() -> Retry {
    Retry {
        attempts: 100.try_into().unwrap(),
        deadline: Duration::from_secs(24 * 3600).into(),
        ..Retry::default()
    }
}

/// The most requests in any window of this length.
fn most_within(ran: &Ran, window: Duration) -> usize {
    let arrived = &ran.seen.arrived;
    let mut first = 0;
    let mut most = 0;
    for (last, at) in arrived.iter().enumerate() {
        while *at - arrived[first] >= window {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[tokio::test(start_paused = true)]
async fn no_window_has_more_than_the_rate_and_every_letter_comes_to_its_end() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        fastrand::seed(seed);
        let nature = Nature::any(&mut random);
        let window = [1, 60, 3600][random.usize(0..3)];
        let (count, window) = (random.u32(1..300), Duration::from_secs(window));
        let concurrency = random.u32(1..64);
        let server = Server::new(nature, seed);
        let interval = window / count;
        let ran = run(&server, 400, concurrency, Some(interval), &patient()).await;
        let told = format!("{seed}: {nature:?} {count} in {window:?}, {concurrency} in flight");
        assert_eq!(ran.accepted, 400, "{told}");
        let most = most_within(&ran, window);
        assert!(most <= count as usize, "{told}: {most}");
        assert!(ran.seen.most_in_flight <= concurrency, "{told}");
        assert!((1..=concurrency).contains(&ran.last.limit), "{told}");
        assert_eq!((ran.last.in_flight, ran.last.retrying), (0, 0), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_bears_less_is_given_less() {
    let nature = Nature {
        bears: 20,
        latency: Duration::from_millis(200),
        ..Nature::GOOD
    };
    fastrand::seed(7);
    let server = Server::new(nature, 7);
    let ran = run(&server, 20_000, 500, None, &patient()).await;
    assert_eq!(ran.accepted, 20_000);
    // Less than a quarter are too many.
    let asked = ran.seen.arrived.len();
    assert!(asked < 26_000, "{asked} requests for 20,000 letters");
    assert!(ran.last.limit < 30, "{:?}", ran.last);
    // Twenty at a time would take 200 s.
    assert!(ran.took < Duration::from_secs(400), "{:?}", ran.took);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_known_is_kept_and_hardly_anything_is_refused() {
    let minute = Duration::from_secs(60);
    for gate in [
        Gate::Sliding(120, minute),
        Gate::Fixed(120, minute),
        Gate::Bucket(10, minute / 120),
    ] {
        let server = Server::new(
            Nature {
                gate,
                latency: Duration::from_millis(300),
                ..Nature::GOOD
            },
            1,
        );
        let ran = run(&server, 2799, 16, Some(minute / 120), &Retry::default()).await;
        assert_eq!(ran.accepted, 2799);
        assert_eq!(ran.seen.refused, 0, "{gate:?}");
        let ratio = ran.took.as_secs_f64() / (2799.0 * 0.5);
        assert!(ratio <= 1.02, "{gate:?}: {ratio:.3}");
    }
}
