//! The arguments that name a mailing, and the environment it is sent to.

use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::altinn::Environment;
use crate::journal::Header;
use crate::manifest::{EnvironmentName, Manifest};

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

/// The environment a mailing is sent to.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// A sandbox the command starts for itself; its address is known when it runs.
    Sandbox,
    /// An environment that is running already; a sandbox of another process counts.
    Altinn(Environment),
}

impl Destination {
    pub(crate) fn from_manifest(manifest: &Manifest, sandbox: bool) -> Result<Self, CliError> {
        if sandbox {
            return Ok(Self::Sandbox);
        }
        let environment = match &manifest.environment {
            EnvironmentName::Sandbox => return Ok(Self::Sandbox),
            EnvironmentName::Prod => Environment::prod(),
            EnvironmentName::Tt02 => Environment::tt02(),
            EnvironmentName::At22 => Environment::at22(),
            EnvironmentName::At23 => Environment::at23(),
            EnvironmentName::Yt01 => Environment::yt01(),
            EnvironmentName::Custom(custom) => {
                Environment::custom(&custom.platform, &custom.maskinporten)
                    .map_err(CliError::wrong)?
            }
        };
        Ok(Self::Altinn(environment))
    }

    /// The name in journal, reports and messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Altinn(environment) => environment.name(),
        }
    }

    /// True when letters go to real people.
    pub(crate) fn is_production(&self) -> bool {
        matches!(self, Self::Altinn(environment) if environment.is_production())
    }

    /// True when the environment is on this machine, so that no letter can reach a real recipient.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Sandbox => true,
            Self::Altinn(environment) => environment.is_local(),
        }
    }
}
