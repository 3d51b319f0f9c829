//! Loading and checking a mailing: the first step of every command about one.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::diagnostic::{Problem, Problems, has_errors};
use crate::journal::{Header, Journal, JournalError};
use crate::manifest::{self, LoadedManifest};
use crate::plan::{
    self, CheckReport, Deliveries, Delivery, Mailing, MailingOptions, Planned, Proof, Selection,
    SlowRow,
};
use crate::send::SendError;
use crate::starter::EXAMPLE_RESOURCE;
use crate::text::count;
use jiff::Timestamp;
use serde_json::Value;

use super::auth::check_manifest;
use super::command_line::TypedCommand;
use super::target::{Destination, Target};
use super::{CliError, Printer};

#[derive(Debug)]
pub(crate) struct CheckedMailing {
    pub(crate) mailing: Mailing,
    pub(crate) check_report: CheckReport,
    pub(crate) destination: Destination,
    /// The time the mailing was first sent, and the value of `now()` in its templates; for an unsent one the present, or the time the caller chose.
    pub(crate) began: Timestamp,
    pub(crate) journal_path: PathBuf,
    /// The plan and recipient of the proofs; `None` for real letters.
    pub(crate) proof: Option<Proof>,
    /// The journal of earlier runs, when it was read during the check.
    pub(crate) earlier: Option<EarlierRuns>,
}

/// The journal of earlier runs, opened for reading; `None` when there is none.
type EarlierRuns = Result<Option<Journal>, JournalError>;

/// Finds the placeholders that `massebrev new` writes. With them Altinn would refuse every letter, or send it in another agency's name.
fn placeholders(loaded: &LoadedManifest) -> Problems {
    let mut found = Problems::new();
    let client = loaded.manifest.auth.client_id.as_deref();
    // A flag or a variable replaces the manifest's client id, so its placeholder does no harm. The raw arguments are read because this check also runs for commands without the flag.
    let is_given =
        std::env::var_os("MASSEBREV_CLIENT_ID").is_some() || TypedCommand::new().has("--client-id");
    if client.is_some_and(is_zero) && !is_given {
        let place = loaded.place("/auth/clientId");
        found.push(Problem::error(place, "the client id is a placeholder: only zeros").with_hint(
            "write the id of your client in Maskinporten; to rehearse before you have one, pass --sandbox",
        ));
    }
    let resource = loaded.manifest.correspondence.get("resourceId");
    if resource.and_then(Value::as_str) == Some(EXAMPLE_RESOURCE) {
        let place = loaded.place("/correspondence/resourceId");
        let message = format!("`{EXAMPLE_RESOURCE}` is the placeholder of `massebrev new`");
        found.push(Problem::error(place, message).with_hint(
            "write the id of your resource in Altinn's resource registry; to rehearse before you have one, pass --sandbox",
        ));
    }
    found
}

/// True for an id whose digits are all zero.
fn is_zero(id: &str) -> bool {
    id.contains('0') && id.chars().all(|c| matches!(c, '0' | '-'))
}

