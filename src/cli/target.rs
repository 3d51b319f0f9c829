//! The arguments that name a mailing and its environment.

use std::path::PathBuf;

use clap::Args;

use super::destination::Destination;
use crate::journal::Header;
use crate::manifest::Manifest;

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

impl Target {
    /// The mailing as the journal of its letters names it.
    pub(crate) fn header(&self, manifest: &Manifest, destination: &Destination) -> Header {
        Header {
            mailing: manifest.mailing.clone(),
            environment: destination.name().to_owned(),
            resource: manifest.resource().unwrap_or("several").to_owned(),
            manifest: self.manifest.display().to_string(),
        }
    }
}
