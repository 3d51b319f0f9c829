//! The checks of a request's headers: access token, scopes and media types.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};

use super::problem::Refusal;
use super::state::ServerState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequiredScope {
    /// Needs the scope `altinn:correspondence.write`.
    Sender,
    /// Needs one of the scopes `altinn:correspondence.write` and `altinn:correspondence.read`.
    SenderOrRecipient,
}

/// Checks the bearer token and then `Accept`, and returns the caller: the organisation behind the token, as nine digits. Altinn makes these checks in this order and before any other.
pub(super) fn authorize(
    state: &ServerState,
    headers: &HeaderMap,
    policy: RequiredScope,
) -> Result<Arc<str>, Refusal> {
    let claims = bearer(headers)
        .and_then(|token| state.claims(token))
        .ok_or(Refusal::Unauthorized)?;
    let scope = |name| claims.scope.split(' ').any(|scope| scope == name);
    let write = scope("altinn:correspondence.write");
    let has_scope =
        write || policy == RequiredScope::SenderOrRecipient && scope("altinn:correspondence.read");
    // Altinn accepts a raw Maskinporten token only with the scope of service owners, and its own token without.
    let is_complete = claims.iss != state.issuer() || scope("altinn:serviceowner");
    if !(has_scope && is_complete) {
        return Err(Refusal::Forbidden);
    }
    accepts_json(headers)?;
    // The claim reads `0192:991825827`.
    let organization = claims.consumer.id.rsplit(':').next();
    Ok(organization.unwrap_or_default().into())
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Refuses a request whose `Content-Type` is not `wanted`, parameters aside.
pub(super) fn expect_type(headers: &HeaderMap, wanted: &str) -> Result<(), Refusal> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let fits = value.is_some_and(|value| essence(value).eq_ignore_ascii_case(wanted));
    fits.then_some(()).ok_or(Refusal::UnsupportedMediaType)
}

/// Refuses an `Accept` header that allows no JSON. A missing header is fine, and `application/*` does not count, as at Altinn.
fn accepts_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut accepted = headers.get_all(ACCEPT).iter().peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let fits = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(essence)
        .any(|range| range.eq_ignore_ascii_case("application/json") || range == "*/*");
    fits.then_some(()).ok_or(Refusal::NotAcceptable)
}

/// The media type without parameters such as `charset` or `q`.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}
