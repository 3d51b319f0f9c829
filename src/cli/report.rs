//! `massebrev report`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use massebrev::journal::Journal;
use massebrev::manifest;
use massebrev::report::{self, Report, ReportError};

use super::connect::Destination;
use super::file::write_whole;
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Tell again how a mailing went.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    target: Target,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text, env = "MASSEBREV_REPORT_FORMAT")]
    format: Format,
    /// Where to write it [default: stdout]
    #[arg(long, short, value_name = "FILE", env = "MASSEBREV_OUTPUT")]
    output: Option<PathBuf>,
}

/// The formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A row of values per letter, for spreadsheets
    Csv,
    /// A page for a browser
    Html,
    /// For programs
    Json,
    /// The summary
    Text,
}

impl ReportArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let loaded = manifest::load(&self.target.manifest).map_err(CliError::Input)?;
        let destination = Destination::of(&loaded.manifest, self.target.sandbox)?;
        let path = Journal::path(&loaded.folder, &loaded.manifest.mailing, destination.name());
        if !path.exists() {
            return Err(CliError::usage(
                format!(
                    "{} has not been sent to {} from here",
                    loaded.manifest.mailing,
                    destination.name()
                ),
                self.target.command("send"),
            ));
        }
        let report = Report::from_journal(&Journal::read(&path)?)?;
        match &self.output {
            Some(path) => write_file(&report, self.format, None, path)?,
            None => {
                write(&report, self.format, None, &mut printer.stdout()).map_err(broken_pipe)?;
            }
        }
        Ok(ExitStatus::Success)
    }
}

/// Writes the report in every format for keeping, beside the journal; gives the files.
pub(crate) fn write_all(report: &Report, journal: &Path) -> Result<Vec<PathBuf>, CliError> {
    let csv = journal.with_extension("csv");
    let csv = csv
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    [
        (Format::Html, "html"),
        (Format::Csv, "csv"),
        (Format::Json, "json"),
    ]
    .into_iter()
    .map(|(format, extension)| {
        let path = journal.with_extension(extension);
        write_file(report, format, csv.as_deref(), &path)?;
        Ok(path)
    })
    .collect()
}

fn write_file(
    report: &Report,
    format: Format,
    csv: Option<&str>,
    path: &Path,
) -> Result<(), CliError> {
    write_whole(path, |to| Ok(write(report, format, csv, to)?))
}

/// `csv` is the file a page can point to, when there are more rows than it shows.
fn write(
    report: &Report,
    format: Format,
    csv: Option<&str>,
    to: &mut dyn Write,
) -> Result<(), ReportError> {
    match format {
        Format::Csv => report::csv(report, to),
        Format::Html => report::html(report, csv, to),
        Format::Json => report::json(report, to),
        Format::Text => report::text(report, to),
    }
}

pub(crate) fn broken_pipe(error: ReportError) -> CliError {
    match error {
        ReportError::Write(error) => CliError::Stdout(error),
        error => error.into(),
    }
}
