//! `massebrev send`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use massebrev::altinn::Client;
use massebrev::journal::{Header, Journal, State};
use massebrev::manifest::{self, Rate};
use massebrev::report::{self, Report};
use massebrev::sandbox::{self, Sandbox};
use massebrev::send::{Ending, Engine, Options, SendError, Stop, Summary};
use tokio::runtime::Runtime;

use super::confirm::confirm;
use super::connect::{AuthArgs, Destination, connect_sandbox};
use super::prepare::Prepared;
use super::progress::Progress;
use super::report::{broken_pipe, write_all};
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Letters a second when neither flag nor manifest sets a rate: Altinn publishes no limit, so we stay polite.
const DEFAULT_RATE: Duration = Duration::from_millis(100);

/// Send the mailing: every outstanding letter, each exactly once.
///
/// Everything is checked before anything leaves. Running it again sends what is outstanding and nothing else.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    auth: AuthArgs,
    /// Requests in flight at most [default: the manifest's send.concurrency, or 16]
    #[arg(long, short = 'j', value_name = "N", env = "MASSEBREV_CONCURRENCY", value_parser = concurrency)]
    concurrency: Option<NonZeroU32>,
    /// Refuse to send unless the mailing has exactly so many letters
    #[arg(long, value_name = "N", env = "MASSEBREV_EXPECT")]
    expect: Option<u64>,
    /// Requests per second, minute or hour, as 10/s or 120/min [default: the manifest's send.rate]
    #[arg(long, value_name = "RATE", env = "MASSEBREV_RATE")]
    rate: Option<Rate>,
    /// Do not ask in prod; needs --expect
    #[arg(long, env = "MASSEBREV_YES", requires = "expect")]
    yes: bool,
}

