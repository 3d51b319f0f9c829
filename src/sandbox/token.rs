//! The access tokens that the sandbox signs: Maskinporten's, and Altinn's own that they are exchanged for.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Signs tokens with a secret that nobody else has.
#[derive(Clone)]
pub(super) struct TokenSigner(EncodingKey, DecodingKey);

/// Who has signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Issuer {
    Maskinporten,
    Altinn,
}

/// What a token of the sandbox says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    #[serde(rename = "sandbox_issuer")]
    pub(super) issuer: Issuer,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) consumer: Consumer,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: Uuid,
}

/// The organisation a token stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Consumer {
    authority: String,
    #[serde(rename = "ID")]
    pub(super) id: String,
}

impl Claims {
    /// A Maskinporten token for `scope`, valid from now on.
    pub(super) fn maskinporten(
        issuer: String,
        client_id: String,
        scope: String,
        organization: &str,
        lifetime: Duration,
    ) -> Self {
        let now = Timestamp::now().as_second();
        Self {
            iss: issuer,
            issuer: Issuer::Maskinporten,
            client_id,
            scope,
            consumer: Consumer {
                authority: "iso6523-actorid-upis".to_owned(),
                id: format!("0192:{organization}"),
            },
            iat: now,
            exp: now.saturating_add(seconds(lifetime)),
            jti: Uuid::new_v4(),
        }
    }

    /// Altinn's own token in exchange for this one.
    pub(super) fn exchanged(self, issuer: String, lifetime: Duration) -> Self {
        let now = Timestamp::now().as_second();
        Self {
            iss: issuer,
            issuer: Issuer::Altinn,
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

    /// The claims of a token that was signed here and has not expired, without any leeway.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        let read = jsonwebtoken::decode::<Claims>(token, &self.1, &validation).ok()?;
        (read.claims.exp > Timestamp::now().as_second()).then_some(read.claims)
    }
}

impl Default for TokenSigner {
    /// A new secret: tokens signed with an earlier one are worth nothing.
    fn default() -> Self {
        let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self(
            EncodingKey::from_secret(&secret),
            DecodingKey::from_secret(&secret),
        )
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSigner")
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
