//! Load, open, check: what every command about a mailing begins with.

use std::path::PathBuf;

use jiff::Timestamp;
use massebrev::journal::Journal;
use massebrev::manifest;
use massebrev::plan::{Checked, Delivery, Mailing, Setting};

use super::connect::Destination;
use super::target::Target;
use super::{CliError, Printer};

/// A mailing that has been checked, row by row.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) mailing: Mailing,
    pub(crate) checked: Checked,
    pub(crate) destination: Destination,
    /// When the mailing was first sent: now, if it has not been.
    pub(crate) began: Timestamp,
    pub(crate) journal_path: PathBuf,
}

impl Prepared {
    /// Loads and checks the mailing, showing every letter to `each`; warnings are printed, errors are the `Err`.
    pub(crate) fn check(
        target: &Target,
        printer: Printer,
        each: &mut dyn FnMut(&Delivery) -> Result<(), CliError>,
    ) -> Result<Self, CliError> {
        let loaded = manifest::load(&target.manifest).map_err(CliError::Input)?;
        let destination = Destination::of(&loaded.manifest, target.sandbox)?;
        let journal_path =
            Journal::path(&loaded.folder, &loaded.manifest.mailing, destination.name());
        let now = Timestamp::now();
        let began = Journal::peek_began(&journal_path)?.unwrap_or(now);
        let setting = Setting {
            production: destination.is_production(),
            began,
        };
        let mut mailing = Mailing::open(loaded, setting).map_err(CliError::Input)?;
        printer.note(format_args!(
            "{}: {}",
            mailing.rows_file().display(),
            mailing.dialect()
        ));
        let mut shown = Ok(());
        let checked = mailing
            .check(now, &mut |delivery| {
                if shown.is_ok() {
                    shown = each(delivery);
                }
            })
            .map_err(CliError::Input)?;
        shown?;
        if checked.problems.has_errors() {
            return Err(CliError::Input(checked.problems));
        }
        printer.problems(&checked.problems);
        Ok(Self {
            mailing,
            checked,
            destination,
            began,
            journal_path,
        })
    }

    /// The plan in a few lines.
    pub(crate) fn describe(&self) -> String {
        let Checked {
            rows,
            letters,
            skipped,
            plan,
            ..
        } = &self.checked;
        let manifest = self.mailing.manifest();
        format!(
            "mailing {} for {}: {rows} rows, {letters} letters, {skipped} skipped\nplan {plan}",
            manifest.mailing,
            self.destination.name(),
        )
    }
}