impl CheckedMailing {
    /// Loads and checks the mailing as [`Self::with_findings`] does, and prints its warnings; errors in it are an `Err`.
    pub(crate) fn check(
        target: &Target,
        printer: Printer,
        unsent: Option<Timestamp>,
        reads_journal: bool,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Self, CliError> {
        Self::with_findings(target, printer, unsent, reads_journal, each)?.require_valid(printer)
    }

    /// Loads and checks the mailing, and passes every letter to `each` while it is checked, before it is known whether the mailing has errors. `unsent` replaces the present as `now()` of a mailing that has not been sent.
    /// With `reads_journal` the journal of earlier runs is verified at the same time.
    /// An `Err` with [`CliError::Input`] has the problems that prevented the check; any other has nothing to do with the mailing itself: a journal that cannot be read, for example.
    pub(crate) fn with_findings(
        target: &Target,
        printer: Printer,
        unsent: Option<Timestamp>,
        reads_journal: bool,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Self, CliError> {
        let loaded = manifest::load(&target.manifest).map_err(CliError::Input)?;
        check_manifest(&loaded.manifest.auth)?;
        let destination = Destination::from_manifest(&loaded.manifest, target.sandbox)?;
        // A rehearsal works with placeholders: that is how a new mailing is tried out.
        if !destination.is_local() {
            let placeholders = placeholders(&loaded);
            if !placeholders.is_empty() {
                return Err(CliError::Input(placeholders));
            }
        }
        let journal_path =
            Journal::path(&loaded.folder, &loaded.manifest.mailing, destination.name());
        // A letter that was sent must render the same on every later run, so `now()` stays at the time of the first send.
        let first_sent = Journal::peek_began(&journal_path)?;
        let now = unsent.filter(|_| first_sent.is_none());
        let now = now.unwrap_or_else(Timestamp::now);
        let began = first_sent.unwrap_or(now);
        let setting = MailingOptions {
            production: destination.is_production(),
            began,
        };
        let mailing = Mailing::open(loaded, setting).map_err(CliError::Input)?;
        // Printed for every check: a wrongly detected encoding or delimiter is seen here first.
        printer.note(format_args!(
            "{}: {}",
            mailing.rows_file().display(),
            mailing.dialect()
        ));
        name_slow_rows(&mailing, printer);
        let (check_report, earlier) = thread::scope(|scope| {
            // Where the system has no thread left, the caller reads it afterwards.
            let read = || earlier_runs(&journal_path);
            let spawn = || thread::Builder::new().spawn_scoped(scope, read).ok();
            let earlier = reads_journal.then(spawn).flatten();
            let check_report = plan::check(&mailing, now, each);
            let earlier = earlier.map(|thread| thread.join().unwrap_or_else(|p| resume_unwind(p)));
            (check_report, earlier)
        });
        Ok(Self {
            mailing,
            check_report: check_report.map_err(CliError::Input)?,
            destination,
            began,
            journal_path,
            proof: None,
            earlier,
        })
    }

    /// Returns the mailing when it has no errors, and prints its warnings.
    pub(crate) fn require_valid(self, printer: Printer) -> Result<Self, CliError> {
        if has_errors(&self.check_report.problems) {
            return Err(CliError::Input(self.check_report.problems));
        }
        printer.problems(&self.check_report.problems);
        Ok(self)
    }

    /// Checks the mailing again with `began` as the time of its first send. Costs nothing when no template uses `now()`.
    pub(crate) fn begun_at(self, began: Timestamp) -> Result<Self, CliError> {
        // With the same `now()`, or without any template that calls it, every letter stays as it is.
        if began == self.began || self.check_report.now.is_none() {
            return Ok(Self { began, ..self });
        }
        let plan = self.check_report.plan;
        let mailing = self.mailing.begun_at(began).map_err(CliError::Input)?;
        let check_report = plan::check(&mailing, began, &mut |_| ());
        let check_report = check_report.map_err(CliError::Input)?;
        if has_errors(&check_report.problems) {
            return Err(CliError::Input(check_report.problems));
        }
        // The second check has read the files again, so a change in between would go unseen otherwise.
        if check_report.plan != plan {
            return Err(CliError::usage(
                "the mailing has changed while it was checked; nothing was sent",
                "leave its files alone, and run the same command again",
            ));
        }
        Ok(Self {
            mailing,
            check_report,
            began,
            ..self
        })
    }

    /// The mailing as its journal names it.
    pub(crate) fn header(&self, target: &Target) -> Header {
        let header = target.header(self.mailing.manifest(), &self.destination);
        match &self.proof {
            // The name of a mailing has no blanks, so this text cannot be mistaken for one.
            Some(proof) => Header {
                mailing: format!(
                    "proofs of {} to {}",
                    header.mailing,
                    proof.recipient().masked()
                ),
                ..header
            },
            None => header,
        }
    }

    /// Renders the letters of these rows again, as the second pass of `send` does. A letter that differs from the checked one is an error.
    pub(crate) fn letters(
        &self,
        rows: Selection,
    ) -> Result<impl Iterator<Item = Result<Box<Delivery>, CliError>>, CliError> {
        let planned = Deliveries::new(&self.mailing, &self.check_report, rows);
        Ok(planned
            .map_err(CliError::Input)?
            .filter_map(|planned| match planned {
                Ok(Planned::Delivery(delivery)) => Some(Ok(delivery)),
                Ok(_) => None,
                Err(changed) => Some(Err(SendError::InputChanged(changed).into())),
            }))
    }

    /// The word for one message: `letter` or `proof`.
    pub(crate) fn noun(&self) -> &'static str {
        if self.proof.is_some() {
            "proof"
        } else {
            "letter"
        }
    }

    /// The plan in two lines: counts and digest.
    pub(crate) fn describe(&self) -> String {
        let report = &self.check_report;
        let due = report.due_text().map(|due| format!("due {due}\n"));
        format!(
            "mailing {} for {}: {}, {}, {} skipped\n{}plan {}",
            self.mailing.manifest().mailing,
            self.destination.name(),
            count(report.rows, "row"),
            count(report.letters, "letter"),
            report.skipped,
            due.unwrap_or_default(),
            report.plan
        )
    }
}

pub(crate) fn earlier_runs(path: &Path) -> EarlierRuns {
    match Journal::read(path) {
        Ok(journal) => Ok(Some(journal)),
        Err(JournalError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Starts a thread that names rows that have been rendering for ten seconds, as long as the mailing lives. A thread cannot be killed from outside, so the user decides.
fn name_slow_rows(mailing: &Mailing, printer: Printer) {
    let file = mailing.rows_file();
    let mut slow_rows = mailing.slow_rows();
    thread::spawn(move || {
        // `None` as soon as the mailing is dropped, which ends the thread.
        while let Some(found) = slow_rows.look() {
            for SlowRow { row, line } in found {
                printer.warn(format_args!(
                    "{}:{line}: row {row} has been rendered for 10 s and is not finished: look for loops within loops; Ctrl-C ends the run",
                    file.display()
                ));
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
}
