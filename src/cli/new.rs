//! `massebrev new`: writes a mailing to start from.

use std::path::{Path, PathBuf};

use crate::starter::{Columns, Starter, WriteError, mailing_name};
use clap::Args;
use jiff::Zoned;

use super::command_line::quoted;
use super::{CliError, ExitStatus, Printer};

/// Write a mailing to begin with: manifest, schema, recipients and letters.
///
/// It validates, renders and sends to the sandbox as it is, to four synthetic recipients. With --from it is built around the columns of a file you have;
/// what could be recognised in them is shown. Files that are there already are never overwritten.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to write it in; made when it is not there, and names the mailing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A file with a header and a row for each recipient, as a spreadsheet saves it; copied into DIR
    #[arg(long, value_name = "CSV")]
    from: Option<PathBuf>,
}

impl NewArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let mailing = mailing_name(&name_of(&self.folder), Zoned::now().date());
        let starter = match &self.from {
            Some(csv) => self.starter_from_csv(&mailing, csv, printer)?,
            None => Starter::example(&mailing),
        };
        let written = starter.write(&self.folder).map_err(write_error)?;
        for path in written {
            printer.out(path.display())?;
        }
        let manifest = self.folder.join("mailing.yaml");
        let manifest = quoted(&manifest.display().to_string());
        printer.note(format_args!(
            "next: massebrev validate {manifest}\n      massebrev render {manifest} --html {mailing}-preview.html\n      massebrev send {manifest} --sandbox"
        ));
        Ok(ExitStatus::Success)
    }

    fn starter_from_csv(
        &self,
        mailing: &str,
        csv: &Path,
        printer: Printer,
    ) -> Result<Starter, CliError> {
        // Checked first, because the reader would speak of `recipients.file`, which the user has not written.
        if let Err(error) = std::fs::metadata(csv) {
            return Err(CliError::usage(
                format!("cannot read {}: {error}", csv.display()),
                "--from takes the path of a CSV file",
            ));
        }
        let columns = Columns::recognise(csv).map_err(CliError::Input)?;
        printer.note(format_args!("{}: {columns}", csv.display()));
        let unreadable = columns.unreadable;
        if unreadable > 0 {
            printer.warn(format_args!(
                "warning: rows that cannot be read: {unreadable}; `massebrev validate` says which and why"
            ));
        }
        if !columns.has_key() {
            printer.warn("warning: no column tells all rows apart, so the mailing will not validate: add one and set `recipients.key`");
        }
        Ok(Starter::from_csv(mailing, csv, &columns, &self.folder))
    }
}

/// The last component of the folder's absolute path, so that `.` has a name too.
fn name_of(folder: &Path) -> String {
    let whole = folder
        // Fails for a folder that does not exist yet; then the path as typed is good enough.
        .canonicalize()
        .or_else(|_| std::path::absolute(folder));
    let whole = whole.unwrap_or_else(|_| folder.to_owned());
    whole
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn write_error(error: WriteError) -> CliError {
    match error {
        WriteError::Refused { message, hint } => CliError::usage(message, hint),
        WriteError::Write { path, source } => CliError::file("write", &path)(source),
    }
}
