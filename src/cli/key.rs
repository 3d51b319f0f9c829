//! The client's key: from a flag, the environment or the manifest, with whatever belongs to it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use massebrev::altinn::Environment;
use massebrev::manifest::{Auth, KeySource, SecretSource};
use massebrev::maskinporten::{Delegation, Identity, KeyFile, KeyOptions, SigningKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::CliError;

/// Which key signs.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgs {
    /// A file with the client's private key: JWK, PEM, PKCS#12 or maskinporten-settings.json [default: the manifest's auth.key]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// The key's id at Maskinporten [default: the manifest's auth.key.kid, then the key's own]
    #[arg(long, value_name = "KID", env = "MASSEBREV_KID")]
    kid: Option<String>,
}

/// A key that can sign, and the client it signs for.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    /// Where the key was found.
    pub(crate) place: String,
    pub(crate) client_id: String,
    /// What is not right, though it works.
    pub(crate) warnings: Vec<String>,
}

impl KeyArgs {
    /// Whether a flag or its variable names a file.
    pub(crate) fn has_file(&self) -> bool {
        self.key_file.is_some()
    }

    /// The key and its client. `client_id` is what flag or environment say; it wins over the manifest, and the manifest over Altinn Studio's settings.
    pub(crate) fn signer(
        &self,
        client_id: Option<&str>,
        auth: &Auth,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Signer, CliError> {
        let client_id = client_id.or(auth.client_id.as_deref());
        let found = self.find(auth, folder)?;
        let mut warnings = found.warnings;
        let KeyFile {
            key,
            client_id: own,
            authority,
        } = found.file;
        if let Some(authority) = authority {
            check_authority(&authority, environment, &found.place)?;
        }
        if let (Some(given), Some(own)) = (client_id, &own)
            && given != own
        {
            warnings.push(format!(
                "the client id {given} is used, though the settings in {} are those of {own}",
                found.place
            ));
        }
        let Some(client_id) = client_id.map(str::to_owned).or(own) else {
            return Err(CliError::setup(
                "there is no client id for Maskinporten",
                "set `auth.clientId` in the manifest, or MASSEBREV_CLIENT_ID",
            ));
        };
        warnings.extend(expiry(&key, SystemTime::now()));
        Ok(Signer {
            key,
            place: found.place,
            client_id,
            warnings,
        })
    }

    fn find(&self, auth: &Auth, folder: &Path) -> Result<Found, CliError> {
        let source = self.source(auth);
        let manifest = match &source {
            Source::Manifest(key) => Some(*key),
            Source::File(_) | Source::Variable(_) => None,
        };
        let options = KeyOptions {
            kid: self
                .kid
                .clone()
                .or_else(|| manifest.and_then(|key| key.kid.clone())),
            algorithm: manifest.and_then(|key| key.algorithm),
            certificate: manifest
                .and_then(|key| key.certificate.as_ref())
                .map(|file| text(&folder.join(file), "read the certificate"))
                .transpose()?,
            password: password(manifest, folder)?,
            section: manifest.and_then(|key| key.section.clone()),
        };
        let (bytes, place, warnings) = source.read(folder)?;
        let file = KeyFile::read(&bytes, &options).map_err(|source| CliError::Key {
            place: place.clone(),
            source,
        })?;
        Ok(Found {
            file,
            place,
            warnings,
        })
    }

    fn source<'a>(&self, auth: &'a Auth) -> Source<'a> {
        match (&self.key_file, &auth.key) {
            (Some(path), _) => Source::File(path.clone()),
            (None, Some(key)) if variable(KEY).is_none() || key.env.as_deref() == Some(KEY) => {
                Source::Manifest(key)
            }
            (None, _) => Source::Variable(KEY.to_owned()),
        }
    }
}

/// On whose behalf the manifest asks for tokens.
pub(crate) fn delegation(auth: &Auth) -> Delegation {
    Delegation {
        resource: auth.resource.clone(),
        consumer_org: auth.consumer_org.clone(),
        system_user: auth.system_user.clone(),
    }
}

/// Where the manifest has tokens exchanged.
pub(crate) fn exchange(auth: &Auth, environment: &Environment) -> Option<String> {
    let test = if auth.test_organization {
        "?test=true"
    } else {
        ""
    };
    auth.exchange
        .then(|| format!("{}{test}", environment.exchange_url()))
}

