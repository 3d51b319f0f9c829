//! `massebrev completions`.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{CliError, ExitStatus, Printer};

/// Print the completions of a shell, to be put where it looks for them
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(
        self,
        mut program: clap::Command,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        // Into memory first: clap_complete panics when its writer fails.
        let mut text = Vec::new();
        generate(self.shell, &mut program, "massebrev", &mut text);
        printer.out(String::from_utf8_lossy(&text).trim_end())?;
        Ok(ExitStatus::Success)
    }
}
