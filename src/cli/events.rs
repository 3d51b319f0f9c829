//! `send --json`: the run for programs, as one JSON object a line, `summary` last. Members may be added; `type` and what is there stay.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use massebrev::diagnostic::Problem;
use massebrev::report::{Report, StateCounts};
use massebrev::send::{Event, Observer, PaceSnapshot, RunEnd, SendError, Summary};
use serde::Serialize;
use serde_json::{Map, Value};

use super::prepare::Prepared;
use super::{CliError, ExitStatus, Printer};

/// Writes every event to stdout as it happens.
#[derive(Debug)]
pub(crate) struct Events {
    printer: Printer,
    /// Why nobody gets them any more. The letters are more important: the run goes on.
    broken: OnceCell<io::Error>,
}

/// What the summary says of a run: as much as is known when it ends.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Account {
    mailing: Option<String>,
    environment: Option<String>,
    plan: Option<String>,
    /// Who gets proofs instead of the letters' recipients, masked; then proofs are what is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_to: Option<String>,
    /// Letters of the mailing, whether sent before or not.
    letters: Option<u64>,
    ending: Option<&'static str>,
    why: Option<String>,
    /// Letters that came to an end in this run.
    ended: u64,
    /// Letters whose turn it was, and that earlier runs had settled.
    settled: u64,
    left_out: u64,
    /// Letters that may have been sent with another text, and that were left alone.
    held: u64,
    rows_total: Option<u64>,
    adds_up: Option<bool>,
    counts: Option<Map<String, Value>>,
    reports: Vec<String>,
}

#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    #[serde(flatten)]
    told: T,
}

#[derive(Serialize)]
struct Began {
    letters: u64,
    settled: u64,
}

#[derive(Serialize)]
struct Attachment<'a> {
    name: &'a str,
    reused: bool,
}

#[derive(Serialize)]
struct Delivered<'a> {
    row: u64,
    line: u64,
    state: &'static str,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Settled {
    row: u64,
    line: u64,
    state: &'static str,
}

/// A pause or a retry.
#[derive(Serialize)]
struct Wait<'a> {
    wait_seconds: f64,
    why: &'a str,
}

/// Rates are requests a second.
#[derive(Serialize)]
struct Pace {
    in_flight: u32,
    in_flight_limit: u32,
    in_flight_cap: u32,
    retrying: u32,
    rate: f64,
    rate_allowed: Option<f64>,
    held_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Stopping<'a> {
    why: &'a str,
}

#[derive(Serialize)]
struct Ended<'a> {
    exit_status: u8,
    #[serde(flatten)]
    account: Account,
    error: Option<Failure<'a>>,
}

/// Why the run could not begin or go on.
#[derive(Serialize)]
struct Failure<'a> {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// As in the output of `validate --format json`.
    problems: Vec<&'a Problem>,
}

impl Events {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            broken: OnceCell::new(),
        }
    }

    /// The last line. What was not written though somebody may have waited for it is an error; the exit status is else the run's own.
    pub(crate) fn end(
        self,
        mut account: Account,
        ended: Result<ExitStatus, CliError>,
    ) -> Result<ExitStatus, CliError> {
        let status = ended.as_ref().map_or_else(CliError::exit_status, |&it| it);
        account.ending.get_or_insert("not-started");
        self.tell(
            "summary",
            Ended {
                exit_status: status.code(),
                account,
                error: ended.as_ref().err().map(Failure::of),
            },
        );
        match self.broken.into_inner() {
            Some(error) if ended.is_ok() && error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::Stdout(error))
            }
            _ => ended,
        }
    }

    fn tell(&self, kind: &'static str, told: impl Serialize) {
        if self.broken.get().is_some() {
            return;
        }
        if let Err(error) = self.write(kind, told) {
            let _ = self.broken.set(error);
        }
    }

    fn write(&self, kind: &'static str, told: impl Serialize) -> io::Result<()> {
        let time = format!("{:.3}", Timestamp::now());
        let mut line = serde_json::to_vec(&Line { kind, time, told })?;
        line.push(b'\n');
        let mut stdout = self.printer.stdout();
        stdout.write_all(&line)?;
        stdout.flush()
    }
}