const KEY: &str = "MASSEBREV_KEY";
const PASSWORD: &str = "MASSEBREV_KEY_PASSWORD";
/// A new business certificate takes weeks to get.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

struct Found {
    file: KeyFile,
    place: String,
    warnings: Vec<String>,
}

/// Where a key is.
enum Source<'a> {
    File(PathBuf),
    Variable(String),
    Manifest(&'a KeySource),
}

type Bytes = Zeroizing<Vec<u8>>;

impl Source<'_> {
    /// The bytes, the place for people, and what is not right with it.
    fn read(&self, folder: &Path) -> Result<(Bytes, String, Vec<String>), CliError> {
        let (path, name) = match self {
            Self::File(path) => (Some(path.clone()), None),
            Self::Variable(name) => (None, Some(name.clone())),
            Self::Manifest(key) => (
                key.file.as_ref().map(|file| folder.join(file)),
                key.env.clone(),
            ),
        };
        if let Some(path) = path {
            let bytes = read(&path, "read the key")?;
            let warnings = readable_by_others(&path).into_iter().collect();
            return Ok((bytes, path.display().to_string(), warnings));
        }
        let name = name.unwrap_or_else(|| KEY.to_owned());
        let Some(text) = variable(&name) else {
            return Err(CliError::setup(
                format!("there is no key for Maskinporten: {name} is not set"),
                "set `auth.key` in the manifest to `{ file: PATH }` or `{ env: NAME }`; rehearse without a key with --sandbox",
            ));
        };
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        Ok((bytes, name, Vec::new()))
    }
}

/// A variable's value; an empty one counts as not set.
fn variable(name: &str) -> Option<Zeroizing<String>> {
    let value = Zeroizing::new(std::env::var(name).ok()?);
    (!value.trim().is_empty()).then_some(value)
}

fn read(path: &Path, action: &'static str) -> Result<Bytes, CliError> {
    std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| CliError::File {
            action,
            path: path.to_owned(),
            source,
        })
}

fn text(path: &Path, action: &'static str) -> Result<String, CliError> {
    let bytes = read(path, action)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The password of a PKCS#12 file: from its variable, else from where the manifest says it is.
fn password(key: Option<&KeySource>, folder: &Path) -> Result<Option<SecretString>, CliError> {
    if let Some(password) = variable(PASSWORD) {
        return Ok(Some(password.as_str().into()));
    }
    let Some(source) = key.and_then(|key| key.password.as_ref()) else {
        return Ok(None);
    };
    let password = match source {
        SecretSource {
            file: Some(file), ..
        } => {
            let bytes = read(&folder.join(file), "read the password of the key")?;
            Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
        }
        SecretSource { env, .. } => {
            let name = env.clone().unwrap_or_else(|| PASSWORD.to_owned());
            variable(&name).ok_or_else(|| {
                CliError::setup(
                    format!("there is no password for the key: {name} is not set"),
                    "set it, or correct `auth.key.password` in the manifest",
                )
            })?
        }
    };
    // Editors end a file with a line break; blanks may belong to the password.
    Ok(Some(password.trim_end_matches(['\r', '\n']).into()))
}

/// Settings for one environment do not work in another.
fn check_authority(
    authority: &str,
    environment: &Environment,
    place: &str,
) -> Result<(), CliError> {
    let ours = environment.maskinporten();
    if authority.trim_end_matches('/').eq_ignore_ascii_case(ours) {
        return Ok(());
    }
    let authority: String = authority.chars().take(100).collect();
    Err(CliError::setup(
        format!(
            "the settings in {place} are for {authority}, and the mailing goes to {}, whose Maskinporten is {ours}",
            environment.name()
        ),
        "give the settings of the same environment, or correct `environment` in the manifest",
    ))
}

fn expiry(key: &SigningKey, now: SystemTime) -> Option<String> {
    let Identity::Certificate(certificate) = key.identity() else {
        return None;
    };
    let left = certificate.remaining(now);
    (left < NOTICE).then(|| {
        format!(
            "the certificate for {} expires in {} days",
            certificate.subject(),
            left.as_secs() / (24 * 60 * 60)
        )
    })
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o044 != 0).then(|| {
        let path = path.display();
        format!("others on this machine can read the key {path}: chmod 600 {path}")
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<String> {
    None
}
