//! The command line.

use clap::{Parser, Subcommand};

use super::new::NewArgs;
use super::printer::Global;
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

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a mailing to begin with: manifest, schema, recipients and letters
    New(NewArgs),
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
