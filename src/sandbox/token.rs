//! The access tokens that the sandbox signs: those of Maskinporten, and those of Altinn for which they are exchanged.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The organisation all clients belong to.
const ORGANIZATION: &str = "991825827";

/// Signs and verifies tokens with a random secret. Symmetric, because only the sandbox itself verifies its tokens.
#[derive(Debug, Clone)]
pub(super) struct TokenSigner(EncodingKey, DecodingKey);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) consumer: Consumer,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Consumer {
    authority: String,
    #[serde(rename = "ID")]
    pub(super) id: String,
}

impl Claims {
    /// The claims of a Maskinporten token for `scope`, valid from now.
    pub(super) fn maskinporten(
        iss: String,
        client_id: String,
        scope: String,
        lifetime: Duration,
    ) -> Self {
        let now = Timestamp::now().as_second();
        Self {
            iss,
            client_id,
            scope,
            consumer: Consumer {
                authority: "iso6523-actorid-upis".to_owned(),
                id: format!("0192:{ORGANIZATION}"),
            },
            iat: now,
            exp: now.saturating_add(seconds(lifetime)),
            jti: Uuid::new_v4(),
        }
    }

    /// The claims of Altinn's token in exchange for this one.
    pub(super) fn exchanged(self, iss: String, lifetime: Duration) -> Self {
        let now = Timestamp::now().as_second();
        Self {
            iss,
            iat: now,
            exp: now.saturating_add(seconds(lifetime)),
            jti: Uuid::new_v4(),
            ..self
        }
    }
}

impl TokenSigner {
    pub(super) fn sign(&self, claims: &Claims) -> Option<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.0).ok()
    }

    /// Returns the claims of a token that was signed here and has not expired. Altinn allows no clock skew either.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        // The claims have no audience.
        validation.validate_aud = false;
        let read = jsonwebtoken::decode::<Claims>(token, &self.1, &validation).ok()?;
        // jsonwebtoken accepts a token in the very second of its `exp`.
        (read.claims.exp > Timestamp::now().as_second()).then_some(read.claims)
    }
}

impl Default for TokenSigner {
    /// Makes a signer with a new secret, which invalidates all tokens of an earlier one.
    fn default() -> Self {
        let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self(
            EncodingKey::from_secret(&secret),
            DecodingKey::from_secret(&secret),
        )
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
