//! Maskinporten: its metadata, the grant it checks, the tokens it signs.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::access::expect_type;
use super::grant::{self, Grant, GrantRefused};
use super::problem::json;
use super::state::{Shared, World};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Signs tokens with a secret that nobody else has.
#[derive(Clone)]
pub(super) struct Mint(EncodingKey, DecodingKey);

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

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn metadata(State(world): State<Shared>) -> Response {
    let issuer = world.issuer();
    let body = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}token"),
        "jwks_uri": format!("{issuer}jwk"),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "RS512"],
    });
    json(StatusCode::OK, &body)
}

/// `POST /token`.
pub(super) async fn token(
    State(world): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, GrantRefused> {
    let assertion = assertion(&headers, &body)?;
    let grant = grant::check(&world, &assertion)?;
    let lifetime = world.options.token_lifetime.as_secs();
    let token = world.maskinporten_token(&grant)?;
    let body = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": grant.scope,
    });
    Ok(json(StatusCode::OK, &body))
}

#[derive(Deserialize)]
struct Form {
    grant_type: Option<String>,
    assertion: Option<String>,
}

/// A form is read as what it is: a query without its address.
fn assertion(headers: &HeaderMap, body: &[u8]) -> Result<String, GrantRefused> {
    let invalid = |text: &str| GrantRefused::new("invalid_request", None, text);
    expect_type(headers, "application/x-www-form-urlencoded")
        .map_err(|_| invalid("The request is not a form"))?;
    let form = std::str::from_utf8(body)
        .ok()
        .and_then(|body| format!("/?{body}").parse::<Uri>().ok())
        .and_then(|uri| Query::<Form>::try_from_uri(&uri).ok())
        .ok_or_else(|| invalid("The form cannot be read"))?;
    match form.0 {
        Form {
            grant_type: None, ..
        } => Err(invalid("Missing parameter: grant_type")),
        Form {
            grant_type: Some(other),
            ..
        } if other != GRANT_TYPE => Err(GrantRefused::new(
            "unsupported_grant_type",
            None,
            format!("The grant type is not supported, expected {GRANT_TYPE}"),
        )),
        Form {
            assertion: None, ..
        } => Err(invalid("Missing parameter: assertion")),
        Form {
            assertion: Some(assertion),
            ..
        } => Ok(assertion),
    }
}

impl World {
    /// Maskinporten's own name, with the slash that belongs to it.
    pub(super) fn issuer(&self) -> String {
        format!("{}/", self.url)
    }

    /// What a valid token says: signed here, not expired (without any leeway).
    pub(super) fn claims(&self, token: &str) -> Option<Claims> {
        let mint = self.received().mint.clone();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        let read = jsonwebtoken::decode::<Claims>(token, &mint.1, &validation).ok()?;
        (read.claims.exp > Timestamp::now().as_second()).then_some(read.claims)
    }

    /// Altinn's own token for a Maskinporten token.
    pub(super) fn altinn_token(&self, claims: Claims) -> Option<String> {
        let now = Timestamp::now().as_second();
        let exchanged = Claims {
            iss: format!("{}/authentication/api/v1/openid/", self.url),
            issuer: Issuer::Altinn,
            iat: now,
            exp: now.saturating_add(seconds(self.options.altinn_token_lifetime)),
            jti: Uuid::new_v4(),
            ..claims
        };
        self.sign(&exchanged)
    }

    fn maskinporten_token(&self, grant: &Grant) -> Result<String, GrantRefused> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            iss: self.issuer(),
            issuer: Issuer::Maskinporten,
            client_id: grant.client_id.clone(),
            scope: grant.scope.clone(),
            consumer: Consumer {
                authority: "iso6523-actorid-upis".to_owned(),
                id: format!("0192:{}", self.options.organization),
            },
            iat: now,
            exp: now.saturating_add(seconds(self.options.token_lifetime)),
            jti: Uuid::new_v4(),
        };
        self.sign(&claims)
            .ok_or_else(|| GrantRefused::new("server_error", None, "The token cannot be signed"))
    }

    fn sign(&self, claims: &Claims) -> Option<String> {
        let mint = self.received().mint.clone();
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &mint.0).ok()
    }
}

impl Default for Mint {
    /// A new secret: tokens signed with an earlier one are worth nothing.
    fn default() -> Self {
        let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self(
            EncodingKey::from_secret(&secret),
            DecodingKey::from_secret(&secret),
        )
    }
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mint")
    }
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
