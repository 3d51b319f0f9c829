//! RSA private keys in JSON: a JWK, or a set of them (JWKS) of which one is selected.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use pkcs1::{EncodeRsaPrivateKey, RsaPrivateKey, UintRef};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::key_material::KeyMaterial;
use super::{Algorithm, KeyError, KeyOptions};

/// Reads a JWK, or from a set (`{"keys": […]}`) its one private key for signatures; `kid` selects one of several.
pub(super) fn read(
    members: &Map<String, Value>,
    options: &KeyOptions,
) -> Result<KeyMaterial, KeyError> {
    match members.get("keys").and_then(Value::as_array) {
        Some(keys) => read_one(select_key(keys, options.kid.as_deref())?, options),
        None => read_one(members, options),
    }
}

const PUBLIC: [&str; 3] = ["kty", "n", "e"];
const PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// The base64url alphabet, with or without padding: some tools add it although JWK forbids it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn select_key<'a>(
    keys: &'a [Value],
    kid: Option<&str>,
) -> Result<&'a Map<String, Value>, KeyError> {
    let kid = kid.map(str::trim).filter(|kid| !kid.is_empty());
    // A set may also hold public keys and keys for encryption.
    let candidates: Vec<_> = keys
        .iter()
        .filter_map(Value::as_object)
        .filter(|key| text_of(key, "kty").is_some() && check_purpose(key).is_ok())
        .filter(|key| PRIVATE.iter().any(|name| key.contains_key(*name)))
        .filter(|key| kid.is_none() || text_of(key, "kid") == kid)
        .collect();
    match (candidates.as_slice(), keys) {
        ([one], _) => Ok(one),
        // The only key of a set is read although it is no candidate, because the error of reading it is more exact.
        (_, [Value::Object(only)]) => Ok(only),
        _ => Err(KeyError::new(
            format!(
                "this is a set of {} keys, and {} of them can be meant",
                keys.len(),
                candidates.len()
            ),
            "say which one with `auth.key.kid` (or --kid), or give one of the keys by itself",
        )),
    }
}

/// Reads one JWK, which must be an RSA private key for signatures.
fn read_one(members: &Map<String, Value>, options: &KeyOptions) -> Result<KeyMaterial, KeyError> {
    check_purpose(members)?;
    check_presence(members, options)?;
    Ok(KeyMaterial {
        kid: text_of(members, "kid").map(str::to_owned),
        algorithm: text_of(members, "alg").map(algorithm).transpose()?,
        ..KeyMaterial::from_pkcs1(&pkcs1(members)?)
    })
}

/// Checks the key type, and the purpose that `use` or `key_ops` states.
fn check_purpose(members: &Map<String, Value>) -> Result<(), KeyError> {
    if let Some(other) = text_of(members, "kty").filter(|kind| *kind != "RSA") {
        return Err(KeyError::not_rsa(other));
    }
    let purpose = text_of(members, "use").filter(|purpose| *purpose != "sig");
    let operations = members.get("key_ops").and_then(Value::as_array);
    let cannot_sign = operations.is_some_and(|all| !all.iter().any(|one| one == "sign"));
    if purpose.is_none() && !cannot_sign {
        return Ok(());
    }
    let found: String = purpose.unwrap_or("key_ops").chars().take(20).collect();
    Err(KeyError::new(
        format!("the key is not for signatures: its `use` or `key_ops` says otherwise ({found})"),
        "give the client's key for signatures: `use` is `sig`",
    ))
}

fn check_presence(members: &Map<String, Value>, options: &KeyOptions) -> Result<(), KeyError> {
    let is_blank = |name: &&str| text_of(members, name).is_none();
    let is_public = !PUBLIC.iter().any(|name| text_of(members, name).is_none());
    if is_public && !PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(KeyError::public_only());
    }
    let mut blank: Vec<&str> = PUBLIC.into_iter().chain(PRIVATE).filter(is_blank).collect();
    if blank.is_empty() {
        return Ok(());
    }
    // A missing `kid` alone is no error here, because it may come from the options; beside others it is named too, so that one look fixes all.
    if options.kid.is_none() && options.certificate.is_none() && is_blank(&"kid") {
        blank.push("kid");
    }
    let blank: Vec<_> = blank.iter().map(|name| format!("`{name}`")).collect();
    Err(KeyError::new(
        format!("the key has no value for {}", blank.join(", ")),
        "a private RSA key has the members kty, n, e, d, p, q, dp, dq and qi",
    ))
}

fn algorithm(name: &str) -> Result<Algorithm, KeyError> {
    match name {
        "RS256" => Ok(Algorithm::Rs256),
        "RS384" => Ok(Algorithm::Rs384),
        "RS512" => Ok(Algorithm::Rs512),
        other => {
            let found: String = other.chars().take(20).collect();
            Err(KeyError::new(
                format!(
                    "the key is for {found}, and Maskinporten takes RS256, RS384 and RS512 only"
                ),
                "register an RSA key for RS256, or say `auth.key.algorithm: RS256` when the key is registered for that",
            ))
        }
    }
}

fn pkcs1(members: &Map<String, Value>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // The decoded numbers are wiped from memory after use.
    let number = |name: &'static str| {
        BASE64URL
            .decode(text_of(members, name).unwrap_or_default())
            .map(Zeroizing::new)
            .map_err(|_| not_base64url(name))
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
    // The DER document wipes itself when dropped; the copy does so as well.
    key.to_pkcs1_der()
        .map(|der| Zeroizing::new(der.as_bytes().to_vec()))
        .map_err(|_| KeyError::unreadable("the key is damaged: its numbers are too long"))
}

fn integer<'a>(member: &'static str, bytes: &'a [u8]) -> Result<UintRef<'a>, KeyError> {
    UintRef::new(bytes).map_err(|_| not_base64url(member))
}

fn not_base64url(member: &str) -> KeyError {
    KeyError::unreadable(format!("the key's `{member}` is not base64url"))
}

/// The text of a member; a blank one counts as missing.
fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}