impl SendArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let mut prepared = Prepared::check(&self.target, printer, &mut |_| Ok(()))?;
        printer.note(prepared.describe());
        confirm(&prepared, self.yes, self.expect, printer)?;
        let runtime = Runtime::new().map_err(|source| CliError::Start {
            what: "the asynchronous runtime",
            source,
        })?;
        let (client, sandbox) = runtime.block_on(self.connect(&prepared, printer))?;
        let journal = open_journal(&prepared, &self.target)?;
        let ended = runtime.block_on(self.drive(&mut prepared, &client, &journal, printer));
        // Connections that are kept open would hold the sandbox up.
        drop(client);
        let stopped = sandbox.map_or(Ok(()), |sandbox| runtime.block_on(sandbox.stop()));
        // Whatever happened, what is known is told; why the run broke off comes before why that could not be told.
        let report = Report::from_journal(&journal);
        let written = report.as_ref().map_or(Ok(Vec::new()), |report| {
            write_all(report, &prepared.journal_path)
        });
        let summary = ended.map_err(|error| afresh(error.into(), &prepared))?;
        stopped.map_err(|source| CliError::Start {
            what: "the end of the sandbox",
            source,
        })?;
        let report = report?;
        report::text(&report, &mut printer.stdout()).map_err(broken_pipe)?;
        for path in written? {
            printer.out(path.display())?;
        }
        if summary.ended == 0 && matches!(summary.ending, Ending::Finished) {
            explain_nothing(prepared.checked.letters, &report, printer);
        }
        Ok(self.explain(&summary, &report, printer))
    }

    /// The client for the mailing's destination; a sandbox of its own is started for it.
    async fn connect(
        &self,
        prepared: &Prepared,
        printer: Printer,
    ) -> Result<(Client, Option<Sandbox>), CliError> {
        let manifest = prepared.mailing.manifest();
        let concurrency = self.concurrency.unwrap_or(manifest.send.concurrency);
        match &prepared.destination {
            Destination::Sandbox => {
                let sandbox = start_sandbox(printer).await?;
                let (url, registration) = (sandbox.url(), sandbox.registration());
                let client = connect_sandbox(manifest, url, registration, concurrency)?;
                Ok((client, Some(sandbox)))
            }
            Destination::Altinn(environment) => {
                let folder = prepared.mailing.folder();
                let client = self
                    .auth
                    .connect(manifest, folder, environment, concurrency)?;
                Ok((client, None))
            }
        }
    }

    /// Runs the engine, watched by a person who may interrupt it.
    async fn drive(
        &self,
        prepared: &mut Prepared,
        client: &Client,
        journal: &Journal,
        printer: Printer,
    ) -> Result<Summary, SendError> {
        let options = self.options(
            &prepared.mailing.manifest().send,
            prepared.destination.is_local(),
        );
        let stop = Stop::default();
        let progress = Progress::new(printer);
        let engine = Engine {
            client,
            journal,
            options: &options,
            observer: &progress,
            stop: &stop,
        };
        let run = engine.run(&mut prepared.mailing, &prepared.checked);
        let ended = tokio::select! {
            ended = run => ended,
            () = interrupted_twice(&stop, &progress) => {
                Ok(Summary { ending: Ending::Interrupted, ended: 0, settled: 0 })
            }
        };
        progress.finish();
        ended
    }

    fn options(&self, send: &manifest::Send, local: bool) -> Options {
        let rate = self.rate.or(send.rate).map(Rate::interval);
        Options {
            concurrency: self.concurrency.unwrap_or(send.concurrency),
            interval: rate.or_else(|| (!local).then_some(DEFAULT_RATE)),
            canary: send.canary.into(),
            max_failures: send.max_failures,
            retry: send.retry.clone(),
        }
    }

    /// Says how it ended and what to type next.
    fn explain(&self, summary: &Summary, report: &Report, printer: Printer) -> ExitStatus {
        let counts = report.counts();
        let manifest = self.target.manifest.display();
        let again = if self.target.sandbox {
            format!("{manifest} --sandbox")
        } else {
            manifest.to_string()
        };
        let status = match &summary.ending {
            Ending::Finished if is_done(report) => ExitStatus::Success,
            Ending::Finished => ExitStatus::Unfinished,
            Ending::Stopped(why) => {
                printer.warn(format_args!("stopped: {why}"));
                ExitStatus::Stopped
            }
            Ending::NoToken(error) => {
                printer.warn(format_args!("stopped: {error}"));
                if let Some(hint) = error.hint() {
                    printer.warn(format_args!("   hint: {hint}"));
                }
                ExitStatus::Setup
            }
            Ending::Unreachable(why) => {
                printer.warn(format_args!("stopped: {why}"));
                printer.warn("   hint: check the network, and that a proxy or firewall lets the program through");
                ExitStatus::Setup
            }
            Ending::Interrupted => {
                printer.warn("interrupted: what was in flight is settled or will be looked up, the rest is outstanding");
                ExitStatus::Interrupted
            }
        };
        match status {
            ExitStatus::Success => {
                printer.note(format_args!("next: massebrev report {again} --format csv"));
            }
            _ if outstanding(counts) => printer.warn(format_args!("next: {}", same_command())),
            _ => printer.warn(format_args!("next: massebrev report {again} --format csv")),
        }
        status
    }
}

/// A rehearsal whose texts have changed may begin afresh: its letters were never anybody's.
fn afresh(error: CliError, prepared: &Prepared) -> CliError {
    match (&error, &prepared.destination) {
        (CliError::Send(SendError::Changed { letters }), Destination::Sandbox) => CliError::usage(
            format!("{letters} letters of the last rehearsal had another text or other files"),
            format!("to rehearse afresh: rm {}", prepared.journal_path.display()),
        ),
        _ => error,
    }
}

