//! RSA private keys in JSON: one (a JWK), or a set of them in which one is meant.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use pkcs1::{EncodeRsaPrivateKey, RsaPrivateKey, UintRef};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::KeyError;
use super::material::{Material, algorithm};

/// The key in a JWK, or in a set (`{"keys": […]}`) the one private key for signatures, by its `kid` when there are more.
pub(super) fn read(members: &Map<String, Value>, kid: Option<&str>) -> Result<Material, KeyError> {
    match members.get("keys").and_then(Value::as_array) {
        Some(keys) => one(pick(keys, kid)?),
        None => one(members),
    }
}

const PUBLIC: [&str; 2] = ["n", "e"];
const PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// `base64url`, with or without padding.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn pick<'a>(keys: &'a [Value], kid: Option<&str>) -> Result<&'a Map<String, Value>, KeyError> {
    let kid = kid.map(str::trim).filter(|kid| !kid.is_empty());
    let fitting: Vec<_> = keys
        .iter()
        .filter_map(Value::as_object)
        .filter(|key| check_purpose(key).is_ok() && is_private(key))
        .filter(|key| kid.is_none() || text_of(key, "kid") == kid)
        .collect();
    match (fitting.as_slice(), keys) {
        ([one], _) => Ok(one),
        // A set of one has its own reason for not fitting.
        (_, [Value::Object(only)]) => Ok(only),
        _ => Err(KeyError::KeySet {
            keys: keys.len(),
            fitting: fitting.len(),
        }),
    }
}

/// The members must be those of an RSA private key for signatures.
fn one(members: &Map<String, Value>) -> Result<Material, KeyError> {
    check_purpose(members)?;
    check_presence(members)?;
    Ok(Material {
        der: pkcs1(members)?,
        kid: text_of(members, "kid").map(str::to_owned),
        algorithm: text_of(members, "alg").map(algorithm).transpose()?,
        certificates: Vec::new(),
    })
}

/// The key type, and what the key says it may be used for.
fn check_purpose(members: &Map<String, Value>) -> Result<(), KeyError> {
    match text_of(members, "kty") {
        None => {
            return Err(KeyError::Blank {
                members: "`kty`".into(),
            });
        }
        Some("RSA") => {}
        Some(other) => {
            return Err(KeyError::NotRsa {
                found: other.chars().take(20).collect(),
            });
        }
    }
    if let Some(purpose) = text_of(members, "use").filter(|purpose| *purpose != "sig") {
        return Err(KeyError::NotForSigning {
            found: purpose.chars().take(20).collect(),
        });
    }
    let operations = members.get("key_ops").and_then(Value::as_array);
    if operations.is_some_and(|all| !all.iter().any(|one| one == "sign")) {
        return Err(KeyError::NotForSigning {
            found: "key_ops".into(),
        });
    }
    Ok(())
}

fn is_private(members: &Map<String, Value>) -> bool {
    PRIVATE.iter().any(|name| members.contains_key(*name))
}

fn check_presence(members: &Map<String, Value>) -> Result<(), KeyError> {
    if !is_private(members) {
        return Err(KeyError::PublicOnly);
    }
    let blank: Vec<String> = PUBLIC
        .into_iter()
        .chain(PRIVATE)
        .filter(|name| text_of(members, name).is_none())
        .map(|name| format!("`{name}`"))
        .collect();
    if blank.is_empty() {
        return Ok(());
    }
    Err(KeyError::Blank {
        members: blank.join(", "),
    })
}

fn pkcs1(members: &Map<String, Value>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let number = |name: &'static str| {
        BASE64URL
            .decode(text_of(members, name).unwrap_or_default())
            .map(Zeroizing::new)
            .map_err(|_| KeyError::NotBase64Url { member: name })
    };
    let (modulus, public_exponent) = (number("n")?, number("e")?);
    let (private_exponent, prime1, prime2) = (number("d")?, number("p")?, number("q")?);
    let (exponent1, exponent2, coefficient) = (number("dp")?, number("dq")?, number("qi")?);
    let key = RsaPrivateKey {
        modulus: integer("n", &modulus)?,
        public_exponent: integer("e", &public_exponent)?,
        private_exponent: integer("d", &private_exponent)?,
        prime1: integer("p", &prime1)?,
        prime2: integer("q", &prime2)?,
        exponent1: integer("dp", &exponent1)?,
        exponent2: integer("dq", &exponent2)?,
        coefficient: integer("qi", &coefficient)?,
        other_prime_infos: None,
    };
    // The document it comes in wipes itself.
    key.to_pkcs1_der()
        .map(|der| Zeroizing::new(der.as_bytes().to_vec()))
        .map_err(|_| KeyError::Unfit {
            reason: "its numbers are too long".into(),
        })
}

fn integer<'a>(member: &'static str, bytes: &'a [u8]) -> Result<UintRef<'a>, KeyError> {
    UintRef::new(bytes).map_err(|_| KeyError::NotBase64Url { member })
}

/// A member's text; blank counts as not there.
fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}
