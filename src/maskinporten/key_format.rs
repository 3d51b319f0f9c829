//! Reading a key in any form, recognised by its bytes: JWK, Altinn Studio's settings, PEM, DER and PKCS#12, plain or in base64.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as Pkcs12Error;
use pem::Pem;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::key_material::KeyMaterial;
use super::{KeyError, KeyOptions, jwk, studio};

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The first bytes of every binary form: a DER sequence longer than 255 bytes.
const SEQUENCE: [u8; 2] = [0x30, 0x82];

pub(super) fn read(bytes: &[u8], options: &KeyOptions) -> Result<KeyMaterial, KeyError> {
    if let Some(read) = read_plain(bytes, options) {
        return read;
    }
    // Secret stores keep binary files in base64.
    let bytes = decode(bytes)?;
    read_plain(&bytes, options).unwrap_or_else(|| Err(KeyError::not_json(1, 0)))
}

/// Reads a key that is not in base64; `None` when the bytes have none of the other forms.
fn read_plain(bytes: &[u8], options: &KeyOptions) -> Option<Result<KeyMaterial, KeyError>> {
    if bytes.starts_with(&SEQUENCE) {
        return Some(read_der(bytes, options));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    // Editors on Windows write a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        let hint = "check the file or the variable it should come from";
        let error = KeyError::new("the key is empty", hint);
        Some(Err(error))
    } else if text.starts_with(['{', '[']) {
        Some(read_json(text, options))
    } else if text.contains("-----BEGIN ") {
        Some(read_pem(text))
    } else {
        None
    }
}

fn read_json(text: &str, options: &KeyOptions) -> Result<KeyMaterial, KeyError> {
    // Parsed into a `Value` first: a typed deserializer would quote secret members in its errors.
    let value = serde_json::from_str(text)
        .map_err(|error| KeyError::not_json(error.line(), error.column()))?;
    let value = Wiped(value);
    let Value::Object(members) = &value.0 else {
        return Err(KeyError::unreadable("the key is JSON, but not an object"));
    };
    if options.section.is_some() || studio::is_settings(members) {
        read_settings(members, options)
    } else {
        jwk::read(members, options)
    }
}

fn read_settings(
    members: &Map<String, Value>,
    options: &KeyOptions,
) -> Result<KeyMaterial, KeyError> {
    let settings = studio::read(members, options.section.as_deref())?;
    let material = match settings.key {
        Value::Object(jwk) => jwk::read(jwk, options)?,
        text => {
            let json = decode(text.as_str().unwrap_or_default().trim().as_bytes())?;
            let json = std::str::from_utf8(&json).map_err(|_| KeyError::not_json(1, 0))?;
            // The section has been found; inside the key there are none.
            let options = KeyOptions {
                section: None,
                ..options.clone()
            };
            read_json(json, &options)?
        }
    };
    Ok(KeyMaterial {
        client_id: settings.client_id.map(str::to_owned),
        authority: settings.authority.map(str::to_owned),
        ..material
    })
}

/// Reads DER as PKCS#8, then PKCS#1, then PKCS#12. PKCS#12 comes last, because only it needs a password.
fn read_der(der: &[u8], options: &KeyOptions) -> Result<KeyMaterial, KeyError> {
    if let Some(read) = KeyMaterial::from_pkcs8(der) {
        return read;
    }
    if pkcs1::RsaPrivateKeyRef::try_from(der).is_ok() {
        return Ok(KeyMaterial::from_pkcs1(der));
    }
    read_pkcs12(der, options.password.as_ref())
}

