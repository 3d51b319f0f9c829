//! The error answers of Altinn: the two forms of a 400 body, and the refusals without a body.

use std::collections::BTreeMap;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::correspondence::codes;

pub(super) const JSON: &str = "application/json; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 401 without a body: the token is missing or invalid.
    Unauthorized,
    /// 403 without a body: the token is valid but lacks the scope.
    Forbidden,
    /// 406: the client does not accept JSON.
    NotAcceptable,
    UnsupportedMediaType,
    /// 400 by model validation, with all its entries at once.
    Model(Vec<Entry>),
    Altinn {
        /// The `errorCode` of the body; determines the HTTP status.
        code: u16,
        /// An addition to the code's text, such as the recipients concerned.
        about: Option<String>,
    },
    /// 400 whose whole body is one JSON string.
    Bare(&'static str),
    /// 500: the server fails with an unhandled error.
    Crash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path of the member, such as `Correspondence.Content.MessageTitle`; for a fault in parsing a JSON path such as `$.correspondence.content`.
    pub key: String,
    pub message: String,
}

impl Refusal {
    pub(super) fn code(code: u16) -> Self {
        Self::Altinn { code, about: None }
    }
}

impl Entry {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthorized => {
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
            }
            Self::Forbidden => StatusCode::FORBIDDEN.into_response(),
            Self::NotAcceptable => {
                let text = "Accept must list application/json or */*";
                (StatusCode::NOT_ACCEPTABLE, text).into_response()
            }
            Self::UnsupportedMediaType => {
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                json(status, &Problem::new(status, json!({})))
            }
            Self::Model(entries) => model(&entries),
            Self::Altinn { code, about } => altinn(code, about.as_deref()),
            Self::Bare(text) => json(StatusCode::BAD_REQUEST, &text),
            Self::Crash => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let mut response = json(status, &Problem::new(status, json!({})));
                // Only unhandled errors have this media type; all other errors are `application/json`.
                let plain = HeaderValue::from_static("application/problem+json");
                response.headers_mut().insert(CONTENT_TYPE, plain);
                response
            }
        }
    }
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(CONTENT_TYPE, JSON)], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The body of an error, with its members in the order of the API.
#[derive(Serialize)]
struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[serde(flatten)]
    details: Value,
    #[serde(rename = "traceId")]
    trace: String,
    /// Domain errors have their code here and `traceId` once more, as Altinn's have: a client must survive that.
    #[serde(flatten)]
    domain: Value,
}

impl Problem {
    fn new(status: StatusCode, details: Value) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self {
            r#type: kind(status),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            details,
            // The form of W3C Trace Context, as Altinn's trace ids have.
            trace: format!("00-{id}-{}-00", &id[..16]),
            domain: json!({}),
        }
    }
}

fn model(entries: &[Entry]) -> Response {
    let status = StatusCode::BAD_REQUEST;
    let mut errors = BTreeMap::<_, Vec<_>>::new();
    // Several faults of one member share an entry of the map, but not of the list.
    for Entry { key, message } in entries {
        errors
            .entry(key.as_str())
            .or_default()
            .push(message.as_str());
    }
    let validation_errors = entries.iter().map(|Entry { key, message }| {
        json!({ "code": "CORR.VLD-00000", "title": message, "paths": [key.replace('.', "/")] })
    });
    let details = json!({
        "detail": "One or more validation errors occurred.",
        "code": "STD-00000",
        "validationErrors": validation_errors.collect::<Value>(),
        "errors": errors,
    });
    json(status, &Problem::new(status, details))
}

fn altinn(code: u16, about: Option<&str>) -> Response {
    let status = StatusCode::from_u16(codes::http_status(code)).unwrap_or(StatusCode::BAD_REQUEST);
    let meaning = codes::meaning(code.into());
    let meaning = meaning.unwrap_or("the request is refused");
    let about = about.map(|about| format!(": {about}")).unwrap_or_default();
    let detail = format!("{meaning}{about}");
    let title = status.canonical_reason().unwrap_or("Error");
    let details =
        json!({ "detail": detail, "code": format!("CORR-{code:05}"), "statusDescription": title });
    let mut problem = Problem::new(status, details);
    problem.domain = json!({ "errorCode": code, "traceId": problem.trace });
    json(status, &problem)
}

fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "https://tools.ietf.org/html/rfc9110#section-15.5.2",
        404 => "https://tools.ietf.org/html/rfc9110#section-15.5.5",
        408 => "https://tools.ietf.org/html/rfc9110#section-15.5.9",
        409 => "https://tools.ietf.org/html/rfc9110#section-15.5.10",
        415 => "https://tools.ietf.org/html/rfc9110#section-15.5.16",
        422 => "https://tools.ietf.org/html/rfc9110#section-15.5.21",
        451 => "https://tools.ietf.org/html/rfc7725#section-3",
        500 => "https://tools.ietf.org/html/rfc9110#section-15.6.1",
        502 => "https://tools.ietf.org/html/rfc9110#section-15.6.3",
        _ => "https://tools.ietf.org/html/rfc9110#section-15.5.1",
    }
}
