//! `massebrev man`.

use clap::Args;
use clap_mangen::Man;

use super::{CliError, ExitStatus, Printer};

/// Print a manual page: of massebrev, or of one of its commands
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command [default: the whole program]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl ManArgs {
    pub(crate) fn run(
        self,
        mut program: clap::Command,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        program.build();
        let page = match self.command.as_deref() {
            None => program,
            Some(name) => named(&program, name)?,
        };
        let mut text = Vec::new();
        Man::new(page).render(&mut text).map_err(CliError::Stdout)?;
        printer.out(String::from_utf8_lossy(&text).trim_end())?;
        Ok(ExitStatus::Success)
    }
}

fn named(definition: &clap::Command, name: &str) -> Result<clap::Command, CliError> {
    let mut commands = definition.get_subcommands();
    let page = commands.find(|command| command.get_name() == name);
    let page = page.ok_or_else(|| {
        let names: Vec<_> = definition
            .get_subcommands()
            .map(clap::Command::get_name)
            .filter(|name| *name != "help")
            .collect();
        CliError::usage(
            format!("there is no command `{name}`"),
            format!("the commands are {}", names.join(", ")),
        )
    })?;
    Ok(page.clone().name(format!("massebrev-{name}")))
}
