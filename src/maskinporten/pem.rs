//! Keys and certificates in PEM: a private key, with its certificates before or after it.

use pem::Pem;
use zeroize::Zeroizing;

use super::KeyError;
use super::material::Material;

/// The one private key of a text, with all certificates beside it.
pub(super) fn read(text: &str) -> Result<Material, KeyError> {
    let blocks = blocks(text)?;
    let mut private: Vec<Pem> = Vec::new();
    let mut certificates = Vec::new();
    for block in blocks {
        match block.tag() {
            "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(block.into_contents()),
            tag if tag.ends_with("PRIVATE KEY") => private.push(block),
            // Parameters, public keys, requests.
            _ => {}
        }
    }
    let count = private.len();
    let Some(block) = private.pop() else {
        return Err(KeyError::PublicOnly);
    };
    if count > 1 {
        return Err(KeyError::SeveralKeys { count });
    }
    let key = key(block)?;
    Ok(Material {
        certificates,
        ..key
    })
}

/// The certificates of a text, in DER.
pub(super) fn certificates(text: &str) -> Result<Vec<Vec<u8>>, KeyError> {
    let certificates: Vec<Vec<u8>> = blocks(text)?
        .into_iter()
        .filter(|block| block.tag().ends_with("CERTIFICATE"))
        .map(Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        return Err(KeyError::NotACertificate { number: 1 });
    }
    Ok(certificates)
}

fn blocks(text: &str) -> Result<Vec<Pem>, KeyError> {
    match pem::parse_many(text) {
        Ok(blocks) if !blocks.is_empty() => Ok(blocks),
        _ => Err(KeyError::NotPem),
    }
}

fn key(block: Pem) -> Result<Material, KeyError> {
    let locked = block.headers().get("Proc-Type") == Some("4,ENCRYPTED");
    let tag = block.tag().to_owned();
    let der = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        _ if locked => Err(KeyError::Encrypted),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        "PRIVATE KEY" => Material::from_pkcs8(&der, KeyError::NotPem),
        "RSA PRIVATE KEY" => Ok(Material::from_pkcs1(&der)),
        other => Err(KeyError::NotRsa {
            found: other.trim_end_matches("PRIVATE KEY").trim().to_owned(),
        }),
    }
}
