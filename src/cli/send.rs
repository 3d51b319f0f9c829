//! `massebrev send`.

mod dry_run;
mod ending;
mod proof;

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use massebrev::altinn::Client;
use massebrev::journal::{Header, Journal, JournalError};
use massebrev::manifest::Rate;
use massebrev::plan::{Digest, RowChoice, RowFilter, Selection};
use massebrev::preview::MailingSummary;
use massebrev::report::{self, Report};
use massebrev::send::{
    Engine, Options, Planner, ResumeState, RunEnd, SendError, Stop, Summary, with_planner,
};
use tokio::runtime::Builder;

use self::ending::explain;
use super::again::{self, AgainArgs};
use super::choose::{at_least_one, choose};
use super::confirm::{confirm, refuse_unexpected};
use super::connect::{AuthArgs, Destination, connect_sandbox};
use super::events::{Account, Events};
use super::interrupt::interrupted_twice;
use super::prepare::Prepared;
use super::progress::Progress;
use super::proofs::recipient;
use super::rehearsal::Rehearsal;
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
    #[command(flatten)]
    again: AgainArgs,
    /// Requests in flight at most [default: the manifest's send.concurrency, or 16]
    #[arg(long, short = 'j', value_name = "N", env = "MASSEBREV_CONCURRENCY", value_parser = concurrency)]
    concurrency: Option<NonZeroU32>,
    /// Do everything but send: check, choose, confirm and render, and say what would be sent. No journal is begun, no token asked for, no connection opened; every
    /// line begins with `dry run:`
    #[arg(long, env = "MASSEBREV_DRY_RUN")]
    dry_run: bool,
    /// Refuse to send unless the mailing, or with --rows these rows, has exactly so many letters, whether they have been sent before or not
    #[arg(long, value_name = "N", env = "MASSEBREV_EXPECT")]
    expect: Option<u64>,
    /// Tell the run to programs: one JSON object a line on stdout for every event, each with its `type`; the last one is the `summary`. The report is then not
    /// printed, only written to its files
    #[arg(long, env = "MASSEBREV_JSON", conflicts_with = "dry_run")]
    json: bool,
    /// Send at most so many letters, in row order; what is settled already does not count. The others stay as they are
    #[arg(long, value_name = "N", env = "MASSEBREV_LIMIT", value_parser = at_least_one)]
    limit: Option<u64>,
    /// Refuse to send anything but what was approved: the plan that `validate` and `render` print. It names the bytes of all inputs; see `massebrev render --help`
    #[arg(long, value_name = "DIGEST", env = "MASSEBREV_PLAN")]
    plan: Option<Digest>,
    /// Send proofs: letters of a few rows go to RECIPIENT instead of their own recipients, so that somebody sees them in Altinn's inbox before the mailing is sent.
    ///
    /// Everything is checked as for a send. The rows are those that `render --html` shows, or the ones that --rows and --limit name. A proof is its letter, byte for
    /// byte, but for the recipient and the key; custom recipients of notifications and references to dialogs are left out, so that nobody but RECIPIENT is reached.
    /// Whoever looks at proofs sees what the recipients will see of themselves.
    ///
    /// Proofs have a journal and keys of their own and take nothing from the letters, which are sent afterwards, or at the same time, as if there were none. The
    /// same plan is proven once to the same recipient; proofs that were rejected are tried again. --expect counts the proofs
    #[arg(long, value_name = "RECIPIENT", env = "MASSEBREV_PROOF_TO", conflicts_with_all = ["accept_changes", "retry_failed"])]
    proof_to: Option<String>,
    /// Requests per second, minute or hour, as 10/s or 120/min [default: the manifest's send.rate]
    #[arg(long, value_name = "RATE", env = "MASSEBREV_RATE")]
    rate: Option<Rate>,
    /// Send only these rows, as in 5,10-20,30-; the first row after the header is 1. The others stay as they are
    #[arg(
        long,
        visible_alias = "row",
        value_name = "ROWS",
        env = "MASSEBREV_ROWS"
    )]
    rows: Option<Selection>,
    /// Do not ask in prod; needs --expect
    #[arg(long, env = "MASSEBREV_YES", requires = "expect")]
    yes: bool,
}

