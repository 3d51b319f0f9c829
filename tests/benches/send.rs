//! How fast letters are sent to a server in the same process that takes them and does nothing else, beside load generators on the same server:
//! `cargo bench --bench send [-- LETTERS]`.
//!
//! All share the processors, so that only the ratios mean something on another machine.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

mod load;
#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;
mod sink;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mailing::{PLAIN, argument, open, write};
use massebrev::altinn::{Client, Environment, HttpOptions, http_client};
use massebrev::journal::{Header, Journal};
use massebrev::maskinporten::{Delegation, Settings, SigningKey, Tokens};
use massebrev::plan::{Checked, Mailing, Planned, Wanted};
use massebrev::sandbox::Registration;
use massebrev::send::{Engine, Options, Stop};
use tokio::runtime::Runtime;

const IN_FLIGHT: u32 = 64;
const ROUNDS: usize = 3;
const LATENCY: Duration = Duration::from_millis(50);
const MANY_IN_FLIGHT: u32 = 500;

fn main() {
    let letters = argument(40_000);
    let folder = tempfile::tempdir().unwrap();
    let mut mailing = open(&write(folder.path(), PLAIN, letters));
    let checked = mailing.check(Timestamp::now(), &mut |_| ()).unwrap();
    let bodies = bodies(&mut mailing, &checked);
    let registration = Registration::generate().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut run = |sink, in_flight, name: String| {
        let client = client(sink, &registration, &mailing, in_flight);
        let journal = folder.path().join(name);
        let clock = Clock::start();
        runtime.block_on(send(&mut mailing, &checked, &client, &journal, in_flight));
        clock.stop(letters)
    };

    println!("{letters} letters, {IN_FLIGHT} in flight");
    println!("round     oha/s     wrk/s    bare/s    send/s  us of processor/letter");
    let near = sink::start(Duration::ZERO);
    let mut ratios = [const { Vec::new() }; 3];
    for round in 0..ROUNDS {
        let others = [
            load::oha(near, &bodies[0], IN_FLIGHT, letters, folder.path()),
            load::wrk(near, &bodies[0], IN_FLIGHT, folder.path()),
            Some(load::bare(&runtime, near, &bodies, IN_FLIGHT)),
        ];
        let (sent, each) = run(near, IN_FLIGHT, format!("near-{round}"));
        let [oha, wrk, bare] = others.map(|rate| rate.unwrap_or(f64::NAN));
        println!("{round:>5} {oha:>9.0} {wrk:>9.0} {bare:>9.0} {sent:>9.0} {each:>23.1}");
        for (ratios, other) in ratios.iter_mut().zip([oha, wrk, bare]) {
            ratios.push(sent / other);
        }
    }
    for (name, ratios) in ["oha", "wrk", "bare"].iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        println!("send / {name}: {:.2} (median)", ratios[ROUNDS / 2]);
    }

    println!("{letters} letters, {MANY_IN_FLIGHT} in flight, answered after {LATENCY:?}");
    let far = sink::start(LATENCY);
    let possible = f64::from(MANY_IN_FLIGHT) / LATENCY.as_secs_f64();
    let others = [
        load::oha(far, &bodies[0], MANY_IN_FLIGHT, letters, folder.path()),
        load::wrk(far, &bodies[0], MANY_IN_FLIGHT, folder.path()),
        Some(load::bare(&runtime, far, &bodies, MANY_IN_FLIGHT)),
    ];
    let (sent, each) = run(far, MANY_IN_FLIGHT, "far".to_owned());
    let [oha, wrk, bare] = others.map(|rate| rate.unwrap_or(f64::NAN));
    println!("      {oha:>9.0} {wrk:>9.0} {bare:>9.0} {sent:>9.0} {each:>23.1}");
    println!(
        "send / possible: {:.2} (oha {:.2})",
        sent / possible,
        oha / possible
    );
}

/// A client for a sink.
fn client(
    sink: SocketAddr,
    registration: &Registration,
    mailing: &Mailing,
    in_flight: u32,
) -> Client {
    let base = format!("http://{sink}");
    let environment = Environment::sandbox(&base, &base).unwrap();
    let http_options = HttpOptions {
        concurrency: in_flight as usize,
        ..HttpOptions::default()
    };
    let http = http_client(&environment, &http_options).unwrap();
    let auth = &mailing.manifest().auth;
    let settings = Settings {
        client_id: registration.client_id().to_owned(),
        key: SigningKey::from_text(registration.private_jwk(), None).unwrap(),
        scopes: auth.scopes.clone(),
        delegation: Delegation::default(),
        maskinporten: environment.maskinporten().to_owned(),
        exchange: auth.exchange.then(|| environment.exchange_url()),
        subscription_key: None,
    };
    let tokens = Arc::new(Tokens::new(http.clone(), settings));
    Client::new(http, &environment, tokens)
}

async fn send(
    mailing: &mut Mailing,
    checked: &Checked,
    client: &Client,
    journal: &Path,
    in_flight: u32,
) {
    let header = Header {
        mailing: "bench".to_owned(),
        environment: "sandbox".to_owned(),
        resource: "bench".to_owned(),
        manifest: "mailing.yaml".to_owned(),
    };
    let journal = Journal::open(journal, &header, Timestamp::now()).unwrap();
    let options = Options {
        concurrency: NonZeroU32::new(in_flight).unwrap(),
        interval: None,
        canary: 0,
        max_failures: None,
        retry: mailing.manifest().send.retry.clone(),
        retry_rejected: false,
        accept_changes: false,
        attachments: mailing.manifest().send.attachments.clone(),
        wanted: Wanted::default(),
    };
    let engine = Engine {
        client,
        journal: &journal,
        options: &options,
        observer: &(),
        stop: &Stop::default(),
    };
    let summary = engine.run(mailing, checked).await.unwrap();
    assert_eq!(summary.ended, checked.letters);
}

/// What `send` would put on the wire, made beforehand.
fn bodies(mailing: &mut Mailing, checked: &Checked) -> Vec<Vec<u8>> {
    let deliveries = mailing.deliveries(checked).unwrap();
    let bodies = deliveries.map(|planned| match planned.unwrap() {
        Planned::Delivery(delivery) => delivery.body(&[]).unwrap(),
        other => panic!("{other:?}"),
    });
    bodies.collect()
}

/// Measures time and the processor time of all threads.
struct Clock {
    began: Instant,
    processor: Duration,
}

impl Clock {
    fn start() -> Self {
        Self {
            began: Instant::now(),
            processor: processor_time(),
        }
    }

    /// Letters a second, and microseconds of processor for each.
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    fn stop(&self, letters: usize) -> (f64, f64) {
        let rate = letters as f64 / self.began.elapsed().as_secs_f64();
        let processor = processor_time().saturating_sub(self.processor);
        (rate, processor.as_secs_f64() * 1e6 / letters as f64)
    }
}

/// What all threads have used, in hundredths of a second; nothing where the system does not say.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    // User and system time are the 14th and 15th of the whole line.
    let ticks: u64 = ticks
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
