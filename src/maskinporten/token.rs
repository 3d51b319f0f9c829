//! An access token that is never shown by accident.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// A token for `Authorization: Bearer`. Clones share one secret; `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Token(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    secret: SecretString,
    lifetime: Duration,
    fetched: Instant,
    clock_ahead: Option<i64>,
}

impl Token {
    /// A token with the lifetime it had at the time `fetched`.
    pub(crate) fn new(secret: SecretString, lifetime: Duration, fetched: Instant) -> Self {
        Self(Arc::new(Inner {
            secret,
            lifetime,
            fetched,
            clock_ahead: None,
        }))
    }

    /// Adds the difference between this machine's clock and the server's, in seconds.
    pub(super) fn with_clock_ahead(self, clock_ahead: Option<i64>) -> Self {
        Self(Arc::new(Inner {
            secret: self.0.secret.clone(),
            clock_ahead,
            ..*self.0
        }))
    }

    /// The secret itself. Use it in a request only.
    pub fn expose(&self) -> &str {
        self.0.secret.expose_secret()
    }

    /// The lifetime, counted from when the token was fetched.
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// The unverified claims; `None` for a token that is not a JWT, because a token may be opaque.
    pub fn claims(&self) -> Option<Value> {
        claims(self.expose())
    }

    /// The seconds by which this machine's clock was ahead of Maskinporten's when the token was fetched; negative when it was behind.
    pub fn clock_ahead(&self) -> Option<i64> {
        self.0.clock_ahead
    }

    pub(super) fn fetched(&self) -> Instant {
        self.0.fetched
    }

    /// The part of the lifetime in which the token is used for new requests.
    fn usable(&self) -> Duration {
        self.0
            .lifetime
            // A quarter at most, or nothing would be left of a short-lived token.
            .saturating_sub(MARGIN.min(self.0.lifetime / 4))
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.fetched)
    }

    /// True for clones of one token and for tokens with the same secret.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // Also by value, because a source may return the refused token once more.
        Arc::ptr_eq(&self.0, &other.0) || self.expose() == other.expose()
    }

    /// True while it is used without fetching another one first: not in the last 30 seconds of its life, or the last quarter of a short one. Altinn allows no clock
    /// skew, and a request needs its time.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < self.usable()
    }

    /// True once the next one is to be fetched in the background: from two minutes before it is no longer fresh, or in the last third of a short life.
    pub(super) fn is_aging(&self, now: Instant) -> bool {
        let usable = self.usable();
        self.age(now) >= usable.saturating_sub(LEAD.min(usable / 3))
    }

    /// True while it works at all. A token that is alive but not fresh is used only when no other can be fetched.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        self.age(now) < self.0.lifetime
    }
}

/// Reads a number of seconds, also from a string.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Duration::from_secs(number))
}

/// The time from `server_now` to the `exp` of a JWT; `None` when it has no readable `exp`. Counted by the server's clock, because this machine's may be wrong.
pub(super) fn remaining(token: &str, server_now: SystemTime) -> Option<Duration> {
    let exp = claims(token)?.get("exp")?.as_u64()?;
    let end = UNIX_EPOCH.checked_add(Duration::from_secs(exp))?;
    Some(end.duration_since(server_now).unwrap_or(Duration::ZERO))
}

/// True when a text can be a token: it fits into a header, and is neither HTML nor JSON.
pub(super) fn is_plausible(token: &str) -> bool {
    !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_graphic())
        && !token.contains(['<', '{', '"'])
}

/// The last part of a token's life, in which it is not used for new requests.
const MARGIN: Duration = Duration::from_secs(30);
/// The time before [`MARGIN`] at which the background fetch starts.
const LEAD: Duration = Duration::from_secs(120);

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    // Some issuers pad the parts, although JWT forbids it.
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    fn lasting(seconds: u64, fetched: Instant) -> Token {
        Token::new("secret-text".into(), Duration::from_secs(seconds), fetched)
    }

    #[test]
    fn a_token_is_left_alone_thirty_seconds_before_its_end() {
        let now = Instant::now();
        let token = lasting(120, now);
        assert!(token.is_fresh(now + Duration::from_secs(89)));
        assert!(!token.is_fresh(now + Duration::from_secs(90)));
    }

    #[test]
    fn a_short_lived_token_can_be_used_for_three_quarters_of_its_life() {
        let now = Instant::now();
        let token = lasting(8, now);
        assert!(token.is_fresh(now + Duration::from_secs(5)));
        assert!(!token.is_fresh(now + Duration::from_secs(6)));
        assert!(!lasting(0, now).is_fresh(now));
    }

    #[test]
    fn the_next_token_is_fetched_while_the_old_one_is_good() {
        let now = Instant::now();
        for (lifetime, aging, unusable) in [(1800, 1650, 1770), (120, 60, 90), (8, 4, 6)] {
            let token = lasting(lifetime, now);
            let at = |seconds| now + Duration::from_secs(seconds);
            assert!(!token.is_aging(at(aging - 1)), "{lifetime}");
            assert!(
                token.is_aging(at(aging)) && token.is_fresh(at(aging)),
                "{lifetime}"
            );
            assert!(token.is_fresh(at(unusable - 1)), "{lifetime}");
            assert!(!token.is_fresh(at(unusable)), "{lifetime}");
        }
    }

    #[test]
    fn a_jwt_says_itself_how_long_it_lasts() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let left = |payload| remaining(&jwt(payload), now);
        assert_eq!(left(r#"{"exp":1120}"#), Some(Duration::from_secs(120)));
        assert_eq!(left(r#"{"exp":900}"#), Some(Duration::ZERO));
        assert_eq!(left(r#"{"iat":900}"#), None);
        assert_eq!(remaining("opaque", now), None);
        assert_eq!(remaining("a.b.c", now), None);
    }

    #[test]
    fn neither_debug_nor_pretty_debug_shows_the_secret() {
        let token = lasting(120, Instant::now());
        assert!(!format!("{token:?} {token:#?}").contains("secret-text"));
    }

    #[test]
    fn pages_and_blanks_are_no_tokens() {
        assert!(is_plausible(&jwt("{}")));
        for text in ["", "<html>", "a b", "{\"error\":1}", "a\u{e5}"] {
            assert!(!is_plausible(text), "{text}");
        }
    }
}
