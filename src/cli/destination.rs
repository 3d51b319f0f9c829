//! The environment a mailing is sent to.

use crate::altinn::Environment;
use crate::manifest::{EnvironmentName, Manifest};

use super::CliError;

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
