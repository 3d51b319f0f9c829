//! The registered Maskinporten clients: ids, keys and scopes.

use std::collections::HashMap;
use std::fmt;
use std::io;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use pkcs1::der::Decode as _;
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
use pkcs8::PrivateKeyInfoRef;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// The scopes with which every client of the sandbox is registered.
pub(super) const SCOPES: [&str; 3] = [
    "altinn:serviceowner",
    "altinn:correspondence.write",
    "altinn:correspondence.read",
];

/// A client and its RSA key.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// The client id to put in a manifest.
    pub client_id: String,
    /// The key as a JWK: private for the client that the sandbox hands out, whose key is valid here only. Of other clients only the public members are read, and
    /// without a `kid` the key matches any.
    pub jwk: String,
}

impl Registration {
    /// Generates a client with a new RSA key of 2048 bits, which takes a noticeable part of a second.
    pub fn generate() -> io::Result<Self> {
        let failed = |_| io::Error::other("cannot make an RSA key");
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let der = pair.as_der().map_err(failed)?;
        Ok(Self {
            client_id: Uuid::new_v4().to_string(),
            jwk: private_jwk(der.as_ref(), &Uuid::new_v4().to_string())?,
        })
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The registered clients and the public halves of their keys.
#[derive(Debug, Default)]
pub(super) struct Clients(HashMap<String, Vec<PublicKey>>);

#[derive(Debug)]
struct PublicKey {
    kid: Option<String>,
    /// The modulus, big-endian, by which a certificate's key is recognised.
    n: Vec<u8>,
    key: DecodingKey,
}

impl Clients {
    pub(super) fn register(&mut self, client: &Registration) -> io::Result<()> {
        let Registration { client_id, jwk } = client;
        let wrong = |kind: &str| {
            let message = format!("the key of client `{client_id}` is not an RSA {kind}");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let Jwk::Rsa { kid, n, e } = serde_json::from_str(jwk).map_err(|_| wrong("JWK"))?;
        let key = DecodingKey::from_rsa_components(&n, &e).map_err(|_| wrong("key"))?;
        // Some tools pad base64url, although JWK forbids it.
        let n = URL_SAFE_NO_PAD
            .decode(n.trim_end_matches('='))
            .unwrap_or_default();
        let keys = self.0.entry(client_id.clone()).or_default();
        keys.push(PublicKey { kid, n, key });
        Ok(())
    }

    pub(super) fn knows(&self, client_id: &str) -> bool {
        self.0.contains_key(client_id)
    }

    pub(super) fn key(&self, client_id: &str, kid: &str) -> Option<&DecodingKey> {
        let keys = self.0.get(client_id)?;
        let fits = |key: &&PublicKey| key.kid.as_deref().is_none_or(|known| known == kid);
        keys.iter().find(fits).map(|key| &key.key)
    }

    /// Finds the client's key by the modulus of `public`, a PKCS#1 public key.
    pub(super) fn certified_key(&self, client_id: &str, public: &[u8]) -> Option<&DecodingKey> {
        let public = RsaPublicKeyRef::from_der(public).ok()?;
        let fits = |key: &&PublicKey| key.n == public.modulus.as_bytes();
        self.0.get(client_id)?.iter().find(fits).map(|key| &key.key)
    }
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Jwk {
    #[serde(rename = "RSA")]
    Rsa {
        kid: Option<String>,
        n: String,
        e: String,
    },
}

fn private_jwk(pkcs8: &[u8], kid: &str) -> io::Result<String> {
    let key = PrivateKeyInfoRef::try_from(pkcs8).map_err(io::Error::other)?;
    let key = RsaPrivateKeyRef::from_der(key.private_key.as_bytes()).map_err(io::Error::other)?;
    let number = |number: &UintRef<'_>| URL_SAFE_NO_PAD.encode(number.as_bytes());
    let jwk = json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": number(&key.modulus), "e": number(&key.public_exponent), "d": number(&key.private_exponent),
        "p": number(&key.prime1), "q": number(&key.prime2),
        "dp": number(&key.exponent1), "dq": number(&key.exponent2), "qi": number(&key.coefficient),
    });
    Ok(jwk.to_string())
}
