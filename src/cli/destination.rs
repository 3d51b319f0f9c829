//! Where a mailing goes.

use crate::altinn::Environment;
use crate::manifest::{EnvironmentName, Manifest};

use super::CliError;

/// Where a mailing goes.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// A sandbox of its own, whose addresses are known when it runs.
    Sandbox,
    /// An Altinn that is there already.
    Altinn(Environment),
}

impl Destination {
    pub(crate) fn of(manifest: &Manifest, sandbox: bool) -> Result<Self, CliError> {
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
                Environment::custom(&custom.platform, &custom.maskinporten).map_err(|error| {
                    CliError::Usage {
                        message: error.to_string(),
                        hint: None,
                    }
                })?
            }
        };
        Ok(Self::Altinn(environment))
    }

    /// Its name, in the journal and for people.
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

    /// True when it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Sandbox => true,
            Self::Altinn(environment) => environment.is_local(),
        }
    }
}
