//! `massebrev help templates`.

use clap::Args;
use massebrev::template;

use super::{CliError, ExitStatus, Printer};

/// Print what templates can use, with examples.
#[derive(Debug, Args)]
#[command(override_help = template::reference())]
pub(crate) struct TemplatesArgs {}

impl TemplatesArgs {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        printer.out(template::reference().trim_end())?;
        Ok(ExitStatus::Success)
    }
}
