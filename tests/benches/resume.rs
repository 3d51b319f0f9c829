//! How long a mailing that is nearly done takes until its next letter leaves, and how much memory: `cargo bench --bench resume [-- ROWS]`.
//!
//! All but a thousandth of the rows are sent already, the outstanding ones stand at the end. Everything is measured in a process of its own, beside one validation pass.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;

#[path = "../it/seal.rs"]
mod seal;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mailing::{PLAIN, argument, open, write};
use massebrev::altinn::{Client, Environment, HttpOptions};
use massebrev::internals::journal::{Header, Journal};
use massebrev::internals::plan::Mailing;
use massebrev::internals::send::{
    Engine, Event, Observer, Options, RetryRefused, SecondLetterPolicy, Stop, with_planner,
};
use massebrev::maskinporten::{ClientSettings, Delegation, SigningKey, from_key};
use massebrev::sandbox::{Options as SandboxOptions, Sandbox};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

/// The child that goes on is this program again, with a manifest after this word.
const GO_ON: &str = "go-on";
/// The one that only checks.
const CHECK: &str = "check";

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.as_slice() {
        [_, word, path] if word == GO_ON => return go_on(Path::new(path)),
        [_, word, path] if word == CHECK => return check(Path::new(path)),
        _ => {}
    }
    let rows = argument(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), PLAIN, rows);
    let began = Instant::now();
    let done = rows - rows / 1000;
    write_journal(&manifest, done);
    println!(
        "{rows} rows, {done} of them sent; the journal took {:.1} s to write",
        began.elapsed().as_secs_f64()
    );
    let size = journal_path(&manifest).metadata().unwrap().len();
    println!("journal: {} bytes a row", size / done as u64);
    let alone = child(CHECK, &manifest);
    let resumed = child(GO_ON, &manifest);
    print!("{alone}{resumed}");
    let value = |text: &str, name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').nth(1).unwrap().parse().unwrap()
    };
    let pass = value(&resumed, "validation pass");
    let first = value(&resumed, "first letter");
    println!("first letter / validation pass: {:.2}", first / pass);
    let more = value(&resumed, "memory") - value(&alone, "memory");
    println!("memory over the check's: {more:.0} MB");
}

fn child(word: &str, manifest: &Path) -> String {
    let itself = std::env::current_exe().unwrap();
    let child = Command::new(itself)
        .arg(word)
        .arg(manifest)
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
    String::from_utf8(child.stdout).unwrap()
}

fn journal_path(manifest: &Path) -> PathBuf {
    manifest.with_file_name("journal")
}

fn header() -> Header {
    Header {
        mailing: "bench".to_owned(),
        environment: "sandbox".to_owned(),
        resource: "bench".to_owned(),
        manifest: "mailing.yaml".to_owned(),
    }
}

/// A journal in which the first letters are sent, written past the journal's own thread.
fn write_journal(manifest: &Path, done: usize) {
    let path = journal_path(manifest);
    drop(Journal::open(&path, &header(), Timestamp::UNIX_EPOCH).unwrap());
    let file = Connection::open(path).unwrap();
    file.execute_batch("PRAGMA synchronous = OFF; BEGIN")
        .unwrap();
    let sql = "INSERT INTO deliveries (key, row, line, name, recipient, body, state, correspondence, attempts, first_at, last_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sent', ?1, 1, 1793700000000, 1793700000000)";
    let mut insert = file.prepare(sql).unwrap();
    let mut written = 0;
    let checked =
        massebrev::internals::plan::check(&open(manifest), Timestamp::now(), &mut |delivery| {
            if written < done {
                written += 1;
                let (row, line) = (delivery.row.cast_signed(), delivery.line.cast_signed());
                let (name, recipient) = (&delivery.name, delivery.recipient.masked());
                let key = delivery.key.as_bytes();
                insert
                    .execute(params![key, row, line, name, recipient, delivery.digest.0])
                    .unwrap();
            }
        });
    assert!(!checked.unwrap().problems.has_errors());
    drop(insert);
    seal::seal(&file);
    file.execute_batch("COMMIT").unwrap();
}

