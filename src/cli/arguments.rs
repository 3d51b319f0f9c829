//! The command line.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use super::render::RenderArgs;
use super::report::ReportArgs;
use super::sandbox::SandboxArgs;
use super::schema::SchemaArgs;
use super::send::SendArgs;
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

/// What every command takes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Global {
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "MASSEBREV_COLOR"
    )]
    pub(crate) color: ColorChoice,
    /// Say only what is wrong
    #[arg(long, short, global = true, env = "MASSEBREV_QUIET")]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything that can be known offline, for every row
    Validate(ValidateArgs),
    /// Print the exact request of every row, one JSON object a line; nothing is sent
    Render(RenderArgs),
    /// Send the mailing: every outstanding letter, each exactly once
    Send(Box<SendArgs>),
    /// Tell again how a mailing went
    Report(ReportArgs),
    /// Run a local Altinn and Maskinporten to rehearse against
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of manifests
    Schema(SchemaArgs),
}

/// The mailing a command is about, and where it goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The manifest of the mailing
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    /// Use a sandbox of its own instead of the manifest's environment
    #[arg(long, env = "MASSEBREV_SANDBOX")]
    pub(crate) sandbox: bool,
}
