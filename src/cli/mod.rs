//! The command-line interface: arguments, terminal output and exit statuses. No other module knows of these.

mod about;
mod arguments;
mod auth;
mod check;
mod check_report;
mod choose;
mod command_line;
mod confirm;
mod doctor;
mod error;
mod events;
mod explain;
mod file;
mod interrupt;
mod new;
mod own_sandbox;
mod printer;
mod progress;
mod proofs;
mod render;
mod report;
mod resume;
mod sandbox;
mod send;
mod target;
mod token;
mod validate;

use crate::{manifest, template};
use clap::FromArgMatches as _;

use arguments::{Cli, Command};
use error::{CliError, ExitStatus};
use printer::{Global, Printer};

pub(crate) fn run() -> ExitStatus {
    let definition = Cli::definition();
    // Before parsing: clap's errors quote the arguments they refuse, and one of them may be a secret.
    if let Err(error) = auth::check_command_line(&definition) {
        return error.print(Printer::new(Global::default()));
    }
    let parsed = Cli::ignoring_false_switches(definition)
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let error = arguments::name_variable(error);
            // Help and version go to stdout, mistakes to stderr; a closed pipe changes nothing.
            let _ = error.print();
            return if error.use_stderr() {
                ExitStatus::Input
            } else {
                ExitStatus::Success
            };
        }
    };
    let printer = Printer::new(cli.global);
    Printer::start_logging();
    if let Err(error) = arguments::check_variables(&cli.command, printer) {
        return error.print(printer);
    }
    let ended = match cli.command {
        Command::New(arguments) => arguments.run(printer),
        Command::Validate(arguments) => arguments.run(printer),
        Command::Render(arguments) => arguments.run(printer),
        Command::Send(arguments) => (*arguments).run(printer),
        Command::Report(arguments) => arguments.run(printer),
        Command::Explain(arguments) => arguments.run(printer),
        Command::Token(arguments) => (*arguments).run(printer),
        Command::Sandbox(arguments) => arguments.run(printer),
        Command::Schema => printer.page(&manifest::schema_text()),
        Command::Completions(arguments) => arguments.run(Cli::definition(), printer),
        Command::Man(arguments) => arguments.run(Cli::definition(), printer),
        Command::Templates => printer.page(template::REFERENCE),
    };
    ended.unwrap_or_else(|error| error.print(printer))
}
