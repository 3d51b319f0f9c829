//! How letters are sent to a server that does nothing with them, beside load generators on the same server: `cargo bench --bench send [-- LETTERS] [PART…]`.
//! Parts: `near`, `far`, `files`, `refused`, `limit`; all but `limit`, which takes minutes, when none is named.
//!
//! All share the processors, so that only the ratios mean something on another machine.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

mod load;
#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;
#[expect(dead_code, reason = "shared with the other measurements")]
mod program;
mod sink;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mailing::{Kind, OWN_FILE, PLAIN, argument, send_to, write, write_files};
use program::{Cost, Program, median, programs};
use sink::{Behaviour, Sink};

/// A part of the measurement, for a number of letters.
type Part = fn(usize);

const ROUNDS: usize = 3;
const FILE_SIZE: usize = 100_000;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, word, url, body, connections, requests] = arguments.as_slice()
        && word == load::CLIENT
    {
        let [connections, requests] = [connections, requests].map(|number| number.parse().unwrap());
        return load::run_client(url, Path::new(body), connections, requests);
    }
    let letters = argument(20_000);
    let parts: [(&str, Part); 5] = [
        ("near", near),
        ("far", far),
        ("files", files),
        ("refused", refused),
        ("limit", limit),
    ];
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let none_named = !parts.iter().any(|(name, _)| named(name));
    for (name, part) in parts {
        if named(name) || none_named && name != "limit" {
            part(letters);
        }
    }
}

/// One mailing and the server it goes to.
struct Bench {
    folder: tempfile::TempDir,
    sink: Sink,
    letters: usize,
    credentials: [(&'static str, String); 2],
}

/// One run of the program.
#[derive(Clone, Copy)]
struct Sent {
    /// Letters a second, from the first to the last.
    rate: f64,
    /// Seconds from the first to the last.
    seconds: f64,
    cost: Cost,
}

impl Bench {
    fn new(kind: Kind, letters: usize, behaviour: Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), kind, letters);
        let sink = Sink::start(behaviour);
        send_to(folder.path(), &sink.url());
        let credentials = Sink::credentials(folder.path());
        Self {
            folder,
            sink,
            letters,
            credentials,
        }
    }

    /// Sends everything, without a journal to begin with.
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    fn send(&self, program: &Program, in_flight: u32) -> Sent {
        let folder = self.folder.path();
        let _ = fs::remove_dir_all(folder.join(".massebrev"));
        let credentials: Vec<_> = self
            .credentials
            .iter()
            .map(|(n, v)| (*n, v.as_str()))
            .collect();
        let (letters, in_flight) = (self.letters.to_string(), in_flight.to_string());
        let arguments = [
            "send",
            "mailing.yaml",
            "--yes",
            "--expect",
            &letters,
            "--concurrency",
            &in_flight,
        ];
        self.sink.take();
        let cost = program.run(folder, &credentials, &arguments);
        let (taken, time) = self.sink.take();
        assert_eq!(taken, self.letters as u64);
        let seconds = time.as_secs_f64();
        Sent {
            rate: taken as f64 / seconds,
            seconds,
            cost,
        }
    }

    /// The rates of `oha` and of the HTTP client alone.
    fn others(&self, in_flight: u32) -> [f64; 2] {
        let body = self.body();
        let oha = load::oha(&self.sink.url(), &body, in_flight, self.letters);
        let client = load::client(&self.sink.url(), &body, in_flight, self.letters);
        [oha.unwrap_or(f64::NAN), client]
    }

    /// The first letter as it is sent, in a file.
    fn body(&self) -> std::path::PathBuf {
        let output = Command::new(env!("CARGO_BIN_EXE_massebrev"))
            .args(["render", "mailing.yaml", "--row", "1"])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let path = self.folder.path().join("body.json");
        fs::write(&path, line["body"].to_string()).unwrap();
        path
    }
}

/// Microseconds of processor for a letter, checking included.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn each(cost: &Cost, letters: usize) -> f64 {
    cost.processor.as_secs_f64() * 1e6 / letters as f64
}

