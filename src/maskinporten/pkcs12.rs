//! Business certificates as they are handed out: key and chain in one PKCS#12 file behind a password.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use secrecy::{ExposeSecret, SecretString};

use super::KeyError;
use super::material::Material;

/// The one private key of a file, with all certificates beside it. Without a password the empty one is tried.
pub(super) fn read(der: &[u8], password: Option<&SecretString>) -> Result<Material, KeyError> {
    let text = password
        .map(ExposeSecret::expose_secret)
        .unwrap_or_default();
    let archive = Pkcs12Archive::from_pkcs12(der, text).map_err(|error| match error {
        // A file without a checksum shows a wrong password only by what comes out of it.
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => match password {
            None => KeyError::NoPassword,
            Some(_) => KeyError::WrongPassword,
        },
        other => KeyError::NotPkcs12 {
            reason: other.to_string(),
        },
    })?;
    let key = match archive.keys.as_slice() {
        [] => return Err(KeyError::NoKeyInside),
        [one] => Material::from_pkcs8(
            one.key.as_der(),
            KeyError::Unfit {
                reason: "it is not PKCS#8".into(),
            },
        )?,
        several => {
            return Err(KeyError::SeveralKeys {
                count: several.len(),
            });
        }
    };
    let certificates = archive
        .certs
        .iter()
        .map(|bag| bag.cert.as_der().to_vec())
        .collect();
    Ok(Material {
        certificates,
        ..key
    })
}
