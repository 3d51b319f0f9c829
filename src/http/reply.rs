//! An HTTP answer: status, times, and a body of limited size.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::TransportError;
use super::client::host_of;

/// An answer whose body has been read to its end or to the limit.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The wait that `Retry-After` asks for; at most 24 hours.
    pub(crate) retry_after: Option<Duration>,
    /// The server's time from the `Date` header.
    pub(crate) date: Option<SystemTime>,
    pub(crate) challenge: Option<String>,
    pub(crate) body: Vec<u8>,
    /// True when the body was longer than [`BODY_LIMIT`] and its rest is missing.
    pub(crate) cut: bool,
    /// The host of the request, with its port unless it is the default one.
    pub(crate) host: String,
}

/// The largest body that is kept, in bytes. Those of the API are far smaller; a proxy's page must not fill the memory.
const BODY_LIMIT: usize = 1_000_000;
/// The shortest secret that is masked, in bytes. A shorter one could be an ordinary word of the answer.
const SHORTEST_SECRET: usize = 8;
const STARS: &str = "*****";
/// The longest wait that a server may ask for; more would look like a program that hangs.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Reply {
    /// Sends a request and reads its answer. Some gateways quote the request in a refusal, so its secrets are masked there.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, TransportError> {
        let (http, request) = request.build_split();
        let request = request.map_err(TransportError::from)?;
        let host = host_of(request.url());
        // `bearer_auth`, `basic_auth` and the subscription key mark their headers as sensitive.
        let secrets: Vec<_> = request
            .headers()
            .values()
            .filter(|value| value.is_sensitive())
            .cloned()
            .collect();
        let answer = async { Self::read(http.execute(request).await?).await };
        let mut reply = answer
            .await
            .map_err(|error| TransportError::from_request(&host, error))?;
        if !reply.is_success() {
            for secret in secrets.iter().filter_map(|value| value.to_str().ok()) {
                // The value without its scheme, `Bearer` or `Basic`, which an answer may well name.
                let secret = secret.split_once(' ').map_or(secret, |(_, secret)| secret);
                if secret.len() >= SHORTEST_SECRET {
                    reply.hide(secret);
                }
            }
        }
        reply.host = host;
        Ok(reply)
    }

    async fn read(mut response: Response) -> Result<Self, reqwest::Error> {
        let date = header(response.headers(), &header::DATE)
            .and_then(|text| httpdate::parse_http_date(text).ok());
        let mut reply = Self {
            status: response.status().as_u16(),
            retry_after: header(response.headers(), &header::RETRY_AFTER)
                .and_then(|text| retry_after(text, date.unwrap_or_else(SystemTime::now))),
            date,
            challenge: header(response.headers(), &header::WWW_AUTHENTICATE).and_then(description),
            body: Vec::new(),
            cut: false,
            host: String::new(),
        };
        while let Some(chunk) = response.chunk().await? {
            let room = BODY_LIMIT - reply.body.len();
            reply.cut = chunk.len() > room;
            reply
                .body
                .extend_from_slice(&chunk[..chunk.len().min(room)]);
            // The rest stays unread, so the connection cannot be used again.
            if reply.cut {
                break;
            }
        }
        Ok(reply)
    }

    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let body = String::from_utf8_lossy(&self.body);
        if body.contains(secret) {
            self.body = body.replace(secret, STARS).into_bytes();
        }
        let challenge = self.challenge.take();
        self.challenge = challenge.map(|text| text.replace(secret, STARS));
    }

    /// An answer with this `Retry-After` header, received at the time `now`.
    #[cfg(test)]
    pub(crate) fn with_retry_after(text: &str, now: SystemTime) -> Self {
        Self {
            status: 503,
            retry_after: retry_after(text, now),
            date: Some(now),
            challenge: None,
            body: Vec::new(),
            cut: false,
            host: "localhost".to_owned(),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_body(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.into(),
            date: None,
            ..Self::with_retry_after("", SystemTime::UNIX_EPOCH)
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The reason of a refusal in one line, from its body or else from its challenge.
    pub(crate) fn reason(&self, limit: usize) -> String {
        // Altinn's 401 has no body; its reason is in the header.
        let words = super::plain(&String::from_utf8_lossy(&self.body));
        let reason = match (words.as_str(), &self.challenge) {
            ("", Some(challenge)) => challenge,
            ("", None) => "without a reason",
            (words, _) => words,
        };
        super::presentable(reason, limit)
    }

    /// The `issuer`, when the answer is the metadata of an authorisation server; `Err` says what it is instead.
    pub(crate) fn issuer(&self) -> Result<String, &'static str> {
        let value: Value = serde_json::from_slice(&self.body).map_err(|_| "not JSON")?;
        match value.get("issuer").and_then(Value::as_str) {
            Some(name) if !name.trim().is_empty() => Ok(name.to_owned()),
            _ => Err("no `issuer` in it"),
        }
    }

    /// The seconds by which this machine's clock is ahead of the server's, without the time of transport; negative when it is behind.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        let (server, here) = (self.date?, SystemTime::now());
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Some(match here.duration_since(server) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Parses `Retry-After`: seconds or an HTTP date; `None` for anything else, and for no wait at all (`0`, or a date that has passed): then the caller's own backoff holds,
/// without which all attempts would be used up at once. A date counts from `now`, the server's time, because this machine's clock may be wrong.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Fails only for a number that is too large, and so longer than the longest wait.
        text.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

/// Takes the description, or else the error, from a challenge such as `Bearer error="invalid_token", error_description="…"`.
fn description(challenge: &str) -> Option<String> {
    ["error_description=\"", "error=\""]
        .into_iter()
        .find_map(|name| {
            let (_, rest) = challenge.split_once(name)?;
            let (text, _) = rest.split_once('"')?;
            (!text.is_empty()).then(|| text.to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        httpdate::parse_http_date(text).unwrap()
    }

    #[test]
    fn retry_after_is_seconds_or_any_of_three_dates() {
        let now = at("Sun, 06 Nov 1994 08:49:00 GMT");
        for (text, seconds) in [
            ("120", 120),
            (" 5 ", 5),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
            ("Sun Nov  6 08:49:37 1994", 37),
            ("999999", 86_400),
            ("99999999999999999999999999", 86_400),
            ("Tue, 08 Nov 1994 08:49:00 GMT", 86_400),
        ] {
            let expected = Some(Duration::from_secs(seconds));
            assert_eq!(retry_after(text, now), expected, "{text}");
        }
    }

    #[test]
    fn a_retry_after_that_makes_no_sense_or_asks_for_no_wait_is_ignored() {
        let now = at("Sun, 06 Nov 1994 08:49:00 GMT");
        let senseless = ["", "-1", "1.5", "soon", "+5", "1e3", "2026-11-06T08:49:00Z"];
        let no_wait = ["0", "00", "Sun, 06 Nov 1994 08:48:00 GMT"];
        for text in senseless.into_iter().chain(no_wait) {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_challenge_says_why() {
        let expired = r#"Bearer error="invalid_token", error_description="The token expired at '11/06/1994 08:49:37'""#;
        assert_eq!(
            description(expired).unwrap(),
            "The token expired at '11/06/1994 08:49:37'"
        );
        assert_eq!(
            description(r#"Bearer error="invalid_token""#).unwrap(),
            "invalid_token"
        );
        assert_eq!(description("Bearer"), None);
    }
}
