//! `massebrev send`: checks the mailing, confirms, runs the engine and reports.

mod dry_run;
mod ending;
mod proof;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::altinn::Client;
use crate::journal::Journal;
use crate::manifest::Rate;
use crate::plan::{Delivery, Digest, RowChoice, RowFilter, Selection};
use crate::preview::MailingSummary;
use crate::report::{self, Report};
use crate::send::{
    Engine, Options, Planner, ResumeState, RetryRefused, RunEnd, SecondLetterPolicy, SendError,
    Stop, Summary, with_planner,
};
use clap::Args;
use jiff::Timestamp;
use tokio::runtime::Builder;
use tokio::sync::watch;

use self::ending::print_outcome;
use super::auth::{AuthArgs, Credentials};
use super::check::{CheckedMailing, earlier_runs};
use super::choose::{at_least_one, choose};
use super::confirm::{confirm, refuse_unexpected};
use super::events::{Events, RunSummary};
use super::interrupt::{self, interrupted_twice};
use super::own_sandbox::OwnSandbox;
use super::progress::Progress;
use super::proofs::recipient;
use super::report::{not_written, write_all};
use super::resume::{self, ResumeArgs};
use super::target::{Destination, Target};
use super::{CliError, ExitStatus, Printer};

/// The interval between letters when neither flag nor manifest sets a rate: 10 a second. Altinn publishes no limit for sending; this is a careful default.
const DEFAULT_RATE: Duration = Duration::from_millis(100);

/// Number of threads that read files of letters.
const FILE_READERS: usize = 4;

/// Send the mailing: every outstanding letter, each exactly once.
///
/// Everything is checked before anything leaves. Running it again sends what is outstanding and nothing else.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    resume: ResumeArgs,
    /// Requests in flight at most [default: the manifest's send.concurrency, or 16]
    #[arg(long, short = 'j', value_name = "N", value_parser = concurrency)]
    concurrency: Option<NonZeroU32>,
    /// Do everything but send: check, choose, confirm and render, and say what would be sent. No journal is begun, no token asked for, no connection opened; every
    /// line begins with `dry run:`
    #[arg(long)]
    dry_run: bool,
    /// Refuse to send unless the mailing, or with --rows these rows, has exactly so many letters, whether they have been sent before or not
    #[arg(long, value_name = "N")]
    expect: Option<u64>,
    /// Tell the run to programs: one JSON object a line on stdout for every event, each with its `type`; the last one is the `summary`. The report is then not
    /// printed, only written to its files
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// Send at most so many letters, in row order; what is settled already does not count. The others stay as they are
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<u64>,
    /// Refuse to send anything but what was approved: the plan that `validate` and `render` print. It names the bytes of all inputs; see `massebrev render --help`
    #[arg(long, value_name = "DIGEST")]
    plan: Option<Digest>,
    /// Send proofs: letters of a few rows go to RECIPIENT instead of their own recipients, so that somebody sees them in Altinn's inbox before the mailing is sent.
    ///
    /// Everything is checked as for a send. The rows are those that `render --html` shows, or the ones that --rows and --limit name. A proof is its letter, byte for
    /// byte, but for the recipient and the key; custom recipients of notifications and references to dialogs are left out, so that nobody but RECIPIENT is reached.
    /// Whoever looks at proofs sees what the recipients will see of themselves.
    ///
    /// Proofs have a journal and keys of their own and take nothing from the letters, which are sent afterwards, or at the same time, as if there were none. The
    /// same plan is proven once to the same recipient; proofs that were rejected are tried again. --expect counts the proofs
    #[arg(long, value_name = "RECIPIENT", conflicts_with_all = ["accept_changes", "retry_failed", "retry_reserved", "second_letters"])]
    proof_to: Option<String>,
    /// Requests per second, minute or hour, as 10/s or 120/min [default: the manifest's send.rate]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Send only these rows, as in 5,10-20,30-; the first row after the header is 1. The others stay as they are
    #[arg(long, visible_alias = "row", value_name = "ROWS")]
    rows: Option<Selection>,
    /// Do not ask in prod; needs --expect
    #[arg(long, requires = "expect")]
    yes: bool,
}

