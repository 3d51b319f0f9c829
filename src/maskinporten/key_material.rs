//! A key as it was read, before any check, and the options for reading it.

use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::KeyError;

/// Settings of a key that do not come from its own file.
#[derive(Debug, Clone, Default)]
pub struct KeyOptions {
    /// The key id at Maskinporten; wins over the key's own and over a certificate.
    pub kid: Option<String>,
    /// The algorithm for signing grants; wins over the JWK's own.
    pub algorithm: Option<Algorithm>,
    /// The certificate and its chain in PEM, when they are not in the key's file.
    pub certificate: Option<String>,
    /// The password of a PKCS#12 file. Locked PEM keys are not opened with it.
    pub password: Option<SecretString>,
    /// The section of a `maskinporten-settings.json`, such as `Outer:Inner`.
    pub section: Option<String>,
}

/// The algorithms that Maskinporten accepts for grants; all use RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    #[default]
    Rs256,
    Rs384,
    Rs512,
}

/// A key as it was read. Its numbers have not been checked yet.
#[derive(Default)]
pub(super) struct KeyMaterial {
    /// The private key as PKCS#1.
    pub(super) der: Zeroizing<Vec<u8>>,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    /// The certificates as DER, in the order of the file.
    pub(super) certificates: Vec<Vec<u8>>,
    /// The client id, from settings of Altinn Studio.
    pub(super) client_id: Option<String>,
    /// The address of Maskinporten, from settings of Altinn Studio.
    pub(super) authority: Option<String>,
}

impl KeyMaterial {
    /// Takes bytes as PKCS#1 without checking them; [`SigningKey`](super::SigningKey) does.
    pub(super) fn from_pkcs1(der: &[u8]) -> Self {
        Self {
            der: Zeroizing::new(der.to_vec()),
            ..Self::default()
        }
    }

    /// Unwraps PKCS#8; `None` when the bytes are something else, and an error for another key type than RSA.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Result<Self, KeyError>> {
        let key = PrivateKeyInfoRef::try_from(der).ok()?;
        let oid = key.algorithm.oid;
        if oid == RSA {
            return Some(Ok(Self::from_pkcs1(key.private_key.as_bytes())));
        }
        let known = OTHER_KEY_TYPES.iter().find(|(kind, _)| *kind == oid);
        let name = known.map_or_else(|| oid.to_string(), |(_, name)| (*name).to_owned());
        Some(Err(KeyError::not_rsa(&name)))
    }
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const OTHER_KEY_TYPES: [(ObjectIdentifier, &str); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"), "EC"),
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "Ed25519"),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
        "RSA-PSS",
    ),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), "DSA"),
];
