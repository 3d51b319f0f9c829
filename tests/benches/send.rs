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
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use mailing::{PLAIN, argument, open, write};
use massebrev::altinn::{Client, Environment, HttpClient, HttpOptions};
use massebrev::internals::journal::{Header, Journal};
use massebrev::internals::plan::{self, CheckReport, Deliveries, Mailing, Planned, RowFilter};
use massebrev::internals::send::{
    Engine, Options, Planner, RetryRefused, RunEnd, SecondLetterPolicy, Stop, with_planner,
};
use massebrev::maskinporten::{ClientSettings, Delegation, SigningKey, from_key};
use massebrev::sandbox::Registration;
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: u32 = 64;
const ROUNDS: usize = 3;
const LATENCY: Duration = Duration::from_millis(50);
const MANY_IN_FLIGHT: u32 = 500;
/// What there is to compare with: two load generators, sockets that are written and read, and the client that letters are sent with, doing nothing else.
const OTHERS: [&str; 4] = ["oha", "wrk", "sockets", "client"];
const HEAD: &str = "    oha/s     wrk/s sockets/s  client/s    send/s  us of processor/letter";

fn main() {
    let letters = argument(40_000);
    let folder = tempfile::tempdir().unwrap();
    let mailing = open(&write(folder.path(), PLAIN, letters));
    let checked = plan::check(&mailing, Timestamp::now(), &mut |_| ()).unwrap();
    let bodies = bodies(&mailing, &checked);
    let registration = Registration::generate().unwrap();
    let runtime = Runtime::new().unwrap();
    // As the program has it.
    let one_thread = Builder::new_current_thread().enable_all().build().unwrap();
    let run = |sink, in_flight: u32, name: String| {
        let client = client(sink, &registration, &mailing, in_flight);
        let journal = folder.path().join(name);
        let clock = Clock::start();
        with_planner(&mailing, &checked, |planner| {
            one_thread.block_on(send(planner, &mailing, &client, &journal, in_flight));
        });
        clock.stop(letters)
    };
    let http = |sink, in_flight| http(&environment(sink), in_flight);
    let others = |sink, in_flight| {
        let (body, folder) = (&bodies[0], folder.path());
        let http = http(sink, in_flight);
        [
            load::oha(sink, body, in_flight, letters, folder),
            load::wrk(sink, body, in_flight, folder),
            Some(load::bare(&runtime, sink, &bodies, in_flight)),
            Some(load::client(&one_thread, &http, sink, &bodies, in_flight)),
        ]
        .map(|rate| rate.unwrap_or(f64::NAN))
    };

    println!("{letters} letters, {IN_FLIGHT} in flight");
    println!("{HEAD}");
    let near = sink::start(Duration::ZERO);
    let mut ratios = [const { Vec::new() }; OTHERS.len()];
    for round in 0..ROUNDS {
        let others = others(near, IN_FLIGHT);
        let (sent, each) = run(near, IN_FLIGHT, format!("near-{round}"));
        print_rates(others, sent, each);
        for (ratios, other) in ratios.iter_mut().zip(others) {
            ratios.push(sent / other);
        }
    }
    for (name, ratios) in OTHERS.iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        println!("send / {name}: {:.2} (median)", ratios[ROUNDS / 2]);
    }

    println!("{letters} letters, {MANY_IN_FLIGHT} in flight, answered after {LATENCY:?}");
    println!("{HEAD}");
    let far = sink::start(LATENCY);
    let possible = f64::from(MANY_IN_FLIGHT) / LATENCY.as_secs_f64();
    let others = others(far, MANY_IN_FLIGHT);
    let (sent, each) = run(far, MANY_IN_FLIGHT, "far".to_owned());
    print_rates(others, sent, each);
    println!("send / possible: {:.2}", sent / possible);
    for (name, rate) in OTHERS.iter().zip(others) {
        println!("{name} / possible: {:.2}", rate / possible);
    }
}

fn print_rates([oha, wrk, bare, client]: [f64; 4], sent: f64, each: f64) {
    println!("{oha:>9.0} {wrk:>9.0} {bare:>9.0} {client:>9.0} {sent:>9.0} {each:>23.1}");
}

fn environment(sink: SocketAddr) -> Environment {
    let base = format!("http://{sink}");
    Environment::sandbox(&base, &base).unwrap()
}

fn http(environment: &Environment, in_flight: u32) -> HttpClient {
    let options = HttpOptions {
        concurrency: in_flight as usize,
        ..HttpOptions::default()
    };
    environment.http_client(&options).unwrap()
}

/// A client for a sink.
fn client(
    sink: SocketAddr,
    registration: &Registration,
    mailing: &Mailing,
    in_flight: u32,
) -> Client {
    let environment = environment(sink);
    let http = http(&environment, in_flight);
    let auth = &mailing.manifest().auth;
    let settings = ClientSettings {
        client_id: registration.client_id().to_owned(),
        key: SigningKey::from_text(registration.private_jwk(), None).unwrap(),
        scopes: auth.scopes.clone(),
        delegation: Delegation::default(),
        maskinporten: environment.maskinporten().to_owned(),
        exchange: auth.exchange.then(|| environment.exchange_url()),
        subscription_key: None,
    };
    let tokens = from_key(http.clone(), settings);
    Client::new(http, &environment, tokens)
}

async fn send(
    planner: Planner<'_>,
    mailing: &Mailing,
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
        tries: mailing.manifest().send.retry.clone(),
        retry: RetryRefused::default(),
        second_letters: SecondLetterPolicy::Refuse,
        accept_changes: false,
        attachments: mailing.manifest().send.attachments.clone(),
        wanted: RowFilter::default(),
    };
    let engine = Engine {
        client,
        journal: &journal,
        options: &options,
        observer: &(),
        stop: &Stop::default(),
    };
    let summary = engine.run(planner).await.unwrap();
    assert_eq!(summary.left_out, 0);
    assert!(matches!(summary.ending, RunEnd::Finished));
}

/// What `send` would put on the wire, made beforehand.
fn bodies(mailing: &Mailing, checked: &CheckReport) -> Vec<Bytes> {
    let deliveries = Deliveries::new(mailing, checked).unwrap();
    let bodies = deliveries.map(|planned| match planned.unwrap() {
        Planned::Delivery(delivery) => delivery.body(&[]).unwrap().into(),
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
