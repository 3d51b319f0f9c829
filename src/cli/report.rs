//! `massebrev report`, and the report files that `send` writes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::correspondence::Recipient;
use crate::journal::{Header, Journal, JournalError};
use crate::manifest;
use crate::report::{self, Report, ReportError};
use clap::{Args, ValueEnum};

use super::file::{refuse_foreign, write_whole};
use super::proofs::{latest_journal, recipient};
use super::target::{Destination, Target};
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
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Tell of proofs instead: those that were sent to RECIPIENT last, with `send --proof-to`
    #[arg(long, value_name = "RECIPIENT", env = "MASSEBREV_REPORT_PROOF_TO")]
    proof_to: Option<String>,
}

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

impl Format {
    /// True when a file that begins as `old` may be replaced by this report: it is one too, in this format.
    fn is_own(self, old: &str, report: &Report) -> bool {
        match self {
            // The header line: a foreign CSV has another one.
            Self::Csv => {
                let header = old
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix('\u{feff}'));
                header.is_some_and(|line| line.split(',').eq(report::CSV_HEADERS))
            }
            Self::Html => old.contains("<meta name=\"generator\" content=\"massebrev\">"),
            Self::Json => old.starts_with("{\"version\":") && old.contains("\"mailing\":"),
            // The text begins with the name of the mailing and its environment.
            Self::Text => {
                let header = &report.snapshot.header;
                let subject = format!("{} in {}", header.mailing, header.environment);
                let subject = subject.split([',', ':']).next();
                subject.is_some_and(|subject| old.starts_with(subject))
            }
        }
    }
}

impl ReportArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let to = self.proof_to.as_deref().map(recipient).transpose()?;
        let loaded = manifest::load(&self.target.manifest).map_err(CliError::Input)?;
        let destination = Destination::from_manifest(&loaded.manifest, self.target.sandbox)?;
        let (folder, mailing) = (&loaded.folder, &loaded.manifest.mailing);
        let journal = match &to {
            Some(to) => latest_journal(folder, mailing, destination.name(), to)?
                .ok_or_else(|| self.no_proofs(mailing, to, destination.name()))?,
            None => self.journal(folder, &self.target.header(&loaded.manifest, &destination))?,
        };
        let report = Report::from_journal(&journal)?;
        if let (Some(_), Some(run)) = (&to, &report.run) {
            printer.note(format_args!("proofs of the plan {}", run.plan));
        }
        match &self.output {
            Some(path) => {
                refuse_foreign(path, "report", |old| self.format.is_own(old, &report))?;
                write_whole(path, |to| Ok(write(&report, self.format, None, to)?))?;
            }
            None => {
                write(&report, self.format, None, &mut anstream::stdout().lock())
                    .map_err(not_written(CliError::Stdout))?;
            }
        }
        Ok(ExitStatus::Success)
    }

    fn journal(&self, folder: &Path, header: &Header) -> Result<Journal, CliError> {
        let (mailing, place) = (&header.mailing, &header.environment);
        let path = Journal::path(folder, mailing, place);
        let journal = Journal::read(&path);
        if matches!(journal, Err(JournalError::Missing { .. })) && !path.exists() {
            return Err(CliError::usage(
                format!("{mailing} has not been sent to {place} from here"),
                self.other_command(folder, mailing),
            ));
        }
        let journal = journal?;
        journal.check_header(header)?;
        Ok(journal)
    }

    /// Suggests the command that was probably meant: a rehearsal has a journal of its own, which is shown with `--sandbox` only.
    fn other_command(&self, folder: &Path, mailing: &str) -> String {
        let rehearsal = Journal::path(folder, mailing, Destination::Sandbox.name());
        if !self.target.sandbox && rehearsal.exists() {
            let report = self.target.command("report");
            return format!("there is a rehearsal: {report} --sandbox");
        }
        self.target.command("send")
    }

    fn no_proofs(&self, mailing: &str, to: &Recipient, place: &str) -> CliError {
        let masked = to.masked();
        let command = self.target.command("send");
        // An identity number is never printed in full, not even in a suggested command.
        let to = match to {
            Recipient::Organization(number) => number,
            _ => "RECIPIENT",
        };
        CliError::usage(
            format!("no proofs of {mailing} have been sent to {masked} in {place} from here"),
            format!("{command} --proof-to {to}"),
        )
    }
}

/// Writes the report beside the journal in HTML, CSV and JSON. Returns the paths of those that could be written, and the first error.
pub(crate) fn write_all(report: &Report, journal: &Path) -> (Vec<PathBuf>, Result<(), CliError>) {
    let [html, csv, json] = ["html", "csv", "json"].map(|name| journal.with_extension(name));
    // Only the file name, so that the page finds the CSV after both have been moved.
    let csv_name = csv
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let both = write_whole(&csv, |to_csv| {
        write_whole(&json, |to_json| {
            report::csv_and_json(report, to_csv, to_json)
                .map_err(not_written(CliError::file("write", &csv)))
        })
    });
    let (mut written, mut result) = (Vec::new(), Ok(()));
    for (path, format) in [
        (html, Format::Html),
        (csv, Format::Csv),
        (json, Format::Json),
    ] {
        // Each by itself, since one that cannot be written prevents both.
        let done = if both.is_err() || format == Format::Html {
            write_whole(&path, |to| {
                write(report, format, csv_name.as_deref(), to)
                    .map_err(not_written(CliError::file("write", &path)))
            })
        } else {
            Ok(())
        };
        written.extend(done.is_ok().then_some(path));
        result = result.and(done);
    }
    (written, result)
}

/// Writes a report. `csv` is the name of the file an HTML page refers to when it cannot show all rows.
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

/// Tells an error of the report from one of the place that it is written to.
pub(crate) fn not_written(
    failed: impl Fn(io::Error) -> CliError,
) -> impl Fn(ReportError) -> CliError {
    move |error| match error {
        ReportError::Write(error) => failed(error),
        error => error.into(),
    }
}
