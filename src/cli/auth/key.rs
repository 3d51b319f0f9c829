//! The client's signing key, and the client id, password and certificate that belong to it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::altinn::Environment;
use crate::manifest::{self, Auth, KeySource};
use crate::maskinporten::{Algorithm, Identity, KeyFile, KeyOptions, SigningKey};
use crate::sandbox::Registration;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::AuthArgs;
use super::secrets::{self, variable, warn_if_open};
use crate::cli::CliError;

/// The variable that holds a key when no other place is named.
pub(super) const KEY: &str = "MASSEBREV_KEY";

#[derive(Debug)]
pub(super) struct Signer {
    pub(super) key: SigningKey,
    pub(super) client_id: String,
    /// The place where the key was found, as messages name it.
    pub(super) place: String,
    pub(super) warnings: Vec<String>,
}

/// Certificates that expire sooner than this cause a warning: a new business certificate takes weeks to get.
const EXPIRY_NOTICE: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 60 * 60;

impl Signer {
    /// Reads the key and finds its client id: the flag or variable wins over the manifest, and the manifest over the settings file of Altinn Studio.
    pub(super) fn find(
        source: &KeySource,
        given: &AuthArgs,
        auth: &Auth,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let options = key_options(source, given.kid.as_deref(), folder)?;
        let (bytes, place) = read(source)?;
        let file = source.file.iter();
        let mut warnings: Vec<_> = file.filter_map(|file| warn_if_open(file, "key")).collect();
        let file = KeyFile::read(&bytes, &options).map_err(|source| CliError::Key {
            place: place.clone(),
            source,
        })?;
        // Maskinporten refuses a key of the other environment with an error that does not name the cause.
        if let Some(authority) = &file.authority {
            check_authority(authority, environment, &place)?;
        }
        let given = given.client_id.as_ref().or(auth.client_id.as_ref());
        if let (Some(given), Some(own)) = (given, &file.client_id)
            && given != own
        {
            warnings.push(format!(
                "the client id {given} is used, though the settings in {place} are those of {own}"
            ));
        }
        let client_id = given.cloned().or(file.client_id).ok_or_else(|| {
            CliError::setup(
                "there is no client id for Maskinporten",
                "give --client-id ID, or set `auth.clientId` in the manifest or MASSEBREV_CLIENT_ID",
            )
        })?;
        warnings.extend(warn_of_expiry(&file.key, SystemTime::now()));
        Ok(Self {
            key: file.key,
            client_id,
            place,
            warnings,
        })
    }

    /// The client that is registered in every sandbox, with the key the sandbox hands out.
    pub(super) fn for_sandbox(registration: &Registration) -> Result<Self, CliError> {
        let place = "the sandbox".to_owned();
        let key = SigningKey::from_text(&registration.jwk, None);
        Ok(Self {
            key: key.map_err(|source| CliError::Key {
                place: place.clone(),
                source,
            })?,
            client_id: registration.client_id.clone(),
            place,
            warnings: Vec::new(),
        })
    }
}

/// Collects the options for reading a key. The password's variable and `--kid` apply to any key; the other settings stand beside a key in the manifest.
fn key_options(
    source: &KeySource,
    kid: Option<&str>,
    folder: &Path,
) -> Result<KeyOptions, CliError> {
    let certificate = source.certificate.as_ref().map(|file| {
        let text = secrets::read_text(&folder.join(file), "read the certificate");
        text.map(|text| text.as_str().to_owned())
    });
    let member = ("auth.key.password", source.password.as_ref());
    let variable = "MASSEBREV_KEY_PASSWORD";
    Ok(KeyOptions {
        kid: kid.or(source.kid.as_deref()).map(str::to_owned),
        algorithm: source.algorithm.map(algorithm),
        certificate: certificate.transpose()?,
        password: secrets::find("password for the key", variable, member, folder)?,
        section: source.section.clone(),
    })
}

fn algorithm(name: manifest::Algorithm) -> Algorithm {
    match name {
        manifest::Algorithm::Rs256 => Algorithm::Rs256,
        manifest::Algorithm::Rs384 => Algorithm::Rs384,
        manifest::Algorithm::Rs512 => Algorithm::Rs512,
    }
}

/// Returns the key's bytes, and the place as messages name it.
fn read(source: &KeySource) -> Result<(Zeroizing<Vec<u8>>, String), CliError> {
    if let Some(path) = &source.file {
        let bytes = secrets::read(path, "read the key")?;
        return Ok((bytes, path.display().to_string()));
    }
    let name = source.env.as_deref().unwrap_or(KEY);
    let Some(text) = variable(name) else {
        return Err(CliError::setup(
            format!("there is no key for Maskinporten: {name} is not set"),
            "give --key-file FILE, or set `auth.key` in the manifest to `{ file: PATH }` or `{ env: NAME }`; rehearse without a key with --sandbox",
        ));
    };
    let bytes = Zeroizing::new(text.expose_secret().as_bytes().to_vec());
    Ok((bytes, name.to_owned()))
}

/// Refuses settings whose Maskinporten is not the environment's: a client is registered in one environment only.
fn check_authority(
    authority: &str,
    environment: &Environment,
    place: &str,
) -> Result<(), CliError> {
    let ours = environment.maskinporten();
    // Settings write the address with or without a slash at its end.
    if authority.trim_end_matches('/').eq_ignore_ascii_case(ours) {
        return Ok(());
    }
    // The text comes from a file that may be anything; the message stays readable.
    let authority: String = authority.chars().take(100).collect();
    Err(CliError::setup(
        format!(
            "the settings in {place} are for {authority}, and the mailing goes to {}, whose Maskinporten is {ours}",
            environment.name()
        ),
        "give the settings of the same environment, or correct `environment` in the manifest",
    ))
}

fn warn_of_expiry(key: &SigningKey, now: SystemTime) -> Option<String> {
    let Identity::Certificate(certificate) = key.identity() else {
        return None;
    };
    let left = certificate.expires.duration_since(now).unwrap_or_default();
    (left < EXPIRY_NOTICE).then(|| {
        format!(
            "the certificate for {} expires in {} days",
            certificate.subject,
            left.as_secs() / DAY
        )
    })
}
