//! Parsing the refusals of Altinn, whose bodies come in many forms.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::http::{Reply, presentable, title};

/// An answer other than 2xx. Its texts are one line each, shortened, with identity numbers masked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Default)]
#[error("{message}")]
pub struct Refusal {
    pub status: u16,
    /// Altinn's error code, such as 1034. Missing for model validation (see `errors`), and for answers of gateways.
    pub code: Option<u32>,
    /// The reason, which is never empty.
    pub message: String,
    /// The findings of model validation, such as `Correspondence.Content.MessageTitle: The field is required.`
    pub errors: Vec<String>,
    /// The trace id that Altinn's support asks for.
    pub trace: Option<String>,
    /// The wait that `Retry-After` asks for; at most 24 hours.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Makes a refusal of any body, also of an empty or damaged one.
    pub(crate) fn from_reply(reply: &Reply) -> Self {
        let text = String::from_utf8_lossy(&reply.body);
        // A byte order mark, which some gateways write, is not valid JSON.
        let text = text.trim_start_matches('\u{feff}').trim();
        let blank = Self {
            status: reply.status,
            retry_after: reply.retry_after,
            ..Self::default()
        };
        let mut refusal = match serde_json::from_str(text) {
            Ok(Value::Object(problem)) => blank.with_problem(&problem),
            Ok(Value::String(message)) => blank.with_sentence(&message),
            _ => blank.with_page(text),
        };
        if refusal.message.is_empty() {
            // Altinn's 401 has no body; its reason is in the `WWW-Authenticate` header.
            let phrase = || StatusCode::from_u16(reply.status).ok()?.canonical_reason();
            let reason = reply.challenge.as_deref().or_else(phrase);
            refusal.message = presentable(reason.unwrap_or("no reason given"), MESSAGE_LIMIT);
        }
        refusal
    }

