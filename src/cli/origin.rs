//! Where tokens come from: flag, environment, manifest, in this order, and from one place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use massebrev::altinn::{Environment, HttpClient};
use massebrev::manifest::{Auth, GeneratorOrigin, Period};
use massebrev::maskinporten::{
    GENERATOR, GeneratorError, GeneratorSettings, StaticToken, TokenCommand, TokenFile,
    TokenGenerator, TokenSource,
};
use secrecy::{ExposeSecret, SecretString};

use super::CliError;

/// Where tokens come from.
#[derive(Debug)]
pub(crate) enum Origin<'a> {
    /// They are bought with a key, which is read elsewhere.
    Key,
    /// A token that is there already, and the variable it is in.
    Ready(SecretString, String),
    /// A file with a token.
    File(PathBuf),
    /// A program.
    Command(&'a [String]),
    /// Altinn's generator of test tokens.
    Generator(&'a GeneratorOrigin),
}

/// What the command line and clap's variables say about tokens, and which of them was a flag.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) key_file: Option<bool>,
    pub(crate) token_file: Option<(PathBuf, bool)>,
}

const KEY: &str = "MASSEBREV_KEY";
const TOKEN: &str = "MASSEBREV_TOKEN";
const USER: &str = "MASSEBREV_GENERATOR_USER";
const PASSWORD: &str = "MASSEBREV_GENERATOR_PASSWORD";
/// As the generator itself has it.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

impl<'a> Origin<'a> {
    /// The one place; two of the same rank are a mistake that nobody can mend by guessing.
    pub(crate) fn find(given: &Given, auth: &'a Auth, folder: &Path) -> Result<Self, CliError> {
        let token_file = |by_flag| {
            given
                .token_file
                .as_ref()
                .filter(|(_, flag)| *flag == by_flag)
                .map(|(path, _)| Self::File(path.clone()))
        };
        let flags = [
            (given.key_file == Some(true)).then_some(("--key-file", Self::Key)),
            token_file(true).map(|file| ("--token-file", file)),
        ];
        if let Some(origin) = only(flags)? {
            return Ok(origin);
        }
        let named = |name: &str| {
            let key = auth.key.as_ref().and_then(|key| key.env.as_deref());
            let token = auth.token.as_ref().and_then(|token| token.env.as_deref());
            key == Some(name) || token == Some(name)
        };
        // A variable the manifest itself names is the manifest's.
        let variables = [
            (given.key_file == Some(false)).then_some(("MASSEBREV_KEY_FILE", Self::Key)),
            (!named(KEY) && variable(KEY).is_some()).then_some((KEY, Self::Key)),
            token_file(false).map(|file| ("MASSEBREV_TOKEN_FILE", file)),
            variable(TOKEN)
                .filter(|_| !named(TOKEN))
                .map(|token| (TOKEN, Self::Ready(token, TOKEN.to_owned()))),
        ];
        match only(variables)? {
            Some(origin) => Ok(origin),
            None => Self::of_manifest(auth, folder),
        }
    }

    fn of_manifest(auth: &'a Auth, folder: &Path) -> Result<Self, CliError> {
        let Some(token) = &auth.token else {
            return Ok(Self::Key);
        };
        if let Some(file) = &token.file {
            return Ok(Self::File(folder.join(file)));
        }
        if let Some(name) = &token.env {
            let token = variable(name).ok_or_else(|| {
                CliError::setup(
                    format!("there is no token: {name} is not set"),
                    format!("set {name} to a token, or correct `auth.token` in the manifest"),
                )
            })?;
            return Ok(Self::Ready(token, name.clone()));
        }
        if let Some(command) = &token.command {
            return Ok(Self::Command(command));
        }
        Ok(token.generator.as_ref().map_or(Self::Key, Self::Generator))
    }

    /// What it is, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Key => "a key".to_owned(),
            Self::Ready(_, place) => format!("the token in {place}"),
            Self::File(path) => format!("the token file {}", path.display()),
            Self::Command(command) => {
                let program = command.first().map(String::as_str).unwrap_or_default();
                format!("the token command `{program}`")
            }
            Self::Generator(_) => "the test token generator".to_owned(),
        }
    }

    /// The source itself; `None` for a key.
    pub(crate) fn open(
        &self,
        auth: &Auth,
        folder: &Path,
        environment: &Environment,
        http: &HttpClient,
    ) -> Result<Option<Arc<dyn TokenSource>>, CliError> {
        Ok(Some(match self {
            Self::Key => return Ok(None),
            Self::Ready(text, place) => Arc::new(
                StaticToken::new(text, place).map_err(|error| CliError::Token(error.into()))?,
            ),
            Self::File(path) => Arc::new(TokenFile::new(path.clone())),
            Self::Command(command) => {
                let source = TokenCommand::new(command, folder).ok_or_else(|| {
                    CliError::setup(
                        "there is no token command: the list is empty",
                        "name a program in `auth.token.command`",
                    )
                })?;
                let source = source
                    .with_variable("MASSEBREV_TOKEN_ENVIRONMENT", environment.name())
                    .with_variable("MASSEBREV_TOKEN_SCOPES", auth.scopes.join(" "));
                Arc::new(source)
            }
            Self::Generator(origin) => Arc::new(generator(origin, auth, environment, http)?),
        }))
    }
}

fn generator(
    origin: &GeneratorOrigin,
    auth: &Auth,
    environment: &Environment,
    http: &HttpClient,
) -> Result<TokenGenerator, CliError> {
    let refused = |message: String| {
        CliError::setup(
            message,
            "use a key of your own in `auth.key`; the generator is for tests in tt02 and the like",
        )
    };
    if environment.is_production() {
        return Err(refused(format!(
            "test tokens are not for {}",
            environment.name()
        )));
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
    let settings = GeneratorSettings {
        address: origin
            .address
            .clone()
            .unwrap_or_else(|| GENERATOR.to_owned()),
        environment: origin
            .environment
            .clone()
            .unwrap_or_else(|| environment.name().to_owned()),
        scopes: auth.scopes.clone(),
        org: origin.org.clone(),
        org_no: origin.org_no.clone(),
        lifetime: origin.ttl.map_or(LIFETIME, Period::duration),
        user: needed(USER)?.expose_secret().to_owned(),
        password: needed(PASSWORD)?,
    };
    TokenGenerator::new(http.clone(), settings).map_err(|error| match error {
        GeneratorError::NotATest(_) => CliError::setup(
            error.to_string(),
            "say which test environment the token is for: `auth.token.generator.environment: tt02`",
        ),
        GeneratorError::Address => refused(error.to_string()),
    })
}

/// A variable's value; an empty one counts as not set.
pub(crate) fn variable(name: &str) -> Option<SecretString> {
    let value = std::env::var(name).ok()?;
    (!value.trim().is_empty()).then(|| value.into())
}

/// The one that is there.
fn only<'a, const N: usize>(
    found: [Option<(&'static str, Origin<'a>)>; N],
) -> Result<Option<Origin<'a>>, CliError> {
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    match found.as_slice() {
        [] | [_] => Ok(found.pop().map(|(_, origin)| origin)),
        [(one, _), (two, _), ..] => Err(CliError::usage(
            format!("tokens have two sources: {one} and {two}"),
            "give one of them",
        )),
    }
}

/// Whether others on this machine can read a file that nobody else should.
#[cfg(unix)]
pub(crate) fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o044 != 0)
}

/// Whether others on this machine can read a file that nobody else should.
#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &Path) -> bool {
    false
}
