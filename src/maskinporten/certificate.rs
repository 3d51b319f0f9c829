//! The chain of a business certificate: its owner, its validity, and its order in a grant.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use pkcs1::RsaPrivateKeyRef;
// One trait for both: the same version of `der`.
use pkcs1::der::Decode as _;
use x509_cert::Certificate as X509;
use x509_cert::time::Time;

use super::KeyError;

/// A business certificate and the chain above it, as far as the given file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The organisation that the certificate was issued to.
    pub subject: String,
    pub expires: SystemTime,
    /// The certificates in the form of the `x5c` header: the key's own one first, each as standard base64 of its DER.
    pub chain: Vec<String>,
}

impl Certificate {
    /// Finds the certificate of `key` (PKCS#1) and its chain. A certificate that is not valid at `now` is an error.
    pub(super) fn find(
        certificates: &[Vec<u8>],
        key: &[u8],
        now: SystemTime,
    ) -> Result<Self, KeyError> {
        let mut all = Vec::new();
        for (index, der) in certificates.iter().enumerate() {
            let certificate =
                X509::from_der(der).map_err(|_| KeyError::not_a_certificate(index + 1))?;
            all.push((certificate, der));
        }
        // Files hold certificates in any order; RFC 7515 requires the key's own one first.
        let Some(leaf) = all.iter().position(|(one, _)| is_for(one, key)) else {
            let subject = all.first().map(|(one, _)| subject(one)).unwrap_or_default();
            return Err(KeyError::new(
                format!("the certificate does not belong to the key: it is for {subject}"),
                "give the certificate that was issued for this key, and its chain",
            ));
        };
        let found = Self {
            subject: subject(&all[leaf].0),
            expires: instant(&all[leaf].0.tbs_certificate().validity().not_after),
            chain: chain(&all, leaf)
                .into_iter()
                .map(|index| STANDARD.encode(all[index].1))
                .collect(),
        };
        found.check(&all[leaf].0, now)?;
        Ok(found)
    }

    fn check(&self, leaf: &X509, now: SystemTime) -> Result<(), KeyError> {
        let subject = &self.subject;
        let begins = instant(&leaf.tbs_certificate().validity().not_before);
        let (message, hint) = if now < begins {
            (
                format!(
                    "the certificate for {subject} is not valid before {}",
                    day(begins)
                ),
                "wait until then, or check this machine's clock: timedatectl",
            )
        } else if now > self.expires {
            (
                format!(
                    "the certificate for {subject} expired on {}",
                    day(self.expires)
                ),
                "order a new business certificate, or use a key of your own that is registered on the client",
            )
        } else {
            return Ok(());
        };
        Err(KeyError::new(message, hint))
    }
}

/// The indexes of the certificates from `leaf` up to the root.
fn chain(all: &[(X509, &Vec<u8>)], leaf: usize) -> Vec<usize> {
    let mut chain = vec![leaf];
    let mut next = Some(leaf);
    while let Some(current) = next {
        let issuer = all[current].0.tbs_certificate().issuer();
        // Each certificate is taken once, so that a self-signed root ends the chain.
        next = all.iter().enumerate().position(|(index, (one, _))| {
            one.tbs_certificate().subject() == issuer && !chain.contains(&index)
        });
        chain.extend(next);
    }
    chain
}

/// True when the certificate is for the key: both have the same modulus.
fn is_for(certificate: &X509, key: &[u8]) -> bool {
    let public = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .subject_public_key
        .raw_bytes();
    let public = pkcs1::RsaPublicKeyRef::from_der(public);
    let private = RsaPrivateKeyRef::from_der(key);
    matches!((public, private), (Ok(public), Ok(private)) if public.modulus == private.modulus)
}

fn subject(certificate: &X509) -> String {
    // Subjects of personal certificates may hold an identity number.
    let name = certificate.tbs_certificate().subject().to_string();
    crate::secret::redact(&name).into_owned()
}

fn instant(time: &Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + time.to_unix_duration()
}

fn day(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| "an unknown day".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
