//! A limit that nobody has told us is found out.

use std::time::Duration;

use super::server::{Gate, Nature, Server, run};
use crate::manifest::Retry;

const LETTERS: u32 = 2799;

#[tokio::test]
async fn an_unknown_limit_costs_little_more_than_a_known_one() {
    let minute = Duration::from_secs(60);
    let latency = Duration::from_millis(300);
    // The gate, whether it says when, and the most it may cost: time beyond the limit's own, and refusals in percent.
    for (gate, says_when, time, refused) in [
        (Gate::Sliding(120, minute), true, 1.03, 1.0),
        (Gate::Fixed(120, minute), true, 1.02, 1.0),
        (Gate::Bucket(10, minute / 120), true, 1.02, 1.0),
        (Gate::Sliding(120, minute), false, 1.05, 1.0),
        (Gate::Fixed(120, minute), false, 1.05, 2.0),
        (Gate::Bucket(10, minute / 120), false, 1.05, 1.0),
    ] {
        fastrand::seed(3);
        let nature = Nature {
            gate,
            says_when,
            latency,
            ..Nature::GOOD
        };
        let server = Server::new(nature, 3);
        let ran = run(&server, LETTERS as usize, 16, None, &Retry::default()).await;
        let percent = f64::from(ran.seen.refused) * 100.0 / f64::from(LETTERS);
        let ratio = ran.took.as_secs_f64() / (f64::from(LETTERS) * 0.5);
        let told = format!(
            "{gate:?}, says when: {says_when}: {ratio:.3} x the limit's own time, {percent:.2} % refused"
        );
        println!("{told}");
        assert_eq!(ran.accepted, LETTERS as usize, "{told}");
        assert!(ratio <= time && percent <= refused, "{told}");
    }
}
