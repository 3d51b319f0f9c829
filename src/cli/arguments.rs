//! The definition of the command line, for parsing and for help.

use std::collections::BTreeSet;
use std::env;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, CommandFactory as _, Parser, Subcommand};

use crate::diagnostic::nearest;
use crate::maskinporten::SECRET_VARIABLES;
use crate::template;

use super::CliError;
use super::about::{CompletionsArgs, ManArgs};
use super::command_line::{TypedCommand, arguments, variable};
use super::explain::ExplainArgs;
use super::new::NewArgs;
use super::printer::{Global, Printer};
use super::render::RenderArgs;
use super::report::ReportArgs;
use super::sandbox::SandboxArgs;
use super::send::SendArgs;
use super::token::TokenArgs;
use super::validate::ValidateArgs;

/// Send official letters in bulk through Altinn 3 Correspondence, each exactly once
#[derive(Debug, Parser)]
#[command(
    name = "massebrev",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit status: 0 all sent · 1 some rows were not sent · 2 wrong input, nothing sent · \
    3 could not start or go on · 4 stopped by itself · 130 interrupted. After 3, 4 and 130 the same command goes on."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands; those with arguments are described where these are.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(NewArgs),
    Validate(ValidateArgs),
    Render(RenderArgs),
    Send(Box<SendArgs>),
    Report(ReportArgs),
    Explain(ExplainArgs),
    Token(Box<TokenArgs>),
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of manifests, for editors and other tools.
    Schema,
    Completions(CompletionsArgs),
    Man(ManArgs),
    /// Print what templates can use, with examples.
    #[command(hide = true, override_help = template::REFERENCE)]
    Templates,
}

/// The beginning of the names of all variables.
const PREFIX: &str = "MASSEBREV_";

/// Variables that are neither a flag's nor a secret.
const OTHER_VARIABLES: [&str; 2] = ["MASSEBREV_GENERATOR_USER", "MASSEBREV_LOG"];

const TEMPLATES: &str = "What templates can use, with examples: massebrev help templates";

impl Cli {
    /// The command line as help shows it: flags in alphabetical order, each with its variable, but without the variable's value, which may be secret.
    pub(crate) fn definition() -> clap::Command {
        let definition = Self::command();
        let names: BTreeSet<String> = arguments(&definition)
            .filter_map(|argument| argument.get_long().map(str::to_owned))
            .collect();
        // `--help` and `--version`, which clap adds by itself, stay last.
        let sorted = |argument: Arg| {
            let Some(name) = argument.get_long().map(str::to_owned) else {
                return argument;
            };
            let place = names.range(..name.clone()).count();
            // A flag names a variable of its own where another command has a flag of the same name with another meaning.
            let argument = match argument.get_env() {
                Some(_) => argument,
                None => argument.env(variable(&name)),
            };
            argument
                .display_order(place)
                // The value of a variable may be a secret, or long.
                .hide_env_values(true)
        };
        definition
            .mut_subcommand("render", |command| command.after_help(TEMPLATES))
            .mut_subcommand("validate", |command| command.after_help(TEMPLATES))
            .mut_args(sorted)
            .mut_subcommands(|command| command.mut_args(sorted))
    }

    /// The definition for parsing. A switch whose variable says `false` loses that variable: clap would count the switch as given and report conflicts with it.
    pub(crate) fn ignoring_false_switches(definition: clap::Command) -> clap::Command {
        let ignoring_false_switches = |argument: Arg| {
            let value = argument.get_env().and_then(env::var_os);
            if argument.get_action().takes_values() || value.is_none_or(|value| value != "false") {
                argument
            } else {
                argument.env(Resettable::Reset)
            }
        };
        definition
            .mut_args(ignoring_false_switches)
            .mut_subcommands(|command| command.mut_args(ignoring_false_switches))
    }
}

/// Names the variable that a refused value comes from, unless its flag was typed.
pub(crate) fn name_variable(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    // As in `--limit <N>`.
    let flag = refused.split(' ').next().unwrap_or_default().to_owned();
    let definition = Cli::definition();
    let command = env::args_os().find_map(|argument| definition.find_subcommand(argument));
    let commands = [Some(&definition), command].into_iter().flatten();
    let mut arguments = commands.flat_map(clap::Command::get_arguments);
    let argument = arguments.find(|argument| argument.get_long() == flag.strip_prefix("--"));
    let variable = argument.and_then(Arg::get_env);
    if let Some(name) = variable.filter(|name| env::var_os(name).is_some())
        && !TypedCommand::new().has(&flag)
    {
        let tip = format!("the value comes from the variable {}", name.display());
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// Warns of variables that look like the program's own and that nothing reads. Their values are never shown. A misspelt flag is an error of `send`: it may have
/// been meant to hold letters back, as `MASSEBREV_LIMIT` does.
pub(crate) fn check_variables(command: &Command, printer: Printer) -> Result<(), CliError> {
    let definition = Cli::definition();
    let flags = arguments(&definition).filter_map(|argument| argument.get_env()?.to_str());
    let known: BTreeSet<&str> = flags
        .chain(SECRET_VARIABLES)
        .chain(OTHER_VARIABLES)
        .collect();
    let names = || known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    let secrets = || {
        SECRET_VARIABLES
            .iter()
            .filter_map(|name| name.strip_prefix(PREFIX))
    };
    for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        let unknown = name.strip_prefix(PREFIX);
        let Some(own) = unknown.filter(|_| !known.contains(&*name)) else {
            continue;
        };
        let extends = |known: &str| {
            own.strip_prefix(known)
                .is_some_and(|end| end.starts_with('_'))
        };
        let near = nearest(own, names().filter(|known| !extends(known)));
        let is_flag = near.is_some_and(|near| secrets().all(|secret| secret != near));
        // Names like MASSEBREV_PROD_KEY and MASSEBREV_KEY2 are people's own, for the manifest to name.
        if !is_flag && secrets().any(|secret| own.contains(secret)) {
            continue;
        }
        let Some(near) = near else {
            printer.warn(format_args!(
                "nothing but a manifest reads the variable {name}"
            ));
            continue;
        };
        let message = format!("nothing reads the variable {name}: did you mean {PREFIX}{near}?");
        // A misspelt secret holds nothing back, and without it nothing is sent.
        if is_flag && matches!(command, Command::Send(_)) {
            let hint = format!("nothing is sent until it is corrected, or gone: unset {name}");
            return Err(CliError::usage(message, hint));
        }
        printer.warn(message);
    }
    Ok(())
}
