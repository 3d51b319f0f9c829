//! The origin of tokens, found by the precedence table in `mod.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::altinn::{Environment, HttpClient};
use crate::manifest::{Auth, GeneratorOrigin, KeySource, Period, TokenOrigin};
use crate::maskinporten::{GENERATOR, GeneratorSettings, KEY_INSTEAD, TokenSource, from_generator};
use secrecy::ExposeSecret as _;

use super::AuthArgs;
use super::key::KEY;
use super::secrets::variable;
use crate::cli::CliError;
use crate::cli::command_line::TypedCommand;

/// The one place that tokens come from, as the manifest names such places. Files of keys and tokens are ready to be opened.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Maskinporten issues them for grants signed with this key.
    Key(KeySource),
    /// They are there already, or others make them.
    Token(TokenOrigin),
}

const TOKEN: &str = "MASSEBREV_TOKEN";
const USER: &str = "MASSEBREV_GENERATOR_USER";
const PASSWORD: &str = "MASSEBREV_GENERATOR_PASSWORD";
/// The lifetime of a generated token when the manifest names none; also the generator's own default.
const GENERATED_LIFETIME: Duration = Duration::from_secs(30 * 60);

impl Origin {
    /// Finds the one origin. Two of the same rank are an error, because it is not clear which one is meant.
    pub(super) fn find(given: &AuthArgs, auth: &Auth, folder: &Path) -> Result<Self, CliError> {
        let key = |file, env| {
            Self::Key(KeySource {
                file,
                env,
                ..KeySource::default()
            })
        };
        let token = |file, env| {
            Self::Token(TokenOrigin {
                file,
                env,
                ..TokenOrigin::default()
            })
        };
        let key_file = given.key_file.clone().map(|file| key(Some(file), None));
        let token_file = given.token_file.clone();
        let token_file = token_file.map(|file| token(Some(file), None));
        let typed = TypedCommand::new();
        // clap reads the variable where there is no flag, so the values below may be of either rank.
        let flags = [("--key-file", &key_file), ("--token-file", &token_file)]
            .map(|(flag, origin)| (flag, origin.clone().filter(|_| typed.has(flag))));
        if let Some(origin) = at_most_one(flags)? {
            return Ok(origin);
        }
        // A variable that the manifest names with `env:` is of the manifest's rank, even when it is massebrev's own.
        let own_variable = |name: &str| {
            let key = auth.key.as_ref().and_then(|key| key.env.as_deref());
            let token = auth.token.as_ref().and_then(|token| token.env.as_deref());
            let is_manifests = key == Some(name) || token == Some(name);
            (variable(name).is_some() && !is_manifests).then(|| name.to_owned())
        };
        let key_variable = own_variable(KEY).map(|name| key(None, Some(name)));
        let token_variable = own_variable(TOKEN).map(|name| token(None, Some(name)));
        let variables = [
            ("MASSEBREV_KEY_FILE", key_file),
            (KEY, key_variable),
            ("MASSEBREV_TOKEN_FILE", token_file),
            (TOKEN, token_variable),
        ];
        if let Some(origin) = at_most_one(variables)? {
            return Ok(origin);
        }
        let in_folder = |file: &PathBuf| folder.join(file);
        Ok(match &auth.token {
            Some(token) => Self::Token(TokenOrigin {
                file: token.file.as_ref().map(in_folder),
                ..token.clone()
            }),
            // Without any key the origin is the variable: it is not set, so the error will name it.
            None => Self::Key(KeySource {
                file: (auth.key.as_ref()).and_then(|key| key.file.as_ref().map(in_folder)),
                ..auth.key.clone().unwrap_or_default()
            }),
        })
    }
}

pub(super) fn token_generator(
    origin: &GeneratorOrigin,
    auth: &Auth,
    environment: &Environment,
    http: HttpClient,
) -> Result<Arc<dyn TokenSource>, CliError> {
    // Altinn's generator makes tokens for its test environments only; production would refuse them.
    if environment.is_production() {
        let message = format!("test tokens are not for {}", environment.name());
        return Err(CliError::setup(message, KEY_INSTEAD));
    }
    let needed = |name: &str| {
        variable(name).ok_or_else(|| {
            CliError::setup(
                format!("the test token generator cannot be asked: {name} is not set"),
                format!(
                    "set {USER} and {PASSWORD} to what Altinn has given you for its test tools"
                ),
            )
        })
    };
    let address = origin.address.as_deref().unwrap_or(GENERATOR);
    let environment = origin.environment.as_deref().unwrap_or(environment.name());
    let settings = GeneratorSettings {
        address: address.to_owned(),
        environment: environment.to_owned(),
        scopes: auth.scopes.clone(),
        org: origin.org.clone(),
        org_no: origin.org_no.clone(),
        lifetime: origin.ttl.map_or(GENERATED_LIFETIME, Period::duration),
        user: needed(USER)?.expose_secret().to_owned(),
        password: needed(PASSWORD)?,
    };
    from_generator(http, settings).map_err(|error| CliError::setup(error.to_string(), error.hint))
}

fn at_most_one<const N: usize>(
    rank: [(&'static str, Option<Origin>); N],
) -> Result<Option<Origin>, CliError> {
    let mut found = rank
        .into_iter()
        .filter_map(|(name, origin)| Some((name, origin?)));
    match (found.next(), found.next()) {
        (Some((one, _)), Some((two, _))) => Err(CliError::usage(
            format!("tokens have two sources: {one} and {two}"),
            "give one of them",
        )),
        (first, _) => Ok(first.map(|(_, origin)| origin)),
    }
}