/// Reads the one private key of a PKCS#12 file and its certificates. Without a password the empty one is tried, which many exports have.
fn read_pkcs12(der: &[u8], password: Option<&SecretString>) -> Result<KeyMaterial, KeyError> {
    let text = password.map_or("", |password| password.expose_secret());
    let archive = Pkcs12Archive::from_pkcs12(der, text).map_err(|error| match error {
        // Without a checksum in the file, a wrong password shows only as a failed decryption.
        Pkcs12Error::MacError(_) | Pkcs12Error::UnpadError | Pkcs12Error::Pkcs5Error(_) => {
            locked(password.is_some())
        }
        other => KeyError::unreadable(format!("the PKCS#12 file cannot be read: {other}")),
    })?;
    let material = match archive.keys.as_slice() {
        [] => Err(KeyError::new(
            "there is no private key in the PKCS#12 file",
            "export it again, with its private key",
        )),
        [one] => KeyMaterial::from_pkcs8(one.key.as_der())
            .unwrap_or_else(|| Err(KeyError::unreadable("the key is damaged: it is not PKCS#8"))),
        several => Err(KeyError::several_keys(several.len())),
    }?;
    let certificates = archive.certs.iter();
    Ok(KeyMaterial {
        certificates: certificates.map(|bag| bag.cert.as_der().to_vec()).collect(),
        ..material
    })
}

fn locked(has_password: bool) -> KeyError {
    let (message, hint) = if has_password {
        (
            "the password does not open the PKCS#12 file",
            "correct the password: MASSEBREV_KEY_PASSWORD wins over `auth.key.password`",
        )
    } else {
        (
            "the PKCS#12 file is locked, and there is no password for it",
            "set `auth.key.password` to `{ file: PATH }` or `{ env: NAME }`, or set MASSEBREV_KEY_PASSWORD; it never stands on the command line",
        )
    };
    KeyError::new(message, hint)
}

/// Reads the one private key of a PEM text and its certificates.
fn read_pem(text: &str) -> Result<KeyMaterial, KeyError> {
    let mut private: Vec<Pem> = Vec::new();
    let mut certificates = Vec::new();
    for block in pem_blocks(text)? {
        match block.tag() {
            "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(block.into_contents()),
            tag if tag.ends_with("PRIVATE KEY") => private.push(block),
            // Parameters, public keys and certificate requests are of no use here.
            _ => {}
        }
    }
    let count = private.len();
    let block = private.pop().ok_or_else(KeyError::public_only)?;
    if count > 1 {
        return Err(KeyError::several_keys(count));
    }
    Ok(KeyMaterial {
        certificates,
        ..read_pem_key(block)?
    })
}

fn read_pem_key(block: Pem) -> Result<KeyMaterial, KeyError> {
    // The older OpenSSL form of encryption keeps the tag of a plain key and marks it in a header.
    let is_locked = block.headers().get("Proc-Type") == Some("4,ENCRYPTED");
    let tag = block.tag().to_owned();
    let der = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" if is_locked || tag.starts_with("ENC") => {
            Err(KeyError::new(
                "the key is locked with a password",
                "unlock it into a file only you can read: (umask 077; openssl pkey -in locked.pem -out key.pem)",
            ))
        }
        "PRIVATE KEY" => KeyMaterial::from_pkcs8(&der).unwrap_or_else(|| Err(not_pem())),
        "RSA PRIVATE KEY" => Ok(KeyMaterial::from_pkcs1(&der)),
        other => Err(KeyError::not_rsa(
            other.trim_end_matches("PRIVATE KEY").trim(),
        )),
    }
}

pub(super) fn read_certificates(text: &str) -> Result<Vec<Vec<u8>>, KeyError> {
    let certificates: Vec<Vec<u8>> = pem_blocks(text)?
        .into_iter()
        .filter(|block| block.tag().ends_with("CERTIFICATE"))
        .map(Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        return Err(KeyError::not_a_certificate(1));
    }
    Ok(certificates)
}

fn pem_blocks(text: &str) -> Result<Vec<Pem>, KeyError> {
    // Variables often hold line breaks written as `\n`. PEM itself has no backslash, so nothing else is changed.
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    match pem::parse_many(text.as_str()) {
        Ok(blocks) if !blocks.is_empty() => Ok(blocks),
        _ => Err(not_pem()),
    }
}

fn not_pem() -> KeyError {
    KeyError::unreadable("the PEM cannot be read")
}

/// Decodes base64 in the standard or the URL alphabet, with or without line breaks.
fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut plain: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let decoded = BASE64.decode(&plain).map(Zeroizing::new);
    plain.zeroize();
    decoded.map_err(|_| {
        KeyError::unreadable("the key is neither JSON, nor base64 of JSON, nor PEM, nor PKCS#12")
    })
}

/// JSON whose strings are wiped from memory when it is dropped.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
