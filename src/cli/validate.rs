//! `massebrev validate`.

use clap::{Args, ValueEnum};
use massebrev::diagnostic::{annotations, summary};
use serde_json::{Value, json};

use super::check::{CheckedMailing, MailingCheck};
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Check everything that can be known offline, for every row.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    target: Target,
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t = Format::Text, env = "MASSEBREV_VALIDATE_FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Workflow commands, which GitHub shows at their lines
    Github,
    /// One object with every problem, for programs; schema/validation.schema.json describes it
    Json,
    /// For people: equal problems of many rows are one
    Text,
}

impl ValidateArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let check = MailingCheck::new(&self.target, printer, None, &mut |_| ())?;
        match self.format {
            Format::Text => return self.describe(&check.sound(printer)?, printer),
            Format::Json => printer.out(format_args!("{:#}", self.object(&check)))?,
            Format::Github => annotate(&check, printer)?,
        }
        Ok(if check.problems().has_errors() {
            ExitStatus::Input
        } else {
            ExitStatus::Success
        })
    }

    fn describe(&self, checked: &CheckedMailing, printer: Printer) -> Result<ExitStatus, CliError> {
        printer.out(checked.describe())?;
        printer.note(format_args!("next: {}", self.target.command("render")));
        Ok(ExitStatus::Success)
    }

    /// Everything as one object; unknown values are null.
    fn object(&self, check: &MailingCheck) -> Value {
        let problems = check.problems();
        let (errors, warnings) = problems.counts();
        let (mailing, environment) = check.names.clone().unzip();
        let check_report = check.result.as_ref().ok();
        let check_report = check_report.map(|checked| &checked.check_report);
        // A mailing with errors must not be approved by its digest.
        let plan = check_report.filter(|_| errors == 0);
        json!({
            "manifest": self.target.manifest.display().to_string(),
            "mailing": mailing,
            "environment": environment,
            "valid": errors == 0,
            "plan": plan.map(|check_report| check_report.plan.to_string()),
            "rows": check_report.map(|check_report| check_report.rows),
            "letters": check_report.map(|check_report| check_report.letters),
            "skipped": check_report.map(|check_report| check_report.skipped),
            "errors": errors,
            "warnings": warnings,
            "problems": problems,
        })
    }
}

fn annotate(check: &MailingCheck, printer: Printer) -> Result<(), CliError> {
    let problems = check.problems();
    if !problems.is_empty() {
        printer.out(annotations(problems).trim_end())?;
        printer.note(summary(problems));
    }
    match &check.result {
        Ok(checked) if !problems.has_errors() => printer.out(checked.describe()),
        _ => Ok(()),
    }
}
