//! The middleware in front of every endpoint that carries out the faults of the scenario.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::Instant;

use super::problem::Refusal;
use super::state::{ServerState, SharedState};
use super::token::TokenSigner;
use super::{Action, Endpoint};

/// Counts the request, and applies its delay and fault.
pub(super) async fn apply_scenario(
    State((state, endpoint)): State<(SharedState, Endpoint)>,
    request: Request,
    next: Next,
) -> Response {
    let (delay, action) = state.next_fault(endpoint);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut response = perform(action, &state, request, next).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn perform(
    action: Option<Action>,
    state: &ServerState,
    request: Request,
    next: Next,
) -> Response {
    let answer = match action {
        // The delay has passed already.
        None | Some(Action::Delay(_)) => return next.run(request).await,
        Some(Action::ExpireTokens) => {
            // This request's token is invalid now too: the client sees a 401 in the middle of its run.
            state.store().signer = TokenSigner::default();
            return next.run(request).await;
        }
        Some(Action::CutMidway) => {
            let _ = request.into_body().into_data_stream().next().await;
            return disconnect();
        }
        Some(Action::CutAfterCommit) => {
            next.run(request).await;
            return disconnect();
        }
        Some(Action::CutBeforeCommit) => disconnect(),
        Some(Action::Refuse(code)) => Refusal::code(code).into_response(),
        Some(Action::Answer {
            status,
            retry_after,
        }) => gateway(status, retry_after),
    };
    // Read to the end, so that the client has sent everything and reads the answer.
    drain(request.into_body()).await;
    answer
}

impl ServerState {
    fn next_fault(&self, endpoint: Endpoint) -> (Duration, Option<Action>) {
        let scenario = &self.options.scenario;
        let mut store = self.store();
        let number = store.count(endpoint);
        let mut delay = Duration::ZERO;
        let mut first = None;
        for trouble in &scenario.trouble {
            if trouble.endpoint != endpoint || !trouble.when.fits(number) {
                continue;
            }
            match trouble.action {
                Action::Delay(longer) => delay += longer,
                action => first = first.or(Some(action)),
            }
        }
        let is_api = !matches!(endpoint, Endpoint::Token | Endpoint::Exchange);
        // The limit belongs to the gateway of the API, which answers before Altinn sees the request. So it wins over all other actions.
        if let Some(rate) = scenario.rate.filter(|_| is_api)
            && let Err(wait) = store.admit_request(rate, Instant::now())
        {
            // Rounded up: `Retry-After` has whole seconds, and a client that obeys must be admitted.
            let retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
            first = Some(Action::Answer {
                status: 429,
                retry_after,
            });
        }
        (delay, first)
    }
}

/// An answer that never arrives: its body fails at once, before hyper has written anything, so that hyper drops the connection. The client has written its
/// request and reads the end of the stream where the answer should begin: it cannot know the outcome.
fn disconnect() -> Response {
    let failure = io::Error::from(io::ErrorKind::ConnectionAborted);
    Body::from_stream(stream::iter([Err::<Bytes, _>(failure)])).into_response()
}

/// Reads a body to its end, so that the client has sent all of it.
pub(super) async fn drain(body: Body) {
    let mut pieces = body.into_data_stream();
    while let Some(Ok(_)) = pieces.next().await {}
}

fn gateway(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = if status == StatusCode::TOO_MANY_REQUESTS {
        let wait = retry_after.unwrap_or_default();
        let message = format!("Rate limit is exceeded. Try again in {wait} seconds.");
        let body = json!({ "statusCode": 429, "message": message }).to_string();
        (status, [(CONTENT_TYPE, "application/json")], body).into_response()
    } else {
        let title = status.canonical_reason().unwrap_or("Error");
        let body = format!(
            "<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
        );
        (status, [(CONTENT_TYPE, "text/html")], body).into_response()
    };
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