/// A check and nothing else.
fn check(manifest: &Path) {
    let checked =
        massebrev::internals::plan::check(&open(manifest), Timestamp::now(), &mut |_| ()).unwrap();
    assert!(!checked.problems.has_errors());
    println!("memory at most, check alone           {} MB", peak());
}

/// Goes on with the mailing against a sandbox in the same process, up to the end.
fn go_on(manifest: &Path) {
    let began = Instant::now();
    let mailing = open(manifest);
    let checked =
        massebrev::internals::plan::check(&mailing, Timestamp::now(), &mut |_| ()).unwrap();
    tell("validation pass", began.elapsed());
    let opening = Instant::now();
    let journal = Journal::open(&journal_path(manifest), &header(), Timestamp::now()).unwrap();
    tell("journal opened", opening.elapsed());
    let reading = Instant::now();
    let rows = journal.recorded().unwrap().map(Result::unwrap).count();
    let reading = reading.elapsed();
    tell(&format!("journal read ({rows} rows)"), reading);
    let runtime = Runtime::new().unwrap();
    let run = async |planner| {
        let sandbox = Sandbox::start(SandboxOptions {
            keep_bodies: false,
            ..SandboxOptions::default()
        })
        .await
        .unwrap();
        let client = client(&sandbox, &mailing);
        let first = First(Mutex::default());
        let options = Options {
            concurrency: NonZeroU32::new(16).unwrap(),
            interval: None,
            canary: 0,
            max_failures: None,
            tries: mailing.manifest().send.retry.clone(),
            attachments: mailing.manifest().send.attachments.clone(),
            wanted: massebrev::internals::plan::RowFilter::default(),
            retry: RetryRefused::default(),
            second_letters: SecondLetterPolicy::Refuse,
            accept_changes: false,
        };
        let engine = Engine {
            client: &client,
            journal: &journal,
            options: &options,
            observer: &first,
            stop: &Stop::default(),
        };
        let running = Instant::now();
        engine.run(planner).await.unwrap();
        let (reckoned, sent) = first.0.into_inner().unwrap();
        tell("file and journal joined", reckoned.unwrap() - running);
        tell(
            "settled rows passed over",
            sent.unwrap() - reckoned.unwrap(),
        );
        // What was measured twice is taken off.
        let all = sent.unwrap() - began;
        tell("first letter in all", all.saturating_sub(reading));
    };
    with_planner(&mailing, &checked, |planner| runtime.block_on(run(planner)));
    println!("memory at most, resumed               {} MB", peak());
}

/// When the run began to send, and when the first letter was there.
struct First(Mutex<(Option<Instant>, Option<Instant>)>);

impl Observer for First {
    fn notice(&self, event: &Event<'_>) {
        let mut first = self.0.lock().unwrap();
        match event {
            Event::Began { .. } => first.0 = Some(Instant::now()),
            Event::Delivered { .. } if first.1.is_none() => first.1 = Some(Instant::now()),
            _ => {}
        }
    }
}

fn client(sandbox: &Sandbox, mailing: &Mailing) -> Client {
    let environment = Environment::sandbox(sandbox.url(), sandbox.url()).unwrap();
    let http = environment.http_client(&HttpOptions::default()).unwrap();
    let auth = &mailing.manifest().auth;
    let registration = sandbox.registration();
    let settings = ClientSettings {
        client_id: registration.client_id().to_owned(),
        key: SigningKey::from_text(registration.private_jwk(), None).unwrap(),
        scopes: auth.scopes.clone(),
        maskinporten: environment.maskinporten().to_owned(),
        exchange: auth.exchange.then(|| environment.exchange_url()),
        subscription_key: None,
        delegation: Delegation::default(),
    };
    let tokens = from_key(http.clone(), settings);
    Client::new(http, &environment, tokens)
}

fn tell(what: &str, took: Duration) {
    println!("{what:<37} {:.2} s", took.as_secs_f64());
}

/// The most memory this process has taken, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB").trim();
    peak.parse::<u64>().unwrap() / 1000
}
