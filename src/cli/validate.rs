//! `massebrev validate`.

use clap::{Args, ValueEnum};
use massebrev::diagnostic::{annotations, summary};
use serde_json::{Value, json};

use super::prepare::{Examined, Prepared};
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

/// How to tell what was found.
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
        let examined = Examined::new(&self.target, printer, None, &mut |_| ())?;
        match self.format {
            Format::Text => return self.describe(&examined.sound(printer)?, printer),
            Format::Json => printer.out(format_args!("{:#}", self.object(&examined)))?,
            Format::Github => annotate(&examined, printer)?,
        }
        Ok(if examined.problems().has_errors() {
            ExitStatus::Input
        } else {
            ExitStatus::Success
        })
    }

    fn describe(&self, prepared: &Prepared, printer: Printer) -> Result<ExitStatus, CliError> {
        printer.out(prepared.describe())?;
        printer.note(format_args!("next: {}", self.target.command("render")));
        Ok(ExitStatus::Success)
    }

    /// Everything as one object; what is not known is null.
    fn object(&self, examined: &Examined) -> Value {
        let problems = examined.problems();
        let (errors, warnings) = problems.counts();
        let (mailing, environment) = examined.names.clone().unzip();
        let checked = examined.result.as_ref().ok();
        let checked = checked.map(|prepared| &prepared.checked);
        // Nobody should approve what is wrong.
        let plan = checked.filter(|_| errors == 0);
        json!({
            "manifest": self.target.manifest.display().to_string(),
            "mailing": mailing,
            "environment": environment,
            "valid": errors == 0,
            "plan": plan.map(|checked| checked.plan.to_string()),
            "rows": checked.map(|checked| checked.rows),
            "letters": checked.map(|checked| checked.letters),
            "skipped": checked.map(|checked| checked.skipped),
            "errors": errors,
            "warnings": warnings,
            "problems": problems,
        })
    }
}

fn annotate(examined: &Examined, printer: Printer) -> Result<(), CliError> {
    let problems = examined.problems();
    if !problems.is_empty() {
        printer.out(annotations(problems).trim_end())?;
        printer.note(summary(problems));
    }
    match &examined.result {
        Ok(prepared) if !problems.has_errors() => printer.out(prepared.describe()),
        _ => Ok(()),
    }
}
