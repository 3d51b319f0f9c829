//! A limit that nobody has told us is found out.

use std::time::Duration;

use super::pacing::patient;
use super::server::{Gate, Nature, Server, run};
use crate::manifest::Retry;

const LETTERS: u32 = 2799;
const MINUTE: Duration = Duration::from_secs(60);
const GATES: [Gate; 3] = [
    Gate::Sliding(120, MINUTE),
    Gate::Fixed(120, MINUTE),
    Gate::Bucket(10, Duration::from_millis(500)),
];

/// What 120 a minute costs who does not know of it: how many times the limit's own time, and how many of a hundred letters were refused once.
async fn cost(gate: Gate, says_when: bool, seed: u64) -> (f64, f64) {
    fastrand::seed(seed);
    let nature = Nature {
        gate,
        says_when,
        latency: Duration::from_millis(300),
        ..Nature::GOOD
    };
    let server = Server::new(nature, seed);
    let ran = run(&server, LETTERS as usize, 16, None, &Retry::default()).await;
    assert_eq!(ran.accepted, LETTERS as usize, "{gate:?} {seed}");
    let letters = f64::from(LETTERS);
    let time = ran.took.as_secs_f64() / (letters * 0.5);
    (time, f64::from(ran.seen.refused) * 100.0 / letters)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_when_to_come_back_costs_three_percent() {
    for gate in GATES {
        for seed in 0..4 {
            let (time, refused) = cost(gate, true, seed).await;
            let told = format!("{gate:?} {seed}: {time:.3} x the time, {refused:.2} % refused");
            assert!(time <= 1.03 && refused < 1.0, "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_costs_little_more() {
    for gate in GATES {
        let mut times = Vec::new();
        for seed in 0..7 {
            let (time, refused) = cost(gate, false, seed).await;
            let told = format!("{gate:?} {seed}: {time:.3} x the time, {refused:.2} % refused");
            assert!(time <= 1.2 && refused < 2.0, "{told}");
            times.push(time);
        }
        times.sort_by(f64::total_cmp);
        assert!(times[3] <= 1.07, "{gate:?}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_have_nothing_to_do_with_the_rate_do_not_slow_it_down_for_good() {
    for (chance, wait) in [(20, 0), (100, 0), (250, 0), (20, 1), (250, 1)] {
        for seed in 0..4 {
            fastrand::seed(seed);
            let nature = Nature {
                gate: Gate::Whim(chance, Duration::from_secs(wait)),
                latency: Duration::from_millis(100),
                ..Nature::GOOD
            };
            let server = Server::new(nature, seed);
            let ran = run(&server, LETTERS as usize, 16, None, &patient()).await;
            let (took, refused) = (ran.took.as_secs(), ran.seen.refused);
            let told = format!("{chance} {wait} {seed}: {took} s, {refused} refused");
            assert_eq!(ran.accepted, LETTERS as usize, "{told}");
            assert!(took < 1000 + 5 * wait * u64::from(refused), "{told}");
        }
    }
}
