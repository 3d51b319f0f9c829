//! Load, open, check: what every command about a mailing begins with.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::diagnostic::{Problem, Problems};
use crate::journal::Journal;
use crate::manifest::{self, LoadedManifest};
use crate::plan::{self, CheckReport, Delivery, Mailing, MailingOptions, Proof, SlowRow};
use crate::starter::EXAMPLE_RESOURCE;
use crate::text::count;
use jiff::Timestamp;
use serde_json::Value;

use super::auth::check_manifest;
use super::destination::Destination;
use super::target::Target;
use super::{CliError, Printer};

/// A mailing that has been checked, row by row.
#[derive(Debug)]
pub(crate) struct CheckedMailing {
    pub(crate) mailing: Mailing,
    pub(crate) check_report: CheckReport,
    pub(crate) destination: Destination,
    /// When the mailing was first sent: now, or the time that was asked for, if it has not been.
    pub(crate) began: Timestamp,
    pub(crate) journal_path: PathBuf,
    /// The recipient of the proofs, when the letters are proofs.
    pub(crate) proof: Option<Proof>,
}

/// A mailing as far as it could be looked at.
#[derive(Debug)]
pub(crate) struct MailingCheck {
    /// The mailing's name and where it goes, when the manifest could be read.
    pub(crate) names: Option<(String, String)>,
    /// The mailing with what was found in it, or what stood in the way.
    pub(crate) result: Result<CheckedMailing, Problems>,
}

impl MailingCheck {
    /// Loads and checks the mailing, showing every letter to `each`; `unsent` is what `now()` is in a mailing that has not been sent, if not the present. The `Err` is what has nothing to do with the mailing itself.
    pub(crate) fn new(
        target: &Target,
        printer: Printer,
        unsent: Option<Timestamp>,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Self, CliError> {
        let loaded = match manifest::load(&target.manifest) {
            Ok(loaded) => loaded,
            Err(problems) => {
                return Ok(Self {
                    names: None,
                    result: Err(problems),
                });
            }
        };
        check_manifest(&loaded.manifest.auth)?;
        let destination = Destination::of(&loaded.manifest, target.sandbox)?;
        let names = (
            loaded.manifest.mailing.clone(),
            destination.name().to_owned(),
        );
        if !destination.is_local() {
            let placeholders = placeholders(&loaded);
            if !placeholders.is_empty() {
                return Ok(Self {
                    names: Some(names),
                    result: Err(placeholders),
                });
            }
        }
        Ok(Self {
            names: Some(names),
            result: CheckedMailing::new(loaded, destination, printer, unsent, each)?,
        })
    }

    /// Everything that was found.
    pub(crate) fn problems(&self) -> &Problems {
        match &self.result {
            Ok(checked) => &checked.check_report.problems,
            Err(problems) => problems,
        }
    }

    /// The mailing when nothing stands in its way; warnings are printed.
    pub(crate) fn sound(self, printer: Printer) -> Result<CheckedMailing, CliError> {
        let checked = self.result.map_err(CliError::Input)?;
        if checked.check_report.problems.has_errors() {
            return Err(CliError::Input(checked.check_report.problems));
        }
        printer.problems(&checked.check_report.problems);
        Ok(checked)
    }
}

/// What `massebrev new` has written for its user to replace: Altinn would refuse it for every letter, or send another agency's.
fn placeholders(loaded: &LoadedManifest) -> Problems {
    let resource = loaded.manifest.correspondence.get("resourceId");
    let is_example = resource.and_then(Value::as_str) == Some(EXAMPLE_RESOURCE);
    let resource = is_example.then(|| {
        Problem::error(
            loaded.place("/correspondence/resourceId"),
            format!("`{EXAMPLE_RESOURCE}` is the placeholder of `massebrev new`"),
        )
        .with_hint("write the id of your resource in Altinn's resource registry; to rehearse before you have one, pass --sandbox")
    });
    let client = loaded.manifest.auth.client_id.as_deref();
    // A flag and a variable win over the manifest.
    let is_given = std::env::var_os("MASSEBREV_CLIENT_ID").is_some()
        || std::env::args().any(|argument| argument.starts_with("--client-id"));
    let client = client.filter(|id| is_zero(id) && !is_given).map(|_| {
        Problem::error(
            loaded.place("/auth/clientId"),
            "the client id is a placeholder: only zeros",
        )
        .with_hint("write the id of your client in Maskinporten; to rehearse before you have one, pass --sandbox")
    });
    [client, resource].into_iter().flatten().collect()
}

/// True for an id that has digits, and only zeros.
fn is_zero(id: &str) -> bool {
    id.contains('0') && id.chars().all(|c| matches!(c, '0' | '-'))
}

impl CheckedMailing {
    /// Loads and checks the mailing; warnings are printed, errors are the `Err`.
    pub(crate) fn check(target: &Target, printer: Printer) -> Result<Self, CliError> {
        Self::check_each(target, printer, &mut |_| ())
    }

