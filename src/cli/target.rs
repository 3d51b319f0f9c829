//! The arguments that name a mailing and its environment.

use std::path::PathBuf;

use clap::Args;

/// The mailing a command is about, and where it goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The manifest of the mailing
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    /// A local sandbox instead of the manifest's environment: nothing leaves this machine
    #[arg(long)]
    pub(crate) sandbox: bool,
}
