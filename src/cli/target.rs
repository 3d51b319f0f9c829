//! Which mailing a command is about.

use std::path::PathBuf;

use clap::Args;

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
