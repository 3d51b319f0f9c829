//! The way to an environment: how it is reached, with what token.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use massebrev::altinn::{Authorities, Client, Environment, HttpClient, HttpOptions, http_client};
use massebrev::manifest::{Auth, SecretSource};
use massebrev::maskinporten::{ClientSettings, MaskinportenSource, SubscriptionKey, TokenSource};
use massebrev::sandbox::Registration;
use secrecy::SecretString;

use super::connect::{AuthArgs, of_sandbox};
use super::key::{delegation, exchange};
use super::origin::{Origin, open_to_others, variable};
use super::{CliError, misplaced};

/// Everything on the way to Altinn but the token.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) auth: &'a Auth,
    pub(crate) folder: &'a Path,
    pub(crate) environment: Environment,
    pub(crate) http: HttpClient,
    timeout: Duration,
    caller: Caller<'a>,
    /// What is not right with it, though it works.
    warnings: Vec<String>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// The person at the keyboard.
    Person(&'a AuthArgs),
    /// The sandbox's own client.
    Sandbox(&'a Registration),
}

/// A source of tokens that is ready to be asked.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) tokens: Arc<dyn TokenSource>,
    /// What it is, for people.
    pub(crate) name: String,
    /// What is not right with it, though it works.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Caller<'a> {
    /// The way to an environment, with so many requests under way at a time.
    pub(crate) fn way(
        self,
        auth: &'a Auth,
        folder: &'a Path,
        environment: &Environment,
        timeout: Duration,
        concurrency: NonZeroU32,
    ) -> Result<Way<'a>, CliError> {
        if let Self::Person(_) = self {
            misplaced::look_through(auth)?;
        }
        let options = HttpOptions {
            timeout,
            concurrency: usize::try_from(concurrency.get()).unwrap_or(usize::MAX),
            authorities: self.authorities(auth, folder)?,
        };
        let http = http_client(environment, &options)?;
        let mut environment = environment.clone();
        let mut warnings = Vec::new();
        if let (Self::Person(_), Some(key)) = (self, subscription_key(auth, folder)?) {
            environment = environment.with_subscription_key(key);
            if environment.subscription_key().is_none() {
                warnings.push(format!(
                    "the subscription key does not go to {}: it is for hosts of altinn.no and altinn.cloud",
                    environment.platform()
                ));
            }
        }
        Ok(Way {
            auth,
            folder,
            environment,
            http,
            timeout,
            caller: self,
            warnings,
        })
    }

    fn authorities(self, auth: &Auth, folder: &Path) -> Result<Authorities, CliError> {
        let Self::Person(person) = self else {
            return Ok(Authorities::default());
        };
        let given = person.inputs.ca_file.clone();
        let Some(path) = given.or_else(|| auth.ca_file.as_ref().map(|file| folder.join(file)))
        else {
            return Ok(Authorities::default());
        };
        let pem = std::fs::read(&path).map_err(|source| CliError::File {
            action: "read the certificates in",
            path,
            source,
        })?;
        Ok(Authorities::from_pem(&pem)?)
    }
}

impl<'a> Way<'a> {
    /// Where tokens come from.
    pub(crate) fn origin(&self) -> Result<Origin<'a>, CliError> {
        match self.caller {
            Caller::Person(person) => Origin::find(&person.given, self.auth, self.folder),
            Caller::Sandbox(_) => Ok(Origin::Key),
        }
    }

    /// The source of tokens, with its key read but nothing asked.
    pub(crate) fn open(&self, origin: &Origin<'_>) -> Result<Opened, CliError> {
        let source = origin.open(self.auth, self.folder, &self.environment, &self.http)?;
        if let Some(tokens) = source {
            let mut warnings = self.warnings.clone();
            if let Origin::File(path) = origin
                && open_to_others(path)
            {
                let path = path.display();
                warnings.push(format!(
                    "others on this machine can read the token {path}: chmod 600 {path}"
                ));
            }
            return Ok(Opened {
                tokens,
                name: origin.name(),
                warnings,
            });
        }
        let signer = match self.caller {
            Caller::Person(person) => {
                let client_id = person.inputs.client_id.as_deref();
                let keys = &person.inputs.key;
                keys.signer(client_id, self.auth, self.folder, &self.environment)?
            }
            Caller::Sandbox(registration) => of_sandbox(registration)?,
        };
        let settings = ClientSettings {
            client_id: signer.client_id,
            key: signer.key,
            scopes: self.auth.scopes.clone(),
            maskinporten: self.environment.maskinporten().to_owned(),
            delegation: delegation(self.auth),
            exchange: exchange(self.auth, &self.environment),
            subscription_key: self.environment.subscription_key().cloned(),
        };
        Ok(Opened {
            tokens: Arc::new(MaskinportenSource::new(self.http.clone(), settings)),
            name: format!("the key in {}", signer.place),
            warnings: [self.warnings.clone(), signer.warnings].concat(),
        })
    }

    /// The client that sends.
    pub(crate) fn client(&self, tokens: Arc<dyn TokenSource>) -> Client {
        Client::new(self.http.clone(), &self.environment, tokens).with_timeout(self.timeout)
    }
}

/// The key of Altinn's gateways: from its variable, else from where the manifest says it is.
fn subscription_key(auth: &Auth, folder: &Path) -> Result<Option<SubscriptionKey>, CliError> {
    let text = match (variable(SUBSCRIPTION_KEY), &auth.subscription_key) {
        (Some(text), _) => text,
        (None, Some(source)) => secret(source, folder)?,
        (None, None) => return Ok(None),
    };
    SubscriptionKey::new(&text).map(Some).map_err(|error| {
        CliError::setup(
            error.to_string(),
            format!("check `auth.subscriptionKey` in the manifest, or {SUBSCRIPTION_KEY}"),
        )
    })
}

const SUBSCRIPTION_KEY: &str = "MASSEBREV_SUBSCRIPTION_KEY";

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