    /// The same, as it would have been checked at another time if nothing of it has been sent.
    pub(crate) fn check_as_of(
        target: &Target,
        printer: Printer,
        unsent: Option<Timestamp>,
    ) -> Result<Self, CliError> {
        MailingCheck::new(target, printer, unsent, &mut |_| ())?.sound(printer)
    }

    /// The same, showing every letter to `each` as it is checked: before it is known whether anything stands in the way.
    pub(crate) fn check_each(
        target: &Target,
        printer: Printer,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Self, CliError> {
        MailingCheck::new(target, printer, None, each)?.sound(printer)
    }

    fn new(
        loaded: LoadedManifest,
        destination: Destination,
        printer: Printer,
        unsent: Option<Timestamp>,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Result<Self, Problems>, CliError> {
        let journal_path =
            Journal::path(&loaded.folder, &loaded.manifest.mailing, destination.name());
        let first_sent = Journal::peek_began(&journal_path)?;
        let now = unsent.filter(|_| first_sent.is_none());
        let now = now.unwrap_or_else(Timestamp::now);
        let began = first_sent.unwrap_or(now);
        let setting = MailingOptions {
            production: destination.is_production(),
            began,
        };
        let mailing = match Mailing::open(loaded, setting) {
            Ok(mailing) => mailing,
            Err(problems) => return Ok(Err(problems)),
        };
        printer.note(format_args!(
            "{}: {}",
            mailing.rows_file().display(),
            mailing.dialect()
        ));
        name_slow_rows(&mailing, printer);
        let check_report = plan::check(&mailing, now, each);
        Ok(check_report.map(|check_report| Self {
            mailing,
            check_report,
            destination,
            began,
            journal_path,
            proof: None,
        }))
    }

    /// The same as it was then, had it been sent first at that time.
    pub(crate) fn begun_at(self, began: Timestamp) -> Result<Self, CliError> {
        if began == self.began || self.check_report.now.is_none() {
            return Ok(Self { began, ..self });
        }
        let plan = self.check_report.plan;
        let mailing = self.mailing.begun_at(began).map_err(CliError::Input)?;
        let check_report = plan::check(&mailing, began, &mut |_| ());
        let check_report = check_report.map_err(CliError::Input)?;
        if check_report.problems.has_errors() {
            return Err(CliError::Input(check_report.problems));
        }
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

    /// `letter`, or `proof`.
    pub(crate) fn noun(&self) -> &'static str {
        if self.proof.is_some() {
            "proof"
        } else {
            "letter"
        }
    }

    /// The plan in a few lines.
    pub(crate) fn describe(&self) -> String {
        let CheckReport {
            rows,
            letters,
            skipped,
            plan,
            ..
        } = &self.check_report;
        let manifest = self.mailing.manifest();
        let due = self.check_report.due_text();
        let due = due.map(|due| format!("due {due}\n")).unwrap_or_default();
        format!(
            "mailing {} for {}: {}, {}, {skipped} skipped\n{due}plan {plan}",
            manifest.mailing,
            self.destination.name(),
            count(*rows, "row"),
            count(*letters, "letter"),
        )
    }
}

/// Names rows that have been rendered for ten seconds while they still are, as long as the mailing is there. A thread cannot be ended: whoever runs the program decides.
fn name_slow_rows(mailing: &Mailing, printer: Printer) {
    let file = mailing.rows_file();
    let mut slow_rows = mailing.slow_rows();
    thread::spawn(move || {
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