impl Observer for Events {
    fn notice(&self, event: &Event<'_>) {
        match *event {
            Event::Began { letters, settled } => self.tell("began", Began { letters, settled }),
            Event::Attachment { name, reused } => {
                self.tell("attachment", Attachment { name, reused });
            }
            Event::Delivered {
                row,
                line,
                state,
                why,
            } => {
                let state = state.name();
                let told = Delivered {
                    row,
                    line,
                    state,
                    why,
                };
                self.tell("delivered", told);
            }
            Event::Settled { row, line, state } => {
                let state = state.name();
                self.tell("settled", Settled { row, line, state });
            }
            Event::Paused { wait, why } => self.tell("paused", Wait::new(wait, why)),
            Event::Retrying { wait, why } => self.tell("retrying", Wait::new(wait, why)),
            Event::Pace(snapshot) => self.tell("pace", Pace::from(snapshot)),
            Event::Stopping { why } => self.tell("stopping", Stopping { why }),
        }
    }
}

impl<'a> Wait<'a> {
    fn new(wait: Duration, why: &'a str) -> Self {
        Self {
            wait_seconds: thousandths(wait.as_secs_f64()),
            why,
        }
    }
}

impl From<PaceSnapshot> for Pace {
    fn from(snapshot: PaceSnapshot) -> Self {
        Self {
            in_flight: snapshot.in_flight,
            in_flight_limit: snapshot.limit,
            in_flight_cap: snapshot.cap,
            retrying: snapshot.retrying,
            rate: thousandths(snapshot.rate),
            rate_allowed: snapshot.allowed.map(thousandths),
            held_seconds: snapshot.held.map(|held| thousandths(held.as_secs_f64())),
        }
    }
}

impl Account {
    /// The mailing has been checked.
    pub(crate) fn checked(&mut self, prepared: &Prepared) {
        self.mailing = Some(prepared.mailing.manifest().mailing.clone());
        self.environment = Some(prepared.destination.name().to_owned());
        self.plan = Some(prepared.checked.plan.to_string());
        let proof = prepared.proof.as_ref();
        self.proof_to = proof.map(|proof| proof.recipient().masked());
        self.letters = Some(prepared.checked.letters);
    }

    /// The run is over.
    pub(crate) fn ran(&mut self, ended: &Result<Summary, SendError>) {
        let summary = match ended {
            Ok(summary) => summary,
            // Refused before it began.
            Err(SendError::Changed(_)) => return,
            Err(_) => {
                self.ending = Some("broken-off");
                return;
            }
        };
        let (ending, why) = match &summary.ending {
            RunEnd::Finished => ("finished", None),
            RunEnd::Stopped(why) => ("stopped", Some(why.clone())),
            RunEnd::NoToken(error) => ("no-token", Some(error.reason())),
            RunEnd::Untrusted { reason, .. } => ("untrusted", Some(reason.clone())),
            RunEnd::Unreachable(why) => ("unreachable", Some(why.clone())),
            RunEnd::Interrupted => ("interrupted", None),
        };
        (self.ending, self.why) = (Some(ending), why);
        self.ended = summary.ended;
        self.settled = summary.settled;
        self.left_out = summary.left_out;
        self.held = summary.reconciled.held;
    }

    /// What the journal tells now.
    pub(crate) fn counted(&mut self, report: &Report) {
        self.rows_total = Some(report.rows_total());
        self.adds_up = Some(report.adds_up());
        self.counts = Some(by_state(report.counts()));
    }

    /// The files the report was written to.
    pub(crate) fn written(&mut self, paths: &[PathBuf]) {
        let paths = paths.iter().map(|path| path.display().to_string());
        self.reports = paths.collect();
    }
}

impl<'a> Failure<'a> {
    fn of(error: &'a CliError) -> Self {
        let problems = match error {
            CliError::Input(problems) | CliError::Send(SendError::Rows(problems)) => {
                problems.iter().collect()
            }
            _ => Vec::new(),
        };
        Self {
            message: error.to_string(),
            causes: error.causes(),
            hint: error.hint(),
            problems,
        }
    }
}

fn by_state(counts: &StateCounts) -> Map<String, Value> {
    counts
        .iter()
        .map(|(state, count)| (state.name().to_owned(), count.into()))
        .collect()
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