fn near(letters: usize) {
    const IN_FLIGHT: u32 = 64;
    println!(
        "near: {letters} letters, {IN_FLIGHT} in flight, a server in the same machine; median of {ROUNDS}"
    );
    println!("program     send/s  / client  / oha   us of processor a letter, checking included");
    let bench = Bench::new(PLAIN, letters, Behaviour::default());
    let programs = programs();
    let mut rounds = vec![Vec::new(); programs.len()];
    let mut yardsticks = Vec::new();
    for _ in 0..ROUNDS {
        yardsticks.push(bench.others(IN_FLIGHT));
        for (program, rounds) in programs.iter().zip(&mut rounds) {
            rounds.push(bench.send(program, IN_FLIGHT));
        }
    }
    let [oha, client] = [0, 1].map(|which| median(yardsticks.clone(), |all| all[which])[which]);
    println!("oha       {oha:>8.0}\nclient    {client:>8.0}");
    for (program, rounds) in programs.iter().zip(rounds) {
        let sent = median(rounds, |sent| sent.rate);
        println!(
            "{:<9} {:>8.0} {:>9.2} {:>6.2} {:>9.0}",
            program.name,
            sent.rate,
            sent.rate / client,
            sent.rate / oha,
            each(&sent.cost, letters)
        );
    }
}

fn far(letters: usize) {
    const IN_FLIGHT: u32 = 500;
    const LATENCY: Duration = Duration::from_millis(50);
    println!(
        "far: {letters} letters, {IN_FLIGHT} in flight, answered after {LATENCY:?}; of what is possible"
    );
    let behaviour = Behaviour {
        latency: LATENCY,
        ..Behaviour::default()
    };
    let bench = Bench::new(PLAIN, letters, behaviour);
    let possible = f64::from(IN_FLIGHT) / LATENCY.as_secs_f64();
    let [oha, client] = bench.others(IN_FLIGHT);
    println!(
        "oha       {:.2}\nclient    {:.2}",
        oha / possible,
        client / possible
    );
    for program in programs() {
        let sent = bench.send(&program, IN_FLIGHT);
        println!("{:<9} {:.2}", program.name, sent.rate / possible);
    }
}

fn files(letters: usize) {
    let letters = letters / 10;
    println!("files: {letters} letters with an own PDF of {FILE_SIZE} bytes, 64 in flight");
    println!("program    us of processor a letter, of them checking");
    let bench = Bench::new(OWN_FILE, letters, Behaviour::default());
    write_files(bench.folder.path(), letters, FILE_SIZE);
    for program in programs() {
        let checked = program.run(bench.folder.path(), &[], &["validate", "mailing.yaml"]);
        let sent = bench.send(&program, 64);
        println!(
            "{:<9} {:>8.0} {:>8.0}",
            program.name,
            each(&sent.cost, letters),
            each(&checked, letters)
        );
    }
}

fn refused(letters: usize) {
    let letters = letters / 5;
    println!("refused: {letters} letters, 16 in flight, 20 ms away; 10 % random 429, against calm");
    println!("program    calm s   without Retry-After      with 1 s");
    let calm = Behaviour {
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    };
    let silent = Behaviour {
        refused: 10,
        ..calm
    };
    let said = Behaviour {
        retry_after: Some(1),
        ..silent
    };
    for program in programs() {
        let [calm, silent, said] = [calm, silent, said].map(|behaviour| {
            Bench::new(PLAIN, letters, behaviour)
                .send(&program, 16)
                .seconds
        });
        println!(
            "{:<9} {calm:>7.1} {silent:>10.1} ({:>4.1} x) {said:>10.1} ({:>4.1} x)",
            program.name,
            silent / calm,
            said / calm
        );
    }
}

fn limit(_: usize) {
    const LETTERS: usize = 300;
    println!(
        "limit: {LETTERS} letters, 120 a minute, 16 in flight, no rate configured; of the limit's own time"
    );
    let behaviour = Behaviour {
        per_minute: Some(120),
        ..Behaviour::default()
    };
    for program in programs() {
        let sent = Bench::new(PLAIN, LETTERS, behaviour).send(&program, 16);
        // The first 120 and the last 60 need no time of their own.
        println!(
            "{:<9} {:.1} s, {:.2} x",
            program.name,
            sent.seconds,
            sent.seconds / 120.0
        );
    }
}