/// The command that was typed, ready to be pasted: it goes on where this run ended.
fn same_command() -> String {
    let quoted = std::env::args_os().skip(1).map(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        let plain = |c: char| c.is_alphanumeric() || "-_./=:,%+@".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    std::iter::once("massebrev".to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether every row is sent or skipped. A row that is still pending when all were gone through has been lost.
fn is_done(report: &Report) -> bool {
    let counts = report.counts();
    report.adds_up() && counts.attention() == 0 && counts.of(State::Pending) == 0
}

/// Says why there was nothing to send.
fn explain_nothing(letters: u64, report: &Report, printer: Printer) {
    let counts = report.counts();
    let refused: Vec<_> = [State::Rejected, State::Reserved]
        .into_iter()
        .filter_map(|state| match counts.of(state) {
            0 => None,
            1 => Some(format!("1 was {state}")),
            count => Some(format!("{count} were {state}")),
        })
        .collect();
    if letters == 0 {
        printer.note("nothing was sent: no row becomes a letter");
    } else if refused.is_empty() {
        printer.note("nothing was sent: the journal shows that every letter has been settled by an earlier run");
        printer.note("a deliberate second letter needs a new `mailing` name in the manifest");
    } else {
        printer.note(format_args!(
            "nothing was sent: {} were sent by earlier runs, and {}",
            counts.delivered(),
            refused.join(" and ")
        ));
        printer.note("what was refused is tried again when its row or its text has been corrected");
    }
}

/// Whether the same command would send something.
fn outstanding(counts: &report::Counts) -> bool {
    [
        State::Pending,
        State::InFlight,
        State::Failed,
        State::Unknown,
    ]
    .iter()
    .any(|state| counts.of(*state) > 0)
}

/// As the manifest's own setting.
fn concurrency(text: &str) -> Result<NonZeroU32, &'static str> {
    let number = text.parse().ok().and_then(NonZeroU32::new);
    number
        .filter(|number| number.get() <= 1000)
        .ok_or("must be a whole number from 1 to 1000")
}

fn open_journal(prepared: &Prepared, target: &Target) -> Result<Journal, CliError> {
    let manifest = prepared.mailing.manifest();
    let header = Header {
        mailing: manifest.mailing.clone(),
        environment: prepared.destination.name().to_owned(),
        resource: prepared.mailing.resource().unwrap_or("several").to_owned(),
        manifest: target.manifest.display().to_string(),
    };
    Ok(Journal::open(
        &prepared.journal_path,
        &header,
        prepared.began,
    )?)
}

async fn start_sandbox(printer: Printer) -> Result<Sandbox, CliError> {
    let sandbox = Sandbox::start(sandbox::Options::default())
        .await
        .map_err(|source| CliError::Start {
            what: "the sandbox",
            source,
        })?;
    printer.note("sandbox: a local Altinn and Maskinporten; no letter leaves this machine");
    Ok(sandbox)
}

/// The first Ctrl-C stops taking new letters, the second one stops at once.
async fn interrupted_twice(stop: &Stop, progress: &Progress) {
    interrupted().await;
    let finish = async {
        stop.set();
        progress
            .say("interrupted: finishing what is in flight; press Ctrl-C again to stop at once");
    };
    // Whoever is told to press again is already listened to.
    tokio::join!(biased; interrupted(), finish);
}

/// Resolves when a person, or the system that goes down, asks the program to end.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler nobody can ask.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};

        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => _ = terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use massebrev::journal::{End, Entry, Outcome, Run, Start};
    use uuid::Uuid;

    use super::*;

    /// A mailing of so many rows, of which so many were sent and none was given up.
    async fn sent(rows: u64, sent: u64) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let header = Header {
            mailing: "m".to_owned(),
            environment: "tt02".to_owned(),
            resource: "r".to_owned(),
            manifest: "mailing.yaml".to_owned(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let journal = Journal::open(&folder.path().join("j"), &header, at).unwrap();
        let run = Run {
            rows,
            earlier: 0,
            skipped: 0,
            invalid: 0,
            plan: String::new(),
            started_at: at,
            ended: None,
        };
        journal.begin_run(run).await.unwrap();
        for row in 1..=sent {
            let key = Uuid::from_u64_pair(0, row);
            let start = Start {
                row,
                line: row + 1,
                name: row.to_string(),
                recipient: String::new(),
                body: [0; 32],
                at,
            };
            journal.record(key, Entry::Started(start)).await.unwrap();
            let outcome = Outcome::Sent { id: key };
            let end = Entry::Ended(End {
                outcome,
                attempts: 1,
                at,
            });
            journal.record(key, end).await.unwrap();
        }
        Report::from_journal(&journal).unwrap()
    }

    #[tokio::test]
    async fn a_row_that_is_missing_or_there_twice_is_no_success() {
        assert!(is_done(&sent(2, 2).await));
        assert!(!is_done(&sent(2, 1).await), "one was lost");
        assert!(!is_done(&sent(2, 3).await), "one too many");
    }

    #[test]
    fn the_flag_takes_what_the_manifest_takes() {
        assert_eq!(concurrency("1000").map(NonZeroU32::get), Ok(1000));
        for text in ["0", "1001", "-1", "many", ""] {
            assert!(concurrency(text).is_err(), "{text}");
        }
    }
}
