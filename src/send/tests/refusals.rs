//! Unknown rate limits, random refusals, and a server that stalls.

use std::time::Duration;

use super::pacing::patient;
use super::server::{Gate, Nature, Ran, Server, run};
use crate::manifest::Retry;

const LETTERS: u32 = 2799;
const MINUTE: Duration = Duration::from_secs(60);
const GATES: [Gate; 3] = [
    Gate::Sliding(120, MINUTE),
    Gate::Fixed(120, MINUTE),
    Gate::Bucket(10, Duration::from_millis(500)),
];

/// What 120 a minute costs who does not know of it: how many times the limit's own time, and how many of a hundred letters were refused.
async fn cost(gate: Gate, says_when: bool, in_flight: u32, seed: u64) -> (f64, f64) {
    fastrand::seed(seed);
    let nature = Nature {
        gate,
        says_when,
        latency: Duration::from_millis(300),
        ..Nature::GOOD
    };
    let server = Server::new(nature, seed);
    let ran = run(
        &server,
        LETTERS as usize,
        in_flight,
        None,
        &Retry::default(),
    )
    .await;
    let told = format!("{gate:?} {in_flight} {seed}");
    assert_eq!(ran.accepted, LETTERS as usize, "{told}");
    let letters = f64::from(LETTERS);
    let time = ran.took.as_secs_f64() / (letters * 0.5);
    let refused = f64::from(ran.seen.refused) * 100.0 / letters;
    (time, refused)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_when_to_come_back_costs_five_percent() {
    for gate in GATES {
        for seed in 0..4 {
            let (time, refused) = cost(gate, true, 16, seed).await;
            let told = format!("{gate:?} {seed}: {time:.3} x the time, {refused:.1} % refused");
            assert!(time <= 1.05 && refused < 40.0, "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_costs_little_more() {
    for gate in GATES {
        let mut times = Vec::new();
        for seed in 0..7 {
            let (time, refused) = cost(gate, false, 16, seed).await;
            let told = format!("{gate:?} {seed}: {time:.3} x the time, {refused:.1} % refused");
            assert!(time <= 1.1 && refused < 50.0, "{told}");
            times.push(time);
        }
        times.sort_by(f64::total_cmp);
        assert!(times[3] <= 1.05, "{gate:?}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_letter_at_a_time_outlasts_a_limit_that_says_nothing() {
    for gate in GATES {
        let (time, _) = cost(gate, false, 1, 1).await;
        assert!(time <= 1.6, "{gate:?}: {time}");
    }
}

/// So many letters to a server that refuses so many of a thousand.
async fn at_random(chance: u32, wait: Option<u64>, seed: u64) -> Ran {
    fastrand::seed(seed);
    let nature = Nature {
        gate: Gate::Whim(chance, Duration::from_secs(wait.unwrap_or_default())),
        says_when: wait.is_some(),
        latency: Duration::from_millis(20),
        ..Nature::GOOD
    };
    let server = Server::new(nature, seed);
    let ran = run(&server, 20_000, 16, None, &patient()).await;
    assert_eq!(ran.accepted, 20_000);
    ran
}

#[tokio::test(start_paused = true)]
async fn refusals_at_random_cost_less_than_the_time_of_calm() {
    for seed in 0..2 {
        let calm = at_random(0, None, seed).await.took;
        for chance in [10, 50, 100] {
            for wait in [None, Some(0), Some(1)] {
                let ran = at_random(chance, wait, seed).await;
                let times = ran.took.as_secs_f64() / calm.as_secs_f64();
                let told = format!("{chance} {wait:?} {seed}: {times:.2} x {calm:?}");
                assert!(times <= 2.0, "{told}");
            }
        }
    }
}

/// As Altinn's own server on two cores: what comes at once beyond what its thread pool bears waits for many seconds.
#[tokio::test(start_paused = true)]
async fn a_server_that_stalls_under_bursts_is_never_made_to() {
    for seed in 0..8 {
        for in_flight in [16, 500] {
            fastrand::seed(seed);
            let nature = Nature {
                latency: Duration::from_millis(80),
                load: 0.07,
                stalls: Some((14, Duration::from_secs(15))),
                ..Nature::GOOD
            };
            let server = Server::new(nature, seed);
            let ran = run(&server, 3000, in_flight, None, &Retry::default()).await;
            let (most, rate) = (ran.seen.most_in_flight, 3000.0 / ran.took.as_secs_f64());
            let told = format!("{seed}: {most} in flight of {in_flight}, {rate:.0} a second");
            assert!(most <= 14 && rate > 50.0, "{told}");
        }
    }
}
