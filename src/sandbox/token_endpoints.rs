//! The endpoints for tokens: Maskinporten's metadata and `/token`, and Altinn's exchange.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::access::{bearer, expect_type};
use super::grant::{self, GrantRefused};
use super::problem::json;
use super::state::SharedState;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) async fn metadata(State(state): State<SharedState>) -> Response {
    let issuer = state.issuer();
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

pub(super) async fn token(
    State(state): State<SharedState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, GrantRefused> {
    let assertion = assertion(&headers, &body)?;
    let claims = grant::check(&state, &assertion)?;
    let token = state
        .sign(&claims)
        .ok_or_else(|| GrantRefused::new("server_error", None, "The token cannot be signed"))?;
    let body = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": state.options.token_lifetime.as_secs(),
        "scope": claims.scope,
    });
    Ok(json(StatusCode::OK, &body))
}

/// Handles `GET /authentication/api/v1/exchange/maskinporten`. Answers with the token as plain text, or as a JSON string when `Accept` names JSON; every refusal is
/// an empty 401.
pub(super) async fn exchange(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    let exchanged = bearer(&headers)
        .and_then(|token| state.claims(token))
        // Altinn's own token cannot be exchanged again.
        .filter(|claims| claims.iss == state.issuer())
        .and_then(|claims| {
            let issuer = format!("{}/authentication/api/v1/openid/", state.url);
            state.sign(&claims.exchanged(issuer, state.options.altinn_token_lifetime))
        });
    let Some(token) = exchanged else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("application/json")) {
        json(StatusCode::OK, &token)
    } else {
        token.into_response()
    }
}

#[derive(Deserialize)]
struct Form {
    grant_type: Option<String>,
    assertion: Option<String>,
}

fn assertion(headers: &HeaderMap, body: &[u8]) -> Result<String, GrantRefused> {
    let invalid = |text: &str| GrantRefused::new("invalid_request", None, text);
    expect_type(headers, "application/x-www-form-urlencoded")
        .map_err(|_| invalid("The request is not a form"))?;
    // The encoding of such a form is that of a query string, so the query parser reads it.
    let form = std::str::from_utf8(body)
        .ok()
        .and_then(|body| format!("/?{body}").parse::<Uri>().ok())
        .and_then(|uri| Query::<Form>::try_from_uri(&uri).ok())
        .ok_or_else(|| invalid("The form cannot be read"))?;
    let Query(Form {
        grant_type,
        assertion,
    }) = form;
    match grant_type.as_deref() {
        None => Err(invalid("Missing parameter: grant_type")),
        Some(GRANT_TYPE) => assertion.ok_or_else(|| invalid("Missing parameter: assertion")),
        Some(_) => Err(GrantRefused::new(
            "unsupported_grant_type",
            None,
            format!("The grant type is not supported, expected {GRANT_TYPE}"),
        )),
    }
}
