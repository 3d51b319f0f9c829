//! What a key is made of when it has been read, in whatever form it was handed out.

use std::fmt;

use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::{Algorithm, KeyError};

/// A key that the cryptography has not checked yet.
pub(super) struct Material {
    /// PKCS#1.
    pub(super) der: Zeroizing<Vec<u8>>,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    /// Certificates in DER, as they came.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Material {
    /// From PKCS#8.
    pub(super) fn from_pkcs8(der: &[u8], broken: KeyError) -> Result<Self, KeyError> {
        let Ok(key) = PrivateKeyInfoRef::try_from(der) else {
            return Err(broken);
        };
        if key.algorithm.oid != RSA {
            let known = KINDS.iter().find(|(oid, _)| *oid == key.algorithm.oid);
            return Err(KeyError::NotRsa {
                found: known.map_or_else(
                    || key.algorithm.oid.to_string(),
                    |(_, name)| (*name).to_owned(),
                ),
            });
        }
        Ok(Self::from_pkcs1(key.private_key.as_bytes()))
    }

    /// From PKCS#1; whether it is that is seen when the key is checked.
    pub(super) fn from_pkcs1(der: &[u8]) -> Self {
        Self {
            der: Zeroizing::new(der.to_vec()),
            kid: None,
            algorithm: None,
            certificates: Vec::new(),
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

/// The algorithm by its name.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, KeyError> {
    match name {
        "RS256" => Ok(Algorithm::Rs256),
        "RS384" => Ok(Algorithm::Rs384),
        "RS512" => Ok(Algorithm::Rs512),
        other => Err(KeyError::Algorithm {
            found: other.chars().take(20).collect(),
        }),
    }
}

/// JSON whose texts are wiped when it is dropped.
pub(super) struct Wiped(pub(super) Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
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

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
