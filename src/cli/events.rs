//! The events of `send --json`: one JSON object a line, `summary` last. Members may be added, but types and members that exist stay as they are.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::report::Report;
use crate::send::{Event, Observer, PaceSnapshot, RunEnd, SendError, Summary, Wait};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::check::CheckedMailing;
use super::{CliError, ExitStatus, Printer};

#[derive(Debug)]
pub(crate) struct Events {
    printer: Printer,
    /// The first error of stdout; no event is written after it. The run goes on, because the letters matter more than its log.
    broken: OnceCell<io::Error>,
}

/// The payload of the `summary` event, as far as it is known when the run ends.
#[derive(Debug, Default, Serialize)]
pub(crate) struct RunSummary {
    exit_status: u8,
    mailing: Option<String>,
    environment: Option<String>,
    plan: Option<String>,
    /// The masked recipient of proofs; when set, all counts are counts of proofs.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_to: Option<String>,
    /// The number of letters of the mailing, sent before or not.
    letters: Option<u64>,
    ending: Option<&'static str>,
    why: Option<String>,
    /// The number of letters that got their outcome in this run.
    ended: u64,
    /// The number of chosen letters that earlier runs had settled.
    settled: u64,
    left_out: u64,
    /// The number of letters that may have been sent with another text and were therefore not touched.
    held: u64,
    rows_total: Option<u64>,
    adds_up: Option<bool>,
    counts: Option<Map<String, Value>>,
    reports: Vec<String>,
    /// The error that kept the run from starting or continuing; its problems in the form of `validate --format json`.
    error: Option<Value>,
}

#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    #[serde(flatten)]
    payload: T,
}

impl Events {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            broken: OnceCell::new(),
        }
    }

    /// Writes the last line and returns the exit status: the run's own, or an error when stdout failed for another reason than a closed pipe.
    pub(crate) fn end(
        self,
        mut run_summary: RunSummary,
        ended: Result<ExitStatus, CliError>,
    ) -> Result<ExitStatus, CliError> {
        let status = ended.as_ref().map_or_else(CliError::exit_status, |&it| it);
        // The run sets its ending as soon as it has one.
        run_summary.ending.get_or_insert("not-started");
        run_summary.exit_status = status.code();
        run_summary.error = ended.as_ref().err().map(|error| {
            json!({
                "message": error.to_string(),
                "causes": error.causes(),
                "hint": error.hint(),
                "problems": error.problems().into_iter().flatten().collect::<Vec<_>>(),
            })
        });
        self.emit("summary", run_summary);
        let printer = self.printer;
        let written = self.broken.into_inner();
        let written = written.map_or(Ok(()), |error| Err(CliError::Stdout(error)));
        // An error of the run counts before an error of stdout.
        ended.and_then(|status| status.after(written, printer))
    }

    fn emit(&self, kind: &'static str, payload: impl Serialize) {
        if self.broken.get().is_some() {
            return;
        }
        if let Err(error) = write(kind, payload) {
            let _ = self.broken.set(error);
        }
    }
}

impl Observer for Events {
    fn notice(&self, event: &Event<'_>) {
        match *event {
            Event::Began { letters, settled } => {
                self.emit("began", json!({ "letters": letters, "settled": settled }));
            }
            Event::Attachment { name, reused } => {
                self.emit("attachment", json!({ "name": name, "reused": reused }));
            }
            Event::Delivered {
                row,
                line,
                state,
                why,
            } => {
                let state = state.name();
                let payload = json!({ "row": row, "line": line, "state": state, "why": why });
                self.emit("delivered", payload);
            }
            Event::Settled { row, line, state } => {
                let state = state.name();
                self.emit(
                    "settled",
                    json!({ "row": row, "line": line, "state": state }),
                );
            }
            Event::Paused { wait, why, .. } => self.emit("paused", wait_json(wait, why)),
            Event::Retrying { wait, why } => self.emit("retrying", wait_json(wait, why)),
            Event::Waiting(wait) => {
                let (what, name) = match wait {
                    Wait::Token => ("token", None),
                    Wait::Scan(name) => ("scan", Some(name)),
                };
                self.emit("waiting", json!({ "for": what, "name": name }));
            }
            Event::Pace(pace) => self.emit("pace", pace_json(&pace)),
            Event::Stopping { why } => self.emit("stopping", json!({ "why": why })),
        }
    }
}

fn write(kind: &'static str, payload: impl Serialize) -> io::Result<()> {
    let time = format!("{:.3}", Timestamp::now());
    let mut line = serde_json::to_vec(&Line {
        kind,
        time,
        payload,
    })?;
    line.push(b'\n');
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(&line)?;
    // Flushed line by line: the reader acts on events while the run goes on.
    stdout.flush()
}

fn wait_json(wait: Duration, why: &str) -> Value {
    json!({ "wait_seconds": seconds(wait), "why": why })
}

/// The payload of a `pace` event; rates are in requests a second.
fn pace_json(pace: &PaceSnapshot) -> Value {
    json!({
        "in_flight": pace.in_flight,
        "in_flight_limit": pace.limit,
        "in_flight_cap": pace.cap,
        "retrying": pace.retrying,
        "rate": thousandths(pace.rate),
        "rate_allowed": pace.allowed.map(thousandths),
        "held_seconds": pace.held.map(seconds),
    })
}

impl RunSummary {
    pub(crate) fn set_mailing(&mut self, checked: &CheckedMailing) {
        self.mailing = Some(checked.mailing.manifest().mailing.clone());
        self.environment = Some(checked.destination.name().to_owned());
        self.plan = Some(checked.check_report.plan.to_string());
        let proof = checked.proof.as_ref();
        self.proof_to = proof.map(|proof| proof.recipient().masked());
        self.letters = Some(checked.check_report.letters);
    }

    pub(crate) fn set_ending(&mut self, ended: &Result<Summary, SendError>) {
        let summary = match ended {
            Ok(summary) => summary,
            // Refused before the first letter, so the ending stays `not-started`.
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
            // Why is in `error`.
            RunEnd::Broken(_) => ("broken-off", None),
        };
        (self.ending, self.why) = (Some(ending), why);
        self.ended = summary.ended;
        self.settled = summary.settled;
        self.left_out = summary.left_out;
        self.held = summary.reconciled.held;
    }

    pub(crate) fn set_counts(&mut self, report: &Report) {
        self.rows_total = Some(report.rows_total());
        self.adds_up = Some(report.adds_up());
        let counts = report.counts.iter();
        let by_name = counts.map(|(state, count)| (state.name().to_owned(), count.into()));
        self.counts = Some(by_name.collect());
    }

    pub(crate) fn set_reports(&mut self, paths: &[PathBuf]) {
        let paths = paths.iter().map(|path| path.display().to_string());
        self.reports = paths.collect();
    }
}

fn seconds(time: Duration) -> f64 {
    thousandths(time.as_secs_f64())
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
