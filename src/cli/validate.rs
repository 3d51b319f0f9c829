//! `massebrev validate`: checks a mailing and prints its problems in one of four formats.

use crate::diagnostic::{Problem, Problems, annotations, count_rows, csv, has_errors, summary};
use crate::manifest;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::check::CheckedMailing;
use super::target::{Destination, Target};
use super::{CliError, ExitStatus, Printer};

/// Check everything that can be known offline, for every row.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    target: Target,
    /// Show every row of a problem, not only the first three
    #[arg(long, env = "MASSEBREV_VALIDATE_ALL")]
    all: bool,
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t = Format::Text, env = "MASSEBREV_VALIDATE_FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for every row and problem, for spreadsheets
    Csv,
    /// Workflow commands, which GitHub shows at their lines
    Github,
    /// One object with every problem, for programs; schema/validation.schema.json describes it
    Json,
    /// For people: equal problems of many rows are one
    Text,
}

impl ValidateArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let printer = printer.with_all_rows(self.all);
        let each = &mut |_: &_| ();
        let checked = match CheckedMailing::with_findings(&self.target, printer, None, false, each)
        {
            Err(CliError::Input(problems)) => Err(problems),
            checked => Ok(checked?),
        };
        let problems = match &checked {
            Ok(checked) => &checked.check_report.problems,
            Err(problems) => problems,
        };
        let status = if has_errors(problems) {
            ExitStatus::Input
        } else {
            ExitStatus::Success
        };
        let written = match self.format {
            // The error is printed here, because only this printer shows all rows.
            Format::Text => {
                let checked = checked.map_err(CliError::Input);
                match checked.and_then(|checked| checked.require_valid(printer)) {
                    Ok(checked) => self.describe(&checked, printer),
                    Err(error) => return Ok(error.print(printer)),
                }
            }
            Format::Json => {
                let checked = checked.as_ref().ok();
                printer.out(format_args!("{:#}", self.object(checked, problems)))
            }
            Format::Github => annotate(checked.as_ref().ok(), problems, printer),
            Format::Csv => csv(problems, &mut anstream::stdout().lock())
                .map_err(CliError::Stdout)
                .inspect(|()| {
                    if !problems.is_empty() {
                        printer.note(summary(problems));
                    }
                }),
        };
        status.after(written, printer)
    }

    fn describe(&self, checked: &CheckedMailing, printer: Printer) -> Result<(), CliError> {
        // The next command is printed even when stdout is closed.
        let written = printer.out(checked.describe());
        let render = self.target.command("render");
        let page = format!("{}-preview.html", checked.mailing.manifest().mailing);
        printer.note(format_args!("next: {render} --html {page}"));
        written
    }

    /// The result as one JSON object; values that could not be determined are null.
    fn object(&self, checked: Option<&CheckedMailing>, problems: &[Problem]) -> Value {
        let wrong = || problems.iter().filter(|problem| problem.is_error());
        let errors = wrong().count();
        // Read again, because it may be right although the mailing could not be checked.
        let manifest = manifest::load(&self.target.manifest).ok();
        let manifest = manifest.map(|loaded| loaded.manifest);
        let destination = manifest
            .as_ref()
            .and_then(|manifest| Destination::from_manifest(manifest, self.target.sandbox).ok());
        let check_report = checked.map(|checked| &checked.check_report);
        // A mailing with errors gets no digest, so that it cannot be approved.
        let plan = check_report.filter(|_| errors == 0);
        json!({
            "manifest": self.target.manifest.display().to_string(),
            "mailing": manifest.map(|manifest| manifest.mailing),
            "environment": destination.as_ref().map(Destination::name),
            "valid": errors == 0,
            "plan": plan.map(|check_report| check_report.plan.to_string()),
            "rows": check_report.map(|check_report| check_report.rows),
            "letters": check_report.map(|check_report| check_report.letters),
            "skipped": check_report.map(|check_report| check_report.skipped),
            "errors": errors,
            "rows_with_errors": count_rows(wrong()),
            "warnings": problems.len() - errors,
            "problems": problems,
        })
    }
}

fn annotate(
    checked: Option<&CheckedMailing>,
    problems: &Problems,
    printer: Printer,
) -> Result<(), CliError> {
    if !problems.is_empty() {
        printer.out(annotations(problems).trim_end())?;
        printer.note(summary(problems));
    }
    match checked {
        Some(checked) if !has_errors(problems) => printer.out(checked.describe()),
        _ => Ok(()),
    }
}
