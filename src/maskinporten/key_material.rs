//! A key as it was read, in whatever form it was handed out, and the settings that stand beside it.

use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::KeyError;

/// Settings for a key that stand elsewhere than in its own file.
#[derive(Debug, Clone, Default)]
pub struct KeyOptions {
    /// The name Maskinporten knows it by; wins over the key's own, and over a certificate.
    pub kid: Option<String>,
    /// The algorithm of its grants; wins over the JWK's own.
    pub algorithm: Option<Algorithm>,
    /// Its certificate and the chain above it in PEM, when they are not in the key's own file.
    pub certificate: Option<String>,
    /// The password of a PKCS#12 file.
    pub password: Option<SecretString>,
    /// The settings of a `maskinporten-settings.json` that are meant, as `Outer:Inner`.
    pub section: Option<String>,
}

/// The algorithm that grants are signed with; all three use RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// RSA with SHA-256.
    #[default]
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
}

/// A key as it was read; the cryptography has not checked it yet.
pub(super) struct KeyMaterial {
    /// PKCS#1.
    pub(super) der: Zeroizing<Vec<u8>>,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    /// Certificates in DER, in the file's order.
    pub(super) certificates: Vec<Vec<u8>>,
    /// From Altinn Studio's settings.
    pub(super) client_id: Option<String>,
    /// From Altinn Studio's settings.
    pub(super) authority: Option<String>,
}

impl KeyMaterial {
    /// From PKCS#1; the check of the key finds out if it is that.
    pub(super) fn from_pkcs1(der: &[u8]) -> Self {
        Self {
            der: Zeroizing::new(der.to_vec()),
            kid: None,
            algorithm: None,
            certificates: Vec::new(),
            client_id: None,
            authority: None,
        }
    }

    /// From PKCS#8; `None` for anything else.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Result<Self, KeyError>> {
        let key = PrivateKeyInfoRef::try_from(der).ok()?;
        let oid = key.algorithm.oid;
        if oid == RSA {
            return Some(Ok(Self::from_pkcs1(key.private_key.as_bytes())));
        }
        let known = KINDS.iter().find(|(kind, _)| *kind == oid);
        Some(Err(match known {
            Some((_, name)) => KeyError::not_rsa(name),
            None => KeyError::not_rsa(&oid.to_string()),
        }))
    }
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const KINDS: [(ObjectIdentifier, &str); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"), "EC"),
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "Ed25519"),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
        "RSA-PSS",
    ),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), "DSA"),
];
