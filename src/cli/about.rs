//! The commands that describe the program's own command line: `completions` and `man`.

use clap::Args;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

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
        printer.page(&String::from_utf8_lossy(&text))
    }
}

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
        // Fills in what clap derives late, such as the usage line of a subcommand.
        program.build();
        let page = match self.command.as_deref() {
            None => program,
            Some(name) => find_command(&program, name)?,
        };
        let mut text = Vec::new();
        Man::new(page).render(&mut text).map_err(CliError::Stdout)?;
        printer.page(&String::from_utf8_lossy(&text))
    }
}

fn find_command(definition: &clap::Command, name: &str) -> Result<clap::Command, CliError> {
    let mut commands = definition.get_subcommands();
    let page = commands.find(|command| command.get_name() == name);
    let page = page.ok_or_else(|| {
        let names: Vec<_> = definition
            .get_subcommands()
            .map(clap::Command::get_name)
            // clap adds `help` by itself; it has no page of its own.
            .filter(|name| *name != "help")
            .collect();
        CliError::usage(
            format!("there is no command `{name}`"),
            format!("the commands are {}", names.join(", ")),
        )
    })?;
    // Manual pages of subcommands are named like this by convention, as `git-commit` is.
    Ok(page.clone().name(format!("massebrev-{name}")))
}
