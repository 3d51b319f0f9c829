//! The connection to an environment, and the source of its tokens.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::altinn::{Client, Environment, HttpClient, HttpOptions};
use crate::manifest::{Auth, TokenOrigin};
use crate::maskinporten::{
    ClientSettings, Delegation, SubscriptionKey, SystemUser, TokenCommand, TokenError, TokenSource,
    from_command, from_file, from_key, from_token, read_token,
};
use crate::plan::Mailing;
use crate::sandbox::Registration;
use secrecy::ExposeSecret as _;

use super::key::Signer;
use super::origin::{Origin, token_generator};
use super::secrets::{self, variable, warn_if_open};
use super::{AuthArgs, secret_guard};
use crate::cli::{CliError, Printer};

#[derive(Debug)]
pub(crate) struct Connection<'a> {
    pub(crate) auth: &'a Auth,
    pub(crate) environment: Environment,
    pub(crate) http: HttpClient,
    folder: &'a Path,
    timeout: Duration,
    credentials: Credentials<'a>,
    warnings: Vec<String>,
}

/// The client on whose behalf tokens are requested.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credentials<'a> {
    Given(&'a AuthArgs),
    Sandbox(&'a Registration),
}

#[derive(Debug)]
pub(crate) struct OpenedSource {
    pub(crate) tokens: Arc<dyn TokenSource>,
    /// The source as messages name it.
    pub(crate) name: String,
    /// Doubts that do not stop the source from working, such as a key file that others can read.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Connection<'a> {
    /// Prepares the connection without using the network. `concurrency` is the number of requests in flight.
    pub(crate) fn new(
        credentials: Credentials<'a>,
        auth: &'a Auth,
        folder: &'a Path,
        environment: &Environment,
        timeout: Duration,
        concurrency: NonZeroU32,
    ) -> Result<Self, CliError> {
        let mut options = HttpOptions {
            timeout,
            concurrency: usize::try_from(concurrency.get()).unwrap_or(usize::MAX),
            ..HttpOptions::default()
        };
        let mut environment = environment.clone();
        let mut warnings = Vec::new();
        if let Credentials::Given(given) = credentials {
            // Before any error can quote a name from the manifest: it may be a secret that was put in the wrong place.
            secret_guard::check_manifest(auth)?;
            // A path in the manifest is relative to the manifest's folder, a path in a flag to the working directory.
            let in_manifest = || auth.ca_file.as_ref().map(|file| folder.join(file));
            if let Some(path) = given.ca_file.clone().or_else(in_manifest) {
                options.trust(&secrets::read(&path, "read the certificates in")?)?;
            }
            if let Some(key) = subscription_key(auth, folder)? {
                environment = environment.with_subscription_key(key);
                // `with_subscription_key` drops the key for hosts outside Altinn: it is a secret, and a custom environment may be anyone's server.
                if environment.subscription_key().is_none() {
                    warnings.push(format!(
                        "the subscription key does not go to {}: it is for hosts of altinn.no and altinn.cloud",
                        environment.platform()
                    ));
                }
            }
        }
        Ok(Self {
            http: environment.http_client(&options)?,
            auth,
            environment,
            folder,
            timeout,
            credentials,
            warnings,
        })
    }

    /// True when tokens are bought with a key; also false when no origin can be determined.
    pub(crate) fn has_key(&self) -> bool {
        match self.credentials {
            Credentials::Sandbox(_) => true,
            Credentials::Given(given) => matches!(
                Origin::find(given, self.auth, self.folder),
                Ok(Origin::Key(_))
            ),
        }
    }

    /// Opens the token source: reads its key, but requests no token yet.
    pub(crate) fn open(&self) -> Result<OpenedSource, CliError> {
        let (auth, folder, environment) = (self.auth, self.folder, &self.environment);
        let signer = match self.credentials {
            Credentials::Sandbox(registration) => Signer::for_sandbox(registration)?,
            Credentials::Given(given) => match Origin::find(given, auth, folder)? {
                Origin::Key(key) => Signer::find(&key, given, auth, folder, environment)?,
                Origin::Token(token) => return self.open_token(token),
            },
        };
        let system_user = auth.system_user.as_ref();
        let settings = ClientSettings {
            client_id: signer.client_id,
            key: signer.key,
            scopes: auth.scopes.clone(),
            maskinporten: environment.maskinporten().to_owned(),
            delegation: Delegation {
                resource: auth.resource.clone(),
                consumer_org: auth.consumer_org.clone(),
                system_user: system_user.map(|user| SystemUser {
                    organization: user.organization.clone(),
                    external_ref: user.external_ref.clone(),
                }),
            },
            // `?test=true` asks Altinn to treat a token of Digdir as one of its test organisation `ttd`.
            exchange: auth.exchange.then(|| {
                let test = if auth.test_organization {
                    "?test=true"
                } else {
                    ""
                };
                format!("{}{test}", environment.exchange_url())
            }),
            subscription_key: environment.subscription_key().cloned(),
        };
        Ok(OpenedSource {
            tokens: from_key(self.http.clone(), settings),
            name: format!("the key in {}", signer.place),
            warnings: [self.warnings.clone(), signer.warnings].concat(),
        })
    }

    fn open_token(&self, token: TokenOrigin) -> Result<OpenedSource, CliError> {
        let (auth, environment) = (self.auth, &self.environment);
        let mut warnings = self.warnings.clone();
        let (tokens, name) = if let Some(path) = token.file {
            warnings.extend(warn_if_open(&path, "token"));
            let name = format!("the token file {}", path.display());
            (from_file(path), name)
        } else if let Some(place) = token.env {
            let text = variable(&place).ok_or_else(|| {
                CliError::setup(
                    format!("there is no token: {place} is not set"),
                    format!("set {place} to a token, or correct `auth.token` in the manifest"),
                )
            })?;
            let token = read_token(text.expose_secret(), &place).map_err(TokenError::from)?;
            let name = format!("the token in {place}");
            if token.claims().is_none() {
                // Only a warning: Altinn decides, and another issuer's token may be opaque by design.
                warnings.push(format!(
                    "{name} cannot be read: it is not a JWT, as Altinn's and Maskinporten's tokens are"
                ));
            }
            (from_token(token, place), name)
        } else if let Some(command) = token.command {
            let program = command.first().map(String::as_str).unwrap_or_default();
            // The program's environment names the token that is wanted.
            let wanted = TokenCommand::new(&command, self.folder)
                .with_variable("MASSEBREV_TOKEN_ENVIRONMENT", environment.name())
                .with_variable("MASSEBREV_TOKEN_SCOPES", auth.scopes.join(" "));
            (
                from_command(wanted),
                format!("the token command `{program}`"),
            )
        } else {
            // One of the four is there, as the schema says.
            let origin = token.generator.unwrap_or_default();
            let tokens = token_generator(&origin, auth, environment, self.http.clone())?;
            (tokens, "the test token generator".to_owned())
        };
        Ok(OpenedSource {
            tokens,
            name,
            warnings,
        })
    }

    /// The API client that requests its tokens from `tokens`.
    pub(crate) fn client(&self, tokens: Arc<dyn TokenSource>) -> Client {
        Client::new(self.http.clone(), &self.environment, tokens).with_timeout(self.timeout)
    }
}

impl Credentials<'_> {
    /// Connects for a mailing and prints the warnings of its token source. `concurrency` wins over the manifest's.
    pub(crate) fn connect(
        self,
        mailing: &Mailing,
        environment: &Environment,
        concurrency: Option<NonZeroU32>,
        printer: Printer,
    ) -> Result<Client, CliError> {
        let (manifest, folder) = (mailing.manifest(), mailing.folder());
        let timeout = manifest.send.timeout.duration();
        let concurrency = concurrency.unwrap_or(manifest.send.concurrency);
        let auth = &manifest.auth;
        let connection = Connection::new(self, auth, folder, environment, timeout, concurrency)?;
        let opened = connection.open()?;
        opened.warn(printer);
        Ok(connection.client(opened.tokens))
    }
}

impl OpenedSource {
    pub(crate) fn warn(&self, printer: Printer) {
        for warning in &self.warnings {
            printer.warn(format_args!("warning: {warning}"));
        }
    }
}

/// The key that some of Altinn's API gateways ask for, when one is configured.
fn subscription_key(auth: &Auth, folder: &Path) -> Result<Option<SubscriptionKey>, CliError> {
    let member = ("auth.subscriptionKey", auth.subscription_key.as_ref());
    let variable = "MASSEBREV_SUBSCRIPTION_KEY";
    let found = secrets::find("subscription key", variable, member, folder)?;
    let key = found.map(|text| SubscriptionKey::new(&text)).transpose();
    key.map_err(|error| {
        let hint = format!("check `{}` in the manifest, or {variable}", member.0);
        CliError::setup(error.to_string(), hint)
    })
}
