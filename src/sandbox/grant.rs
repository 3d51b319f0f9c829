//! The validation of JWT grants, as strict as Maskinporten's and with its error codes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::problem::json as answer;
use super::registration::SCOPES;
use super::state::ServerState;
use super::token::Claims;
use crate::text::has_word;

/// The largest difference between a grant's `iat` and the clock, in seconds.
const SKEW: i64 = 10;
/// The longest time from a grant's `iat` to its `exp`, in seconds.
const LIFETIME: i64 = 120;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];
/// The claims a grant may have; Maskinporten refuses all others.
const CLAIMS: &str =
    "aud iss scope iat exp jti resource pid consumer_org iss_onbehalfof authorization_details";

/// Maskinporten's error for an invalid grant: an OAuth 2.0 `error`, and a code that stands only in the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GrantRefused {
    error: &'static str,
    code: Option<&'static str>,
    text: String,
}

impl GrantRefused {
    pub(super) fn new(
        error: &'static str,
        code: Option<&'static str>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            error,
            code,
            text: text.into(),
        }
    }

    fn invalid(code: &'static str, text: impl Into<String>) -> Self {
        Self::new("invalid_grant", Some(code), text)
    }
}

impl IntoResponse for GrantRefused {
    fn into_response(self) -> Response {
        let code = self
            .code
            .map(|code| format!("{code}: "))
            .unwrap_or_default();
        let trace = Uuid::new_v4().simple();
        let body = json!({
            "error": self.error,
            "error_description": format!("{code}{} (trace_id: {trace})", self.text),
        });
        answer(StatusCode::BAD_REQUEST, &body)
    }
}

/// Validates an assertion, records its `jti`, so that a second use is refused, and returns the claims of the token for it.
pub(super) fn check(state: &ServerState, assertion: &str) -> Result<Claims, GrantRefused> {
    let claims = signed_claims(state, assertion)?;
    // Maskinporten refuses unknown claims instead of ignoring them.
    if let Some(unknown) = claims.keys().find(|name| !has_word(CLAIMS, name)) {
        let text = format!("Invalid assertion. Unknown claim: {unknown}");
        return Err(GrantRefused::invalid("MP-011", text));
    }
    let issuer = state.issuer();
    if text(&claims, "aud").as_ref() != Some(&issuer) {
        let text = format!("Invalid assertion. Invalid audience, expected {issuer}");
        return Err(GrantRefused::invalid("MP-110", text));
    }
    let expires = check_times(&claims, Timestamp::now().as_second())?;
    let client_id = text(&claims, "iss").unwrap_or_default();
    let scope = check_scopes(&claims)?;
    if let Some(jti) = text(&claims, "jti") {
        let used = format!("{client_id} {jti}");
        let now = Timestamp::now().as_second();
        if !state.store().first_use(used, expires, now) {
            let text = "Invalid assertion. The grant has been used before";
            return Err(GrantRefused::invalid("MP-012", text));
        }
    }
    let lifetime = state.options.token_lifetime;
    Ok(Claims::maskinporten(issuer, client_id, scope, lifetime))
}

fn signed_claims(state: &ServerState, assertion: &str) -> Result<Map<String, Value>, GrantRefused> {
    let invalid = |text| GrantRefused::invalid("MP-011", text);
    // Decoded without verification first: client and key have to be known before the signature can be verified.
    let unread = insecure_decode::<Map<String, Value>>(assertion)
        .map_err(|_| invalid("Invalid assertion. The JWT cannot be read"))?;
    if !ALGORITHMS.contains(&unread.header.alg) {
        return Err(invalid("Invalid assertion. The algorithm is not supported"));
    }
    let unauthenticated = |text: &str| GrantRefused::new("invalid_client", Some("MP-100"), text);
    let client = text(&unread.claims, "iss").unwrap_or_default();
    if !state.clients.knows(&client) {
        return Err(unauthenticated(
            "Client authentication failed. Client not found",
        ));
    }
    let key = match (&unread.header.kid, &unread.header.x5c) {
        (Some(kid), _) => state.clients.key(&client, kid).ok_or_else(|| {
            unauthenticated("Client authentication failed. The kid is not registered on the client")
        })?,
        (None, Some(chain)) => key_of_certificate(state, &client, chain)?,
        (None, None) => return Err(invalid("Invalid assertion. The header has no kid or x5c")),
    };
    // Only the signature is verified here: `check_times` and the caller report the claims with Maskinporten's own codes.
    let mut validation = Validation::new(unread.header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let read = jsonwebtoken::decode(assertion, key, &validation);
    read.map(|read| read.claims)
        .map_err(|_| GrantRefused::invalid("MP-124", "Invalid assertion. Invalid JWT signature"))
}

/// Finds the client's key by the first certificate of a chain. The sandbox trusts every issuer, because test certificates have none it could know.
fn key_of_certificate<'a>(
    state: &'a ServerState,
    client: &str,
    chain: &[String],
) -> Result<&'a DecodingKey, GrantRefused> {
    let leaf = chain
        .first()
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|der| Certificate::from_der(&der).ok());
    let Some(leaf) = leaf else {
        let text = "Invalid assertion. The x5c header cannot be read";
        return Err(GrantRefused::invalid("MP-123", text));
    };
    let public = leaf.tbs_certificate().subject_public_key_info();
    state
        .clients
        .certified_key(client, public.subject_public_key.raw_bytes())
        .ok_or_else(|| {
            let text = "Invalid assertion. The certificate is not the client's";
            GrantRefused::invalid("MP-122", text)
        })
}

/// Validates `iat` and `exp`, in seconds since 1970, and returns `exp`.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<i64, GrantRefused> {
    let time = |name: &str| {
        claims.get(name).and_then(Value::as_i64).ok_or_else(|| {
            let text = format!("Invalid assertion. {name} is missing or not a whole number");
            GrantRefused::invalid("MP-011", text)
        })
    };
    let (issued, expires) = (time("iat")?, time("exp")?);
    let (code, text) = if expires <= now {
        (Some("MP-130"), "The JWT has expired".to_owned())
    } else if issued > now.saturating_add(SKEW) {
        (None, "The issue time is after now".to_owned())
    } else if issued < now.saturating_sub(SKEW) {
        (Some("MP-130"), "The JWT was used too late".to_owned())
    } else if expires.saturating_sub(issued) > LIFETIME {
        (
            None,
            format!("exp is more than {LIFETIME} seconds after iat"),
        )
    } else {
        return Ok(expires);
    };
    let text = format!("Invalid assertion. {text}");
    Err(GrantRefused::new("invalid_grant", code, text))
}

fn check_scopes(claims: &Map<String, Value>) -> Result<String, GrantRefused> {
    let scope = text(claims, "scope").filter(|scope| !scope.trim().is_empty());
    let scope = scope.ok_or_else(|| {
        GrantRefused::new("invalid_scope", None, "Invalid assertion. scope is missing")
    })?;
    if let Some(unknown) = scope.split_whitespace().find(|name| !SCOPES.contains(name)) {
        let text = format!("The scope is not registered on the client: {unknown}");
        return Err(GrantRefused::new("invalid_scope", Some("MP-200"), text));
    }
    Ok(scope)
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}
