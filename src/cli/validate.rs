//! `massebrev validate`.

use clap::Args;

use super::prepare::Prepared;
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Check everything that can be known offline, for every row.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    target: Target,
}

impl ValidateArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let prepared = Prepared::check(&self.target, printer, &mut |_| Ok(()))?;
        printer.out(prepared.describe())?;
        printer.note(format_args!(
            "next: massebrev render {}",
            self.target.manifest.display()
        ));
        Ok(ExitStatus::Success)
    }
}
