//! Which form a key was handed out in, found from the bytes themselves.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::material::{Material, Wiped};
use super::studio::{self, SettingsKey};
use super::{KeyError, KeyOptions, jwk, pem, pkcs12};

/// A key as it was read, and what its file says about its client.
pub(super) struct Read {
    pub(super) material: Material,
    pub(super) client_id: Option<String>,
    pub(super) authority: Option<String>,
}

/// The key in these bytes, plain or in base64.
pub(super) fn read(bytes: &[u8], options: &KeyOptions) -> Result<Read, KeyError> {
    if let Some(read) = plain(bytes, options) {
        return read;
    }
    let bytes = decode(bytes)?;
    plain(&bytes, options).unwrap_or(Err(KeyError::NotJson { line: 1, column: 0 }))
}

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What binary forms begin with: a sequence that is longer than 255 bytes.
const SEQUENCE: [u8; 2] = [0x30, 0x82];

/// The key when it is not in base64.
fn plain(bytes: &[u8], options: &KeyOptions) -> Option<Result<Read, KeyError>> {
    if bytes.starts_with(&SEQUENCE) {
        return Some(from_der(bytes, options).map(alone));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        Some(Err(KeyError::Empty))
    } else if text.starts_with(['{', '[']) {
        Some(from_json(text, options))
    } else if text.contains("-----BEGIN ") {
        Some(pem::read(text).map(alone))
    } else {
        None
    }
}

fn from_json(text: &str, options: &KeyOptions) -> Result<Read, KeyError> {
    // Into a `Value` first: a typed reader would quote the secret members in its errors.
    let value = serde_json::from_str(text).map_err(|error| KeyError::NotJson {
        line: error.line(),
        column: error.column(),
    })?;
    let value = Wiped(value);
    let Value::Object(members) = &value.0 else {
        return Err(KeyError::NotAnObject);
    };
    if options.section.is_some() || studio::is_settings(members) {
        from_settings(members, options)
    } else {
        jwk::read(members, options.kid.as_deref()).map(alone)
    }
}

fn from_settings(members: &Map<String, Value>, options: &KeyOptions) -> Result<Read, KeyError> {
    let settings = studio::read(members, options.section.as_deref())?;
    let material = match settings.key {
        SettingsKey::Jwk(jwk) => jwk::read(jwk, options.kid.as_deref())?,
        SettingsKey::Base64(text) => {
            let json = decode(text.as_bytes())?;
            let json =
                std::str::from_utf8(&json).map_err(|_| KeyError::NotJson { line: 1, column: 0 })?;
            let inner = KeyOptions {
                section: None,
                ..options.clone()
            };
            from_json(json, &inner)?.material
        }
    };
    Ok(Read {
        material,
        client_id: settings.client_id.map(str::to_owned),
        authority: settings.authority.map(str::to_owned),
    })
}

/// PKCS#8, PKCS#1, or else PKCS#12.
fn from_der(der: &[u8], options: &KeyOptions) -> Result<Material, KeyError> {
    let other = KeyError::NotPkcs12 {
        reason: String::new(),
    };
    match Material::from_pkcs8(der, other.clone()) {
        Err(error) if error == other => {}
        result => return result,
    }
    if pkcs1::RsaPrivateKeyRef::try_from(der).is_ok() {
        return Ok(Material::from_pkcs1(der));
    }
    pkcs12::read(der, options.password.as_ref())
}

fn alone(material: Material) -> Read {
    Read {
        material,
        client_id: None,
        authority: None,
    }
}

/// Base64, broken into lines or not, in either alphabet.
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
    decoded.map_err(|_| KeyError::NotBase64)
}