/// What there is to do.
struct Outlook {
    prepared: Prepared,
    /// What earlier runs have written down, and where the rows stand because of it.
    journal: Option<Journal>,
    resume: ResumeState,
    wanted: RowFilter,
    chosen: RowChoice,
}

impl SendArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        if self.dry_run {
            let printer = printer.labelled("dry run: ");
            let ended = self.rehearse(printer);
            return Ok(ended.unwrap_or_else(|error| error.print(printer)));
        }
        let events = self.json.then(|| Events::new(printer));
        let mut account = Account::default();
        let ended = self.send(events.as_ref(), &mut account, printer);
        match events {
            Some(events) => events.end(account, ended),
            None => ended,
        }
    }

    /// Sends; what is found out on the way is for the account.
    fn send(
        &self,
        events: Option<&Events>,
        account: &mut Account,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let Outlook {
            prepared,
            wanted,
            chosen,
            ..
        } = self.look(printer)?;
        account.checked(&prepared);
        confirm(&prepared, &chosen, self.yes, self.expect, printer)?;
        // One thread: letters that wake each other across threads cost half as much again, and one thread sends more than any network takes.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| CliError::Start {
                what: "the asynchronous runtime",
                source,
            })?;
        let (client, rehearsal) = self.connect(&prepared, printer)?;
        let journal = open_journal(&prepared, &self.target)?;
        if let Some(copy) = journal.older() {
            let copy = copy.display();
            printer.note(format_args!(
                "the journal has a new format now; as it was: {copy}"
            ));
        }
        let progress = Progress::new(printer, events);
        let options = self.options(&prepared, wanted);
        let ended = with_planner(&prepared.mailing, &prepared.checked, |planner| {
            runtime.block_on(drive(planner, &client, &journal, &options, &progress))
        });
        account.ran(&ended);
        // Connections that are kept open would hold the sandbox up.
        drop((client, runtime));
        let stopped = rehearsal.map_or(Ok(()), Rehearsal::stop);
        // Whatever happened, what is known is told; why the run broke off comes before why that could not be told.
        let report = Report::from_journal(&journal);
        let written = report.as_ref().map_or(Ok(Vec::new()), |report| {
            account.counted(report);
            write_all(report, &prepared.journal_path)
        });
        account.written(written.as_deref().unwrap_or_default());
        let summary = ended.map_err(|error| again::refused(error, &prepared, &self.target))?;
        stopped?;
        let (report, written) = (report?, written?);
        if !self.json {
            report::text(&report, &mut printer.stdout()).map_err(broken_pipe)?;
            for path in &written {
                printer.out(path.display())?;
            }
        }
        Ok(explain(&self.target, &prepared, &summary, &report, printer))
    }

    /// Checks the mailing and finds out whose turn it is; nothing is opened for writing.
    fn look(&self, printer: Printer) -> Result<Outlook, CliError> {
        let to = self.proof_to.as_deref().map(recipient).transpose()?;
        let mut summary = MailingSummary::default();
        let prepared = Prepared::check_each(&self.target, printer, &mut |letter| {
            if to.is_some() {
                summary.add(letter);
            }
        })?;
        printer.note(prepared.describe());
        self.refuse_unapproved(&prepared)?;
        let (prepared, wanted) = match to {
            Some(to) => self.prove(prepared, &summary, to, printer)?,
            None => (prepared, self.wanted()),
        };
        let journal = earlier_runs(&prepared.journal_path)?;
        let retry = self.retries(&prepared);
        let resume = ResumeState::read(journal.as_ref(), &prepared.checked, retry)?;
        let settled = |position| resume.passes(position);
        let chosen = match &prepared.proof {
            // What there is to say of the rows has been said with the sample.
            Some(_) => prepared.checked.choose(&wanted, settled),
            None => choose(&prepared.checked, &wanted, settled, printer)?,
        };
        let whose = match self.rows {
            Some(_) => "the rows asked for have",
            None if prepared.proof.is_some() => "the sample has",
            None => "the mailing has",
        };
        refuse_unexpected(chosen.covered, prepared.noun(), whose, self.expect)?;
        Ok(Outlook {
            prepared,
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

    /// Whether rejected letters are tried again. A proof is: there is no harm in it.
    fn retries(&self, prepared: &Prepared) -> bool {
        self.again.retry_failed || prepared.proof.is_some()
    }

    /// What one person has approved is what another one sends.
    fn refuse_unapproved(&self, prepared: &Prepared) -> Result<(), CliError> {
        let now = prepared.checked.plan;
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

    /// The client for the mailing's destination; a sandbox of its own is started for it.
    fn connect(
        &self,
        prepared: &Prepared,
        printer: Printer,
    ) -> Result<(Client, Option<Rehearsal>), CliError> {
        let manifest = prepared.mailing.manifest();
        let concurrency = self.concurrency.unwrap_or(manifest.send.concurrency);
        match &prepared.destination {
            Destination::Sandbox => {
                let rehearsal = Rehearsal::start(printer)?;
                let (url, registration) = (rehearsal.url(), rehearsal.registration());
                let client = connect_sandbox(manifest, url, registration, concurrency)?;
                Ok((client, Some(rehearsal)))
            }
            Destination::Altinn(environment) => {
                let folder = prepared.mailing.folder();
                let client =
                    self.auth
                        .connect(manifest, folder, environment, concurrency, printer)?;
                Ok((client, None))
            }
        }
    }

    fn options(&self, prepared: &Prepared, wanted: RowFilter) -> Options {
        let send = &prepared.mailing.manifest().send;
        let local = prepared.destination.is_local();
        let rate = self.rate.or(send.rate).map(Rate::interval);
        Options {
            concurrency: self.concurrency.unwrap_or(send.concurrency),
            interval: rate.or_else(|| (!local).then_some(DEFAULT_RATE)),
            canary: send.canary.into(),
            max_failures: send.max_failures,
            retry: send.retry.clone(),
            attachments: send.attachments.clone(),
            wanted,
            retry_rejected: self.retries(prepared),
            accept_changes: self.again.accept_changes,
        }
    }
}

/// Runs the engine, watched by a person who may interrupt it.
async fn drive(
    planner: Planner<'_>,
    client: &Client,
    journal: &Journal,
    options: &Options,
    progress: &Progress<'_>,
) -> Result<Summary, SendError> {
    let stop = Stop::default();
    let engine = Engine {
        client,
        journal,
        options,
        observer: progress,
        stop: &stop,
    };
    let run = engine.run(planner);
    let ended = tokio::select! {
        ended = run => ended,
        () = interrupted_twice(&stop, progress) => {
            Ok(Summary { ending: RunEnd::Interrupted, ..Summary::default() })
        }
    };
    progress.finish();
    ended
}

/// As the manifest's own setting.
fn concurrency(text: &str) -> Result<NonZeroU32, &'static str> {
    let number = text.parse().ok().and_then(NonZeroU32::new);
    number
        .filter(|number| number.get() <= 1000)
        .ok_or("must be a whole number from 1 to 1000")
}

/// What earlier runs have written down. A journal that nothing has been written to is none.
fn earlier_runs(journal: &Path) -> Result<Option<Journal>, JournalError> {
    match Journal::read(journal) {
        Ok(journal) => Ok(Some(journal)),
        Err(JournalError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn open_journal(prepared: &Prepared, target: &Target) -> Result<Journal, CliError> {
    let manifest = prepared.mailing.manifest();
    let mailing = &manifest.mailing;
    let header = Header {
        // No mailing can have the name of proofs.
        mailing: match &prepared.proof {
            Some(proof) => format!("proofs of {mailing} to {}", proof.recipient().masked()),
            None => mailing.clone(),
        },
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
