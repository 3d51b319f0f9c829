//! How fast letters are sent to the sandbox in the same process, beside a client that does nothing but HTTP: `cargo bench --bench send [-- LETTERS]`.
//!
//! Sender and sandbox share the processors, so that only the ratio means something on another machine.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;

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
use massebrev::sandbox::{Options as SandboxOptions, Registration, Sandbox};
use massebrev::send::{Engine, Options, Stop};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const IN_FLIGHT: u32 = 64;
const ROUNDS: usize = 3;

fn main() {
    let letters = argument(20_000);
    let folder = tempfile::tempdir().unwrap();
    let mut mailing = open(&write(folder.path(), PLAIN, letters));
    let checked = mailing.check(Timestamp::now(), &mut |_| ()).unwrap();
    let bodies = bodies(&mut mailing, &checked);
    let registration = Registration::generate().unwrap();
    let runtime = Runtime::new().unwrap();
    println!("{letters} letters, {IN_FLIGHT} in flight, sandbox in the same process");
    println!("what                    letters/s  us of processor/letter");
    let mut ratios: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let journal = folder.path().join(format!("{round}.sqlite"));
            runtime.block_on(async {
                let (sandbox, client) = start(&registration, &mailing).await;
                let alone = Clock::start();
                post_all(&client, &sandbox, &bodies).await;
                let alone = alone.tell("HTTP and nothing else", letters);
                assert_eq!(sandbox.letter_count(), letters);
                let (sandbox, client) = start(&registration, &mailing).await;
                let sent = Clock::start();
                send(&mut mailing, &checked, &client, &journal).await;
                let sent = sent.tell("send with its journal", letters);
                assert_eq!(sandbox.letter_count(), letters);
                sent / alone
            })
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("send / HTTP: {:.2} (median)", ratios[ROUNDS / 2]);
}

/// A sandbox that keeps no bodies, and a client for it.
async fn start(registration: &Registration, mailing: &Mailing) -> (Sandbox, Client) {
    let options = SandboxOptions {
        registration: Some(registration.clone()),
        keep_bodies: false,
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let environment = Environment::sandbox(sandbox.url(), sandbox.url()).unwrap();
    let http_options = HttpOptions {
        concurrency: IN_FLIGHT as usize,
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
    let client = Client::new(http, &environment, tokens);
    client.tokens().token().await.unwrap();
    (sandbox, client)
}

async fn send(mailing: &mut Mailing, checked: &Checked, client: &Client, journal: &Path) {
    let header = Header {
        mailing: "bench".to_owned(),
        environment: "sandbox".to_owned(),
        resource: "bench".to_owned(),
        manifest: "mailing.yaml".to_owned(),
    };
    let journal = Journal::open(journal, &header, Timestamp::now()).unwrap();
    let options = Options {
        concurrency: NonZeroU32::new(IN_FLIGHT).unwrap(),
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
    engine.run(mailing, checked).await.unwrap();
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

/// Posts the bodies over as many connections as may be in flight, one after the other on each.
async fn post_all(client: &Client, sandbox: &Sandbox, bodies: &[Vec<u8>]) {
    let token = client.tokens().token().await.unwrap();
    let address = sandbox.url().strip_prefix("http://").unwrap();
    let share = bodies.len().div_ceil(IN_FLIGHT as usize);
    let tasks = bodies.chunks(share).map(|share| {
        let requests = share.iter().map(|body| {
            let mut request = format!(
                "POST /correspondence/api/v1/correspondence HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                token.expose(),
                body.len()
            )
            .into_bytes();
            request.extend_from_slice(body);
            request
        });
        tokio::spawn(post(address.to_owned(), requests.collect()))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn post(address: String, requests: Vec<Vec<u8>>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = vec![0; 16 * 1024];
    for request in requests {
        stream.write_all(&request).await.unwrap();
        let mut held = 0;
        while !is_whole(&answer[..held]) {
            held += stream.read(&mut answer[held..]).await.unwrap();
        }
        let status = &answer[..15];
        assert_eq!(status, b"HTTP/1.1 200 OK");
    }
}

/// Whether an answer has come to its end, as its own length says.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.unwrap().parse().unwrap()
    })
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

    /// Prints letters a second, and gives them.
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    fn tell(&self, what: &str, letters: usize) -> f64 {
        let rate = letters as f64 / self.began.elapsed().as_secs_f64();
        let each = processor_time()
            .saturating_sub(self.processor)
            .as_secs_f64()
            * 1e6
            / letters as f64;
        println!("{what:<23} {rate:>9.0} {each:>23.1}");
        rate
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
