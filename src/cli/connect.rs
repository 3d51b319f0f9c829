//! Where a mailing goes and with what key: flags, environment, manifest, in this order.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use massebrev::altinn::{Client, Environment, http_client};
use massebrev::manifest::{EnvironmentName, Manifest, SecretSource};
use massebrev::maskinporten::{Settings, SigningKey, Tokens};
use massebrev::sandbox::Registration;
use secrecy::SecretString;

use super::key::{KeyArgs, delegation, exchange};
use super::{CliError, Printer};

/// Who asks for tokens.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuthArgs {
    /// The client id at Maskinporten [default: the manifest's auth.clientId]
    #[arg(long, value_name = "ID", env = "MASSEBREV_CLIENT_ID")]
    client_id: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
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
    /// The client of an environment, with the key the person has given.
    pub(crate) fn connect(
        &self,
        manifest: &Manifest,
        folder: &Path,
        environment: &Environment,
        concurrency: NonZeroU32,
        printer: Printer,
    ) -> Result<Client, CliError> {
        let client_id = self.client_id.as_deref();
        let signer = self
            .key
            .signer(client_id, &manifest.auth, folder, environment)?;
        for warning in &signer.warnings {
            printer.warn(format_args!("warning: {warning}"));
        }
        let subscription_key = manifest
            .auth
            .subscription_key
            .as_ref()
            .map(|source| secret(source, folder))
            .transpose()?;
        let caller = Caller {
            client_id: signer.client_id,
            key: signer.key,
            subscription_key,
        };
        client(manifest, environment, caller, concurrency)
    }
}

/// The client of a sandbox, with the key the sandbox has handed out.
pub(crate) fn connect_sandbox(
    manifest: &Manifest,
    url: &str,
    registration: &Registration,
    concurrency: NonZeroU32,
) -> Result<Client, CliError> {
    let environment = Environment::sandbox(url, url).map_err(|error| CliError::Usage {
        message: error.to_string(),
        hint: None,
    })?;
    let key = SigningKey::from_text(registration.private_jwk(), None).map_err(|source| {
        CliError::Key {
            place: "the sandbox".to_owned(),
            source,
        }
    })?;
    let caller = Caller {
        client_id: registration.client_id().to_owned(),
        key,
        subscription_key: None,
    };
    client(manifest, &environment, caller, concurrency)
}

/// Who calls, with everything that proves it.
struct Caller {
    client_id: String,
    key: SigningKey,
    subscription_key: Option<SecretString>,
}

fn client(
    manifest: &Manifest,
    environment: &Environment,
    caller: Caller,
    concurrency: NonZeroU32,
) -> Result<Client, CliError> {
    let Caller {
        client_id,
        key,
        subscription_key,
    } = caller;
    let concurrency = usize::try_from(concurrency.get()).unwrap_or(usize::MAX);
    let http = http_client(environment, manifest.send.timeout.duration(), concurrency)?;
    let settings = Settings {
        client_id,
        key,
        scopes: manifest.auth.scopes.clone(),
        delegation: delegation(&manifest.auth),
        maskinporten: environment.maskinporten().to_owned(),
        exchange: exchange(&manifest.auth, environment),
        subscription_key: subscription_key.clone(),
    };
    let tokens = Arc::new(Tokens::new(http.clone(), settings));
    Ok(Client::new(http, environment, tokens)
        .with_subscription_key(subscription_key)
        .with_timeout(manifest.send.timeout.duration()))
}

/// A secret from where the manifest says it is.
fn secret(source: &SecretSource, folder: &Path) -> Result<SecretString, CliError> {
    let text = match (&source.file, &source.env) {
        (Some(file), _) => {
            let path = folder.join(file);
            std::fs::read_to_string(&path).map_err(|source| CliError::File {
                action: "read",
                path,
                source,
            })?
        }
        (None, variable) => {
            let variable = variable.clone().unwrap_or_default();
            std::env::var(&variable).map_err(|_| {
                CliError::setup(
                    format!("{variable} is not set"),
                    "set it, or correct `auth` in the manifest",
                )
            })?
        }
    };
    Ok(text.trim().into())
}
