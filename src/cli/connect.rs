//! Where a mailing goes and with what token: flags, environment, manifest, in this order.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use massebrev::altinn::{Client, Environment};
use massebrev::manifest::{EnvironmentName, Manifest};
use massebrev::maskinporten::SigningKey;
use massebrev::sandbox::Registration;

use super::key::{KeyArgs, Signer};
use super::origin::{Given, Origin};
use super::way::Caller;
use super::{CliError, Printer};

/// Who asks for tokens, and which of it was a flag.
#[derive(Debug, Clone)]
pub(crate) struct AuthArgs {
    pub(super) inputs: Inputs,
    pub(super) given: Given,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Inputs {
    /// A file with certificates to trust besides the machine's own, in PEM [default: the manifest's auth.caFile]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The client id at Maskinporten [default: the manifest's auth.clientId]
    #[arg(long, value_name = "ID", env = "MASSEBREV_CLIENT_ID")]
    pub(super) client_id: Option<String>,
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// A file with a token that is there already, instead of a key; read again when it changes [default: the manifest's auth.token]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl FromArgMatches for AuthArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let inputs = Inputs::from_arg_matches(matches)?;
        let by_flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let given = Given {
            key_file: inputs.key.has_file().then(|| by_flag("key_file")),
            token_file: inputs
                .token_file
                .clone()
                .map(|path| (path, by_flag("token_file"))),
        };
        Ok(Self { inputs, given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for AuthArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Inputs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Inputs::augment_args_for_update(command)
    }
}

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

    /// One of Altinn's own environments.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Environment::named(name).map(Self::Altinn)
    }

    /// Its name, in the journal and for people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Altinn(environment) => environment.name(),
        }
    }

    /// Whether letters go to real people.
    pub(crate) fn is_production(&self) -> bool {
        matches!(self, Self::Altinn(environment) if environment.is_production())
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Sandbox => true,
            Self::Altinn(environment) => environment.is_local(),
        }
    }
}

impl AuthArgs {
    /// The client of an environment, with the token source the person has given.
    pub(crate) fn connect(
        &self,
        manifest: &Manifest,
        folder: &Path,
        environment: &Environment,
        concurrency: NonZeroU32,
        printer: Printer,
    ) -> Result<Client, CliError> {
        let timeout = manifest.send.timeout.duration();
        let way =
            Caller::Person(self).way(&manifest.auth, folder, environment, timeout, concurrency)?;
        let opened = way.open(&way.origin()?)?;
        for warning in &opened.warnings {
            printer.warn(format_args!("warning: {warning}"));
        }
        Ok(way.client(opened.tokens))
    }
}

/// The sandbox's own client, with the key it hands out.
pub(super) fn of_sandbox(registration: &Registration) -> Result<Signer, CliError> {
    let key = SigningKey::from_text(registration.private_jwk(), None).map_err(|source| {
        CliError::Key {
            place: "the sandbox".to_owned(),
            source,
        }
    })?;
    Ok(Signer {
        key,
        client_id: registration.client_id().to_owned(),
        place: "the sandbox".to_owned(),
        warnings: Vec::new(),
    })
}

/// The client of a sandbox, with the key the sandbox has handed out.
pub(crate) fn connect_sandbox(
    manifest: &Manifest,
    url: &str,
    registration: &Registration,
    concurrency: NonZeroU32,
) -> Result<Client, CliError> {
    let environment = sandbox_at(url)?;
    let timeout = manifest.send.timeout.duration();
    let caller = Caller::Sandbox(registration);
    let way = caller.way(
        &manifest.auth,
        Path::new("."),
        &environment,
        timeout,
        concurrency,
    )?;
    let opened = way.open(&Origin::Key)?;
    Ok(way.client(opened.tokens))
}

/// A sandbox's environment.
pub(crate) fn sandbox_at(url: &str) -> Result<Environment, CliError> {
    Environment::sandbox(url, url).map_err(|error| CliError::Usage {
        message: error.to_string(),
        hint: None,
    })
}