    /// Reads problem details (RFC 9457), with or without Altinn's own members; also a gateway's `statusCode` and `message`.
    fn with_problem(mut self, problem: &Map<String, Value>) -> Self {
        let member = |name: &str| {
            problem
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.code = code(problem);
        self.errors = errors(problem);
        self.trace = trace(member("traceId"));
        // `message` is a gateway's member, `error_description` OAuth's.
        let message = ["detail", "title", "message", "error_description", "error"]
            .into_iter()
            .map(member)
            .find(|text| !text.trim().is_empty());
        self.message = presentable(message.unwrap_or_default(), MESSAGE_LIMIT);
        self
    }

    /// Reads a bare JSON string: Altinn refuses unknown notification templates this way, without their code.
    fn with_sentence(mut self, message: &str) -> Self {
        self.code = (message.trim() == UNKNOWN_TEMPLATE.1).then_some(UNKNOWN_TEMPLATE.0);
        self.message = presentable(message, MESSAGE_LIMIT);
        self
    }

    /// Reads plain text, an HTML page, or truncated JSON.
    fn with_page(mut self, text: &str) -> Self {
        let is_page = text.starts_with('<');
        let words = if is_page {
            title(text).unwrap_or_default()
        } else {
            text
        };
        self.message = presentable(words, PAGE_LIMIT);
        self
    }
}

const MESSAGE_LIMIT: usize = 500;
/// Shorter than for Altinn's own messages: pages and foreign texts say little.
const PAGE_LIMIT: usize = 200;
const ERROR_LIMIT: usize = 300;
/// The largest number of findings that are kept.
const ERRORS_LIMIT: usize = 50;
const UNKNOWN_TEMPLATE: (u32, &str) = (3023, "Invalid notification template");

/// Reads Altinn's error code. At runtime `errorCode` is a number and `code` is text such as `CORR-01023`, while the `OpenAPI` description calls `errorCode` text: all are read.
fn code(problem: &Map<String, Value>) -> Option<u32> {
    let own = match problem.get("errorCode") {
        Some(Value::Number(number)) => number.as_u64().and_then(|number| number.try_into().ok()),
        Some(Value::String(text)) => code_number(text),
        _ => None,
    };
    own.or_else(|| code_number(problem.get("code")?.as_str()?))
}

/// Parses `1023` or `CORR-01023`. `STD-00000`, the code of model validation, is no number.
fn code_number(text: &str) -> Option<u32> {
    text.strip_prefix("CORR-").unwrap_or(text).parse().ok()
}

/// Reads the findings of model validation. The map `errors` has the exact paths; the list `validationErrors` is used when the map is empty.
fn errors(problem: &Map<String, Value>) -> Vec<String> {
    let mut pairs = from_errors_map(problem);
    if pairs.is_empty() {
        pairs = from_validation_errors(problem);
    }
    let mut found: Vec<String> = Vec::new();
    for (place, message) in pairs {
        let entry = if place.is_empty() {
            message.to_owned()
        } else {
            format!("{place}: {message}")
        };
        let entry = presentable(&entry, ERROR_LIMIT);
        // Several members can repeat the same finding.
        if found.len() < ERRORS_LIMIT && !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

/// Reads `"errors": {"Correspondence.ResourceId": ["…"]}`. For forms some lists are empty.
fn from_errors_map(problem: &Map<String, Value>) -> Vec<(String, &str)> {
    let entries = problem.get("errors").and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .flat_map(|(place, messages)| {
            texts(messages).map(move |message| (place.trim().to_owned(), message))
        })
        .collect()
}

/// Reads `"validationErrors": [{"title": "…", "paths": ["Correspondence/ResourceId"]}]`; the `OpenAPI` description names `detail` instead of `title`, so both are read.
fn from_validation_errors(problem: &Map<String, Value>) -> Vec<(String, &str)> {
    let entries = problem.get("validationErrors").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let message = ["title", "detail"]
                .into_iter()
                .filter_map(|name| entry.get(name))
                .find_map(|text| texts(text).next())?;
            let places: Vec<&str> = entry.get("paths").into_iter().flat_map(texts).collect();
            Some((places.join(", ").replace('/', "."), message))
        })
        .collect()
}

/// The strings of a list, or a single string; blank ones are left out.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        single => std::slice::from_ref(single),
    };
    all.iter()
        .filter_map(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// Accepts a trace id only in its usual form, because it is shown without masking.
fn trace(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-|.:_".contains(&byte);
    (!text.is_empty() && text.len() <= 100 && text.bytes().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::from_reply(&Reply::with_body(status, body))
    }

    #[test]
    fn a_domain_error_has_a_code_and_may_name_its_trace_twice() {
        let found = refusal(
            400,
            r#"{"type": "https://tools.ietf.org/html/rfc9110#section-15.5.1", "title": "Bad Request", "status": 400,
                "detail": "Invalid language chosen. Supported languages is Norsk bokmål (nb), Nynorsk (nn) and English (en)",
                "code": "CORR-01023", "statusDescription": "Bad Request", "traceId": "00-aa-bb-00", "errorCode": 1023, "traceId": "00-aa-bb-01"}"#,
        );
        assert_eq!(found.code, Some(1023));
        assert!(found.message.starts_with("Invalid language chosen"));
        assert_eq!(found.trace.as_deref(), Some("00-aa-bb-01"));
        assert!(found.errors.is_empty());
    }

    #[test]
    fn the_code_is_also_understood_as_text() {
        assert_eq!(refusal(409, r#"{"errorCode": "1034"}"#).code, Some(1034));
        assert_eq!(
            refusal(409, r#"{"errorCode": "CORR-01034"}"#).code,
            Some(1034)
        );
        assert_eq!(refusal(409, r#"{"code": "CORR-01034"}"#).code, Some(1034));
        assert_eq!(
            refusal(409, r#"{"errorCode": null, "code": "CORR-01034"}"#).code,
            Some(1034)
        );
        assert_eq!(
            refusal(400, r#"{"errorCode": -1, "code": "STD-00000"}"#).code,
            None
        );
    }

    #[test]
    fn model_validation_names_every_member_and_ignores_empty_lists() {
        let found = refusal(
            400,
            r#"{"title": "Bad Request", "status": 400, "code": "STD-00000", "detail": "One or more validation errors occurred.",
                "validationErrors": [{"code": "CORR.VLD-00000", "title": "The field is required.", "paths": ["Correspondence/ResourceId"]}],
                "errors": {"Correspondence.ResourceId": ["The field is required.", "Too short."], "Recipients[0]": ["Bad recipient 07827199405"], "IdempotentKey": []}, "traceId": "t"}"#,
        );
        assert_eq!(found.code, None);
        assert_eq!(found.message, "One or more validation errors occurred.");
        assert_eq!(
            found.errors,
            [
                "Correspondence.ResourceId: The field is required.",
                "Correspondence.ResourceId: Too short.",
                "Recipients[0]: Bad recipient 078271*****",
            ]
        );
    }

    #[test]
    fn validation_errors_are_read_with_title_or_detail_when_the_map_is_empty() {
        let found = refusal(
            400,
            r#"{"title": "Bad Request", "errors": {"request": []}, "validationErrors": [
                {"title": "Required.", "paths": ["Correspondence/Content", "Recipients"]}, {"detail": "Too long.", "title": "", "paths": []}, {"paths": ["X"]}, null]}"#,
        );
        assert_eq!(
            found.errors,
            ["Correspondence.Content, Recipients: Required.", "Too long."]
        );
        assert_eq!(found.message, "Bad Request");
    }

    #[test]
    fn an_empty_body_is_told_by_its_status_or_by_what_the_token_lacks() {
        assert_eq!(refusal(403, "").message, "Forbidden");
        assert_eq!(refusal(599, "  ").message, "no reason given");
        let expired = Refusal::from_reply(&Reply {
            retry_after: Some(Duration::from_secs(3)),
            challenge: Some("The token expired".into()),
            ..Reply::with_body(401, "")
        });
        assert_eq!(expired.message, "The token expired");
        assert_eq!(expired.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_bare_sentence_is_the_unknown_template() {
        let found = refusal(400, "\"Invalid notification template\"");
        assert_eq!(found.code, Some(3023));
        assert_eq!(found.message, "Invalid notification template");
        assert_eq!(refusal(400, "\"Something else\"").code, None);
        assert_eq!(refusal(400, "\"\"").message, "Bad Request");
    }

    #[test]
    fn plain_text_and_broken_json_are_shown_as_they_are() {
        let found = refusal(406, "Not acceptable:\r\n use application/json");
        assert_eq!(found.message, "Not acceptable: use application/json");
        let cut = refusal(400, r#"{"title": "Bad Requ"#);
        assert_eq!(cut.message, r#"{"title": "Bad Requ"#);
        assert_eq!(cut.code, None);
    }

    #[test]
    fn an_unhandled_error_has_a_title_and_a_trace_but_no_code() {
        let found = refusal(
            500,
            r#"{"type": "…", "title": "An error occurred while processing your request.", "status": 500, "traceId": "00-cc-dd-00"}"#,
        );
        assert_eq!(found.code, None);
        assert_eq!(
            found.message,
            "An error occurred while processing your request."
        );
        assert_eq!(found.trace.as_deref(), Some("00-cc-dd-00"));
    }

    #[test]
    fn a_page_of_the_gateway_is_told_by_its_title() {
        let page = "<html>\n<head><title>502 Bad Gateway</title></head><body>…</body></html>";
        assert_eq!(refusal(502, page).message, "502 Bad Gateway");
        let headed = "<!DOCTYPE html><body><H1 class=x>Øvelse: 503</H1>";
        assert_eq!(refusal(503, headed).message, "Øvelse: 503");
        for page in ["<html>", "<title>", "<title>no end", "<", "<h1></h1>"] {
            assert_eq!(refusal(502, page).message, "Bad Gateway", "{page}");
        }
    }

    #[test]
    fn the_gateways_own_json_is_understood() {
        let found = refusal(
            429,
            r#"{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 12 seconds."}"#,
        );
        assert_eq!(
            found.message,
            "Rate limit is exceeded. Try again in 12 seconds."
        );
        assert_eq!(found.code, None);
    }

    #[test]
    fn any_other_json_is_a_refusal_too() {
        for body in [
            "null",
            "[]",
            "42",
            "{}",
            "true",
            r#"{"errors": 7, "validationErrors": {}, "traceId": 1, "detail": ["x"]}"#,
        ] {
            let found = refusal(400, body);
            assert!(!found.message.is_empty(), "{body}");
            assert_eq!((found.code, found.trace), (None, None), "{body}");
        }
    }

    #[test]
    fn persons_are_masked_in_every_text() {
        let found = refusal(
            404,
            r#"{"errorCode": 1029, "detail": "Could not find: urn:altinn:person:identifier-no:07827199405", "traceId": "07827199405 is here"}"#,
        );
        assert!(found.message.ends_with(":078271*****"), "{}", found.message);
        assert_eq!(found.trace, None);
        assert!(
            !refusal(400, "person 26818099001")
                .message
                .contains("26818099001")
        );
        assert!(
            !refusal(400, "\"person 26818099001\"")
                .message
                .contains("26818099001")
        );
    }

    #[test]
    fn a_flood_of_errors_is_bounded() {
        let many: Vec<String> = (0..200)
            .map(|number| format!("\"m{number}\": [\"{}\"]", "x".repeat(900)))
            .collect();
        let found = refusal(400, &format!("{{\"errors\": {{{}}}}}", many.join(",")));
        assert_eq!(found.errors.len(), 50);
        assert!(
            found
                .errors
                .iter()
                .all(|entry| entry.chars().count() <= 300)
        );
    }
}
