//! An HTTP answer taken apart: status, what it says about time, and a body of bounded size.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response};

use crate::secret::conceal;

/// An answer that has been read to its end, or to the limit.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `Retry-After`; at most 24 hours.
    pub(crate) retry_after: Option<Duration>,
    /// The server's clock.
    pub(crate) date: Option<SystemTime>,
    /// Why the token is not good, from `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Whether the body was longer than the limit, and is not here to its end.
    pub(crate) cut: bool,
}

/// Bodies are read up to here: the API's own are far smaller.
const BODY_LIMIT: usize = 1_000_000;
const SHORTEST_SECRET: usize = 8;
const STARS: &str = "*****";
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Reply {
    /// Sends a request and reads its answer. A refusal that quotes what the request carried in secret, as some gateways do, has stars instead.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let (http, request) = request.build_split();
        let request = request?;
        let secrets: Vec<_> = request
            .headers()
            .values()
            .filter(|value| value.is_sensitive())
            .cloned()
            .collect();
        let mut reply = Self::read(http.execute(request).await?).await?;
        if !reply.is_success() {
            for secret in secrets.iter().filter_map(|value| value.to_str().ok()) {
                reply.hide(secret.split_once(' ').map_or(secret, |(_, secret)| secret));
            }
        }
        Ok(reply)
    }

    /// Reads the body; an error means that it broke off or took too long.
    pub(crate) async fn read(mut response: Response) -> Result<Self, reqwest::Error> {
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
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(reqwest::Error::without_url)?
        {
            let room = BODY_LIMIT - reply.body.len();
            reply.cut = chunk.len() > room;
            reply
                .body
                .extend_from_slice(&chunk[..chunk.len().min(room)]);
            if reply.cut {
                break;
            }
        }
        Ok(reply)
    }

    /// Puts stars in the place of a secret. One that is short enough to be a word is let be.
    fn hide(&mut self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let body = String::from_utf8_lossy(&self.body);
        if body.contains(secret) {
            self.body = body.replace(secret, STARS).into_bytes();
        }
        let challenge = self.challenge.take();
        self.challenge = challenge.map(|text| text.replace(secret, STARS));
    }

    /// An answer with this header, when it is `now`.
    #[cfg(test)]
    pub(crate) fn with_retry_after(text: &str, now: SystemTime) -> Self {
        Self {
            status: 503,
            retry_after: retry_after(text, now),
            date: Some(now),
            challenge: None,
            body: Vec::new(),
            cut: false,
        }
    }

    /// An answer with this body.
    #[cfg(test)]
    pub(crate) fn with_body(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::with_retry_after("", SystemTime::UNIX_EPOCH)
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How many seconds this machine's clock is ahead of the server's.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        let (server, here) = (self.date?, SystemTime::now());
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Some(match here.duration_since(server) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        })
    }
}

/// A text from elsewhere made fit to be shown: one line of letters that show, identity numbers and tokens masked, at most `limit` characters.
pub(crate) fn presentable(text: &str, limit: usize) -> String {
    let shown = text.replace(does_not_show, "");
    let words = shown.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    // Masked before it is cut: a number that is cut in two is no longer recognised.
    let masked = conceal(&line);
    if masked.chars().count() <= limit {
        return masked.into_owned();
    }
    masked
        .chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Whether a letter has no width or turns the direction of those around it: it could hide an identity number, or tell another story than is there.
fn does_not_show(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// The title of a web page, else its first heading.
pub(crate) fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    ["title", "h1"].into_iter().find_map(|tag| {
        let open = lower.find(&format!("<{tag}"))?;
        let start = open + lower[open..].find('>')? + 1;
        let end = start + lower[start..].find("</")?;
        Some(page[start..end].trim()).filter(|text| !text.is_empty())
    })
}

/// The words of an answer: of a web page its title, or else what stands between the tags.
pub(crate) fn words(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('<') {
        return text.to_owned();
    }
    if let Some(title) = title(text) {
        return title.to_owned();
    }
    let mut pieces = text.split('<');
    let before = pieces.next().into_iter();
    let after = pieces.filter_map(|piece| Some(piece.split_once('>')?.1));
    let words: Vec<_> = before
        .chain(after)
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ")
}

/// The innermost cause of an error, in its own words.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    let mut source = error.source();
    while let Some(next) = source {
        cause = next;
        source = next.source();
    }
    cause.to_string()
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds or an HTTP date; nothing for anything else.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too long to be read is out of range here.
        text.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_WAIT))
}

/// `Bearer error="invalid_token", error_description="…"`: the description, else the error.
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
            ("0", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
            ("Sun Nov  6 08:49:37 1994", 37),
            ("Sun, 06 Nov 1994 08:48:00 GMT", 0),
            ("999999", 86_400),
            ("99999999999999999999999999", 86_400),
            ("Tue, 08 Nov 1994 08:49:00 GMT", 86_400),
        ] {
            let expected = Some(Duration::from_secs(seconds));
            assert_eq!(retry_after(text, now), expected, "{text}");
        }
    }

    #[test]
    fn a_retry_after_that_makes_no_sense_is_ignored() {
        let now = at("Sun, 06 Nov 1994 08:49:00 GMT");
        for text in ["", "-1", "1.5", "soon", "+5", "1e3", "2026-11-06T08:49:00Z"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_page_is_told_by_its_words() {
        for (page, expected) in [
            (
                "<html><head><title>Proxy</title></head><p>x</p></html>",
                "Proxy",
            ),
            ("<p class=\"a\">Log in\n <b>first</b></p>", "Log in first"),
            (" plain <text> ", "plain <text>"),
            ("<html>", ""),
            ("<", ""),
            ("", ""),
        ] {
            assert_eq!(words(page), expected, "{page}");
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

    #[test]
    fn texts_are_masked_before_they_are_cut() {
        assert_eq!(
            presentable("not\n found:\t07827199405", 15),
            "not found: 078…"
        );
        assert_eq!(
            presentable("not found: 07827199405", 100),
            "not found: 078271*****"
        );
        assert_eq!(presentable("æøå", 3), "æøå");
    }

    #[test]
    fn texts_from_elsewhere_do_not_command_a_terminal() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{7}\u{9b}2J", "[31mred 2J"),
            ("safe \u{202e}gpj.exe\u{2066}\u{200f}", "safe gpj.exe"),
            ("078271\u{200b}99405\u{feff}", "078271*****"),
            ("078271\u{0}99405", "078271 *****"),
            ("one\u{2028}two", "one two"),
        ] {
            assert_eq!(presentable(text, 100), shown, "{text:?}");
        }
    }
}
