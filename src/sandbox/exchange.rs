//! Altinn's exchange of a Maskinporten token for its own.

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::access::bearer;
use super::problem::json;
use super::state::Shared;
use super::token::Issuer;

/// `GET /authentication/api/v1/exchange/maskinporten`: bare text, or a JSON string when JSON is asked for. Every refusal is an empty 401.
pub(super) async fn exchange(State(world): State<Shared>, headers: HeaderMap) -> Response {
    let exchanged = bearer(&headers)
        .and_then(|token| world.claims(token))
        .filter(|claims| claims.issuer == Issuer::Maskinporten)
        .and_then(|claims| world.altinn_token(claims));
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