/// A checked mailing, and the letters that this command would send.
struct SendPlan {
    checked: CheckedMailing,
    journal: Option<Journal>,
    resume: ResumeState,
    wanted: RowFilter,
    chosen: RowChoice,
}

impl SendArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        if self.dry_run {
            // Errors are labelled too, so that no line can be mistaken for one of a real run.
            let printer = printer.labelled("dry run: ");
            let ended = self.dry_run(printer);
            return Ok(ended.unwrap_or_else(|error| error.print(printer)));
        }
        let events = self.json.then(|| Events::new(printer));
        let mut run_summary = RunSummary::default();
        let ended = self.send(events.as_ref(), &mut run_summary, printer);
        match events {
            Some(events) => events.end(run_summary, ended),
            None => ended,
        }
    }

    /// Sends the mailing, and fills in the summary as its parts become known.
    fn send(
        &self,
        events: Option<&Events>,
        run_summary: &mut RunSummary,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let SendPlan {
            checked,
            journal,
            resume,
            wanted,
            chosen,
        } = self.plan_run(printer)?;
        run_summary.set_mailing(&checked);
        confirm(&checked, &chosen, self.yes, self.expect, printer)?;
        // One thread: measured, waking tasks across threads cost half as much again, and one thread sends more than a network takes.
        let runtime = Builder::new_current_thread()
            // They read the letters' own files. More would keep more memory, and take longer to fill it than to read.
            .max_blocking_threads(FILE_READERS)
            .enable_all()
            .build()
            .map_err(CliError::start("the asynchronous runtime"))?;
        let (client, own_sandbox) = self.connect(&checked, printer)?;
        let journal = open_journal(&checked, journal, &self.target, printer)?;
        let resume = if journal.is_as_read {
            resume
        } else {
            self.resume_state(Some(&journal), &checked)?
        };
        let progress = Progress::new(printer, events);
        let options = self.options(&checked, wanted);
        let interrupts = interrupt::watch().map_err(CliError::start("the handling of Ctrl-C"))?;
        let ended = with_planner(&checked.mailing, &checked.check_report, |planner| {
            let engine = run_engine(
                planner,
                resume,
                &client,
                &journal,
                &options,
                &progress,
                interrupts.clone(),
            );
            runtime.block_on(engine)
        });
        run_summary.set_ending(&ended);
        // Open connections would keep the sandbox from stopping.
        // Dropped in this order: only the report is left to write, for which an interrupted run has its time.
        drop((client, runtime, interrupts));
        // Reported later: the report of the run must be written whatever happened to the sandbox.
        let stopped = own_sandbox.map_or(Ok(()), OwnSandbox::stop);
        self.report(&checked, &journal, ended, stopped, run_summary, printer)
    }

    /// Writes the report, however the run ended, and prints the outcome. An error of the run takes precedence over one of the report.
    fn report(
        &self,
        checked: &CheckedMailing,
        journal: &Journal,
        ended: Result<Summary, SendError>,
        stopped: Result<(), CliError>,
        run_summary: &mut RunSummary,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let report = Report::from_journal(journal);
        let (written, result) = report.as_ref().map_or((Vec::new(), Ok(())), |report| {
            run_summary.set_counts(report);
            write_all(report, &checked.journal_path)
        });
        run_summary.set_reports(&written);
        let failed = |error| resume::changed_error(error, checked, &self.target);
        let summary = ended.map_err(failed)?;
        let status = stopped.and_then(|()| {
            let report = report?;
            let stdout_result = if self.json {
                Ok(())
            } else {
                print_report(&report, &written, printer)
            };
            let status = match &checked.proof {
                Some(to) => {
                    proof::print_outcome(&self.target, checked, to, &summary, &report, printer)
                }
                None => print_outcome(&self.target, checked, &summary, &report, printer),
            };
            // Only now: what became of the letters is told also when no file can be written.
            let status = status.after(result, printer)?;
            status.after(stdout_result, printer)
        });
        match summary.ending {
            RunEnd::Broken(error) => Err(failed(error)),
            _ => status,
        }
    }

    /// Checks the mailing and chooses the letters. Opens no file for writing, because a dry run uses it too.
    fn plan_run(&self, printer: Printer) -> Result<SendPlan, CliError> {
        let to = self.proof_to.as_deref().map(recipient).transpose()?;
        if self.resume.afresh {
            resume::forget_rehearsal(&self.target, printer)?;
        }
        let mut summary = MailingSummary::default();
        let mut each = |letter: &Delivery| {
            // Only a sample of proofs needs the summary.
            if to.is_some() {
                summary.add(letter);
            }
        };
        // Proofs have another journal, which is known when they are chosen.
        let reads_journal = to.is_none();
        let checked = CheckedMailing::check(&self.target, printer, None, reads_journal, &mut each)?;
        printer.note(checked.describe());
        self.refuse_unapproved(&checked)?;
        let (mut checked, wanted) = match to {
            Some(to) => self.prove(checked, &summary, to, printer)?,
            None => (checked, self.wanted()),
        };
        let earlier = checked.earlier.take();
        let mut journal = earlier.unwrap_or_else(|| earlier_runs(&checked.journal_path))?;
        if journal.is_none() && checked.journal_path.exists() {
            // Another run may have begun it during the check.
            journal = earlier_runs(&checked.journal_path)?;
            if journal.is_none() {
                printer.warn(format_args!(
                    "warning: the journal {} is empty: letters of earlier runs are found at Altinn by their keys; do not change the keys",
                    checked.journal_path.display()
                ));
            }
        }
        if let Some(journal) = &journal {
            journal.check_header(&checked.header(&self.target))?;
        }
        let resume = self.resume_state(journal.as_ref(), &checked)?;
        let settled = |position| resume.passes(position);
        let chosen = match &checked.proof {
            // `prove` has already printed the rows.
            Some(_) => checked.check_report.choose(&wanted, settled),
            None => choose(&checked.check_report, &wanted, settled, printer)?,
        };
        let whose = match self.rows {
            Some(_) => "the rows asked for have",
            None if checked.proof.is_some() => "the sample has",
            None => "the mailing has",
        };
        refuse_unexpected(chosen.covered, checked.noun(), whose, self.expect)?;
        Ok(SendPlan {
            checked,
            journal,
            resume,
            wanted,
            chosen,
        })
    }

    fn wanted(&self) -> RowFilter {
        RowFilter {
            rows: self.rows.clone().unwrap_or_else(Selection::all),
            limit: self.limit,
        }
    }

    /// The state of every row. Rejected proofs are always tried again: the text of a plan cannot change, but rights at Altinn can.
    fn resume_state(
        &self,
        journal: Option<&Journal>,
        checked: &CheckedMailing,
    ) -> Result<ResumeState, CliError> {
        let retry = RetryRefused {
            rejected: self.resume.retry_failed || checked.proof.is_some(),
            reserved: self.resume.retry_reserved,
        };
        Ok(ResumeState::read(journal, &checked.check_report, retry)?)
    }

    fn refuse_unapproved(&self, checked: &CheckedMailing) -> Result<(), CliError> {
        let now = checked.check_report.plan;
        match self.plan {
            Some(approved) if approved != now => Err(CliError::usage(
                format!(
                    "the mailing is not what was approved; nothing was sent\n  approved: {approved}\n       now: {now}"
                ),
                format!(
                    "to see what has changed: {} --diff OLD, where OLD is the output of `massebrev render` that was approved",
                    self.target.command("render")
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Connects to the mailing's destination; starts a sandbox when that is the destination.
    fn connect(
        &self,
        checked: &CheckedMailing,
        printer: Printer,
    ) -> Result<(Client, Option<OwnSandbox>), CliError> {
        let connect = |credentials: Credentials<'_>, environment| {
            credentials.connect(&checked.mailing, environment, self.concurrency, printer)
        };
        match &checked.destination {
            Destination::Sandbox => {
                let own_sandbox = OwnSandbox::start(printer)?;
                let client = connect(own_sandbox.credentials(), &own_sandbox.environment)?;
                Ok((client, Some(own_sandbox)))
            }
            Destination::Altinn(environment) => {
                Ok((connect(Credentials::Given(&self.auth), environment)?, None))
            }
        }
    }

    fn options(&self, checked: &CheckedMailing, wanted: RowFilter) -> Options {
        let send = &checked.mailing.manifest().send;
        let local = checked.destination.is_local();
        let rate = self.rate.or(send.rate).map(Rate::interval);
        Options {
            concurrency: self.concurrency.unwrap_or(send.concurrency),
            // A local sandbox needs no protection from a high rate.
            interval: rate.or_else(|| (!local).then_some(DEFAULT_RATE)),
            canary: send.canary.into(),
            max_failures: send.max_failures,
            tries: send.retry.clone(),
            attachments: send.attachments.clone(),
            wanted,
            second_letters: match self.resume.second_letters {
                // All proofs go to one recipient on purpose.
                _ if checked.proof.is_some() => SecondLetterPolicy::Ignore,
                Some(number) => SecondLetterPolicy::Allow(number),
                None => SecondLetterPolicy::Refuse,
            },
            accept_changes: self.resume.accept_changes,
        }
    }
}

fn print_report(report: &Report, written: &[PathBuf], printer: Printer) -> Result<(), CliError> {
    report::text(report, &mut anstream::stdout().lock()).map_err(not_written(CliError::Stdout))?;
    written
        .iter()
        .try_for_each(|path| printer.out(path.display()))
}

/// Runs the engine until it ends or is interrupted twice. At the second interrupt its future is dropped; the journal already names the letters in flight.
async fn run_engine(
    planner: Planner<'_, '_>,
    resume: ResumeState,
    client: &Client,
    journal: &Journal,
    options: &Options,
    progress: &Progress<'_>,
    interrupts: watch::Receiver<u32>,
) -> Result<Summary, SendError> {
    let stop = Stop::default();
    let engine = Engine {
        client,
        journal,
        options,
        observer: progress,
        stop: &stop,
    };
    let run = engine.run(planner, resume);
    let ended = tokio::select! {
        biased;
        () = interrupted_twice(interrupts, &stop, progress) => {
            // Returns when everything that was handed over before is in the file, and so in the report.
            let _ = journal.keep_alive(Timestamp::now()).await;
            Ok(Summary { ending: RunEnd::Interrupted, ended: progress.ended(), ..Summary::default() })
        }
        ended = run => ended,
    };
    progress.finish();
    ended
}

/// Parses `--concurrency`, with the limits of `send.concurrency`: 1 to 1000.
fn concurrency(text: &str) -> Result<NonZeroU32, &'static str> {
    let number = text.parse().ok().and_then(NonZeroU32::new);
    number
        .filter(|number| number.get() <= 1000)
        .ok_or("must be a whole number from 1 to 1000")
}

fn open_journal(
    checked: &CheckedMailing,
    earlier: Option<Journal>,
    target: &Target,
    printer: Printer,
) -> Result<Journal, CliError> {
    let header = checked.header(target);
    let journal = Journal::open(&checked.journal_path, &header, checked.began, earlier)?;
    if let Some(copy) = &journal.older {
        let copy = copy.display();
        printer.note(format_args!(
            "the journal has a new format now; as it was: {copy}"
        ));
    }
    Ok(journal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_takes_what_the_manifest_takes() {
        assert_eq!(concurrency("1000").map(NonZeroU32::get), Ok(1000));
        for text in ["0", "1001", "-1", "many", ""] {
            assert!(concurrency(text).is_err(), "{text}");
        }
    }
}
