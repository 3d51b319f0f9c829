//! The token sources without a fetch of their own: a token given as text, or in a file that is read again when it changes.

use std::future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::token::{is_plausible, remaining, seconds};
use super::{SourceError, Token, TokenError, TokenFuture, TokenSource, from_fn};
use crate::secret::read_file;

/// Makes a source with one fixed token; `place` is where it was found, such as `MASSEBREV_TOKEN`.
///
/// The token cannot be renewed: one that Altinn refuses is given again, so that the second refusal names the reason. After its expiry the source returns an error
/// with a hint.
pub fn from_token(token: Token, place: impl Into<String>) -> Arc<dyn TokenSource> {
    let place = place.into();
    let hint = "get a new token and set it; a mailing that takes longer than a token lives needs `auth.key`, or `auth.token` with a file or a command";
    from_fn(move || future::ready(unexpired(&token, &place, hint).map_err(TokenError::from)))
}

/// A token in a file that another program renews.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    cached: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    token: Option<Token>,
    stamp: Option<Stamp>,
    checked: Option<Instant>,
}

/// The modification time and size of a file, which change when it is written or replaced.
type Stamp = (SystemTime, u64);

/// The shortest time between two checks of the file: a check before every request would cost more than it finds.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Makes a source whose token is in a file, which is read again when it changes. Reads nothing yet.
pub fn from_file(path: PathBuf) -> Arc<dyn TokenSource> {
    let cached = Mutex::default();
    Arc::new(TokenFile { path, cached })
}

impl TokenFile {
    fn current(&self) -> Result<Token, SourceError> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alive = |token: &&Token| token.time_left() != Some(Duration::ZERO);
        let is_recent = |checked: Instant| checked.elapsed() < CHECK_INTERVAL;
        let known = cached.token.as_ref().filter(is_alive).cloned();
        if let Some(token) = &known
            && cached.checked.is_some_and(is_recent)
        {
            return Ok(token.clone());
        }
        // Also set when reading fails, so that a missing file is not looked for before every request.
        cached.checked = Some(Instant::now());
        let place = self.path.display().to_string();
        match (self.read_changed(&cached, &place), known) {
            (Ok(None), _) => {}
            (Ok(Some((token, stamp))), _) => {
                cached.token = Some(token);
                cached.stamp = stamp;
            }
            // While another program replaces the file, it may be missing or incomplete.
            (Err(error), Some(token)) => {
                tracing::warn!(%error, "the token read earlier is used");
                return Ok(token);
            }
            (Err(error), None) => return Err(error),
        }
        let token = cached.token.as_ref();
        let token = token.ok_or_else(|| SourceError::not_a_token(&place, "it is empty"))?;
        let hint = "write a new token into the file: it is read again when it changes";
        unexpired(token, &place, hint)
    }

    /// Reads the token when the file has changed since the last time; `None` when it has not.
    fn read_changed(
        &self,
        cached: &Cached,
        place: &str,
    ) -> Result<Option<(Token, Option<Stamp>)>, SourceError> {
        let failed = |source| SourceError {
            source: Some(Arc::new(source)),
            ..SourceError::new(
                format!("cannot read the token from {place}"),
                "name a plain file of at most 1 MB that you may read, with the token and nothing else; a token can also come from MASSEBREV_TOKEN",
            )
        };
        let metadata = std::fs::metadata(&self.path).map_err(failed)?;
        let stamp = metadata.modified().ok().map(|time| (time, metadata.len()));
        // A file system without modification times gives no stamp, so the file is read every time.
        if cached.token.is_some() && stamp.is_some() && stamp == cached.stamp {
            return Ok(None);
        }
        let bytes = read_file(&self.path).map_err(failed)?;
        let text = str::from_utf8(&bytes)
            .map_err(|_| SourceError::not_a_token(place, "it is not text"))?;
        Ok(Some((read_token(text, place)?, stamp)))
    }
}

impl TokenSource for TokenFile {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async move { Ok(self.current()?) })
    }

    /// Makes the next call read the file again, changed or not.
    fn reject(&self, token: &Token) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &cached.token
            && held.is_same(token)
        {
            cached.stamp = None;
            cached.checked = None;
        }
    }
}

impl Token {
    /// Takes a token that was fetched elsewhere. Without `lifetime` its own `exp` counts; without that it lasts until it is refused.
    pub fn given(
        secret: impl Into<SecretString>,
        lifetime: Option<Duration>,
    ) -> Result<Self, SourceError> {
        let secret = secret.into();
        check(secret.expose_secret())
            .map_err(|reason| SourceError::not_a_token("the program", reason))?;
        Ok(Self::with_stated_lifetime(secret, lifetime))
    }

    fn with_stated_lifetime(secret: SecretString, stated: Option<Duration>) -> Self {
        let own = remaining(secret.expose_secret(), SystemTime::now());
        // The shorter of both: a stated lifetime may count from when another program fetched the token.
        let lifetime = [stated, own].into_iter().flatten().min();
        Self::new(secret, lifetime.unwrap_or(Duration::MAX), Instant::now())
    }

    /// The time until the token expires; `None` when that is not known.
    pub fn time_left(&self) -> Option<Duration> {
        let lifetime = Some(self.lifetime()).filter(|lifetime| *lifetime < Duration::MAX)?;
        Some(lifetime.saturating_sub(self.age(Instant::now())))
    }
}

/// Reads a token from a text, which is the token itself, or JSON with the token in a member. `place` is where it was found, for errors.
pub fn read_token(text: &str, place: &str) -> Result<Token, SourceError> {
    let fault = |reason| SourceError::not_a_token(place, reason);
    let text = text.trim();
    let (token, lifetime) = match text.chars().next() {
        None => return Err(fault("it is empty")),
        Some('{' | '"') => from_json(text).map_err(fault)?,
        Some(_) => (without_scheme(text).to_owned().into(), None),
    };
    check(token.expose_secret()).map_err(fault)?;
    Ok(Token::with_stated_lifetime(token, lifetime))
}

/// Removes a leading `Bearer`: a token is often copied with the whole value of its header.
fn without_scheme(text: &str) -> &str {
    let (scheme, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim()
    } else {
        text
    }
}

fn check(token: &str) -> Result<(), &'static str> {
    if token.is_empty() {
        Err("it is empty")
    // A key is easily mistaken for a token, and must never be sent as one.
    } else if token.contains("PRIVATE KEY") {
        Err("it is a private key; keys belong in `auth.key`")
    } else if token.lines().count() > 1 {
        Err("it has more than one line")
    } else if !is_plausible(token) {
        Err("it has characters that no token has")
    } else {
        Ok(())
    }
}

/// Reads the JSON of the common token commands: kubectl's credential plugins, the Azure and Google command lines, and OAuth answers.
fn from_json(text: &str) -> Result<(SecretString, Option<Duration>), &'static str> {
    let value: Value = serde_json::from_str(text).map_err(|_| "it begins as JSON, and is not")?;
    if let Value::String(token) = value {
        return Ok((token.into(), None));
    }
    // `{"kind": "ExecCredential", "status": {"token": …}}`
    let members = value
        .get("status")
        .filter(|status| status.is_object())
        .unwrap_or(&value);
    let named = |names: &[&str]| names.iter().find_map(|name| members.get(*name));
    if named(&["kty", "d"]).is_some() {
        return Err("it is a key; keys belong in `auth.key`");
    }
    let token = named(&["token", "access_token", "accessToken"])
        .and_then(Value::as_str)
        .ok_or("the JSON has no member `token` or `access_token`")?;
    let until = named(&[
        "expiresAt",
        "expires_at",
        "expirationTimestamp",
        "expires_on",
    ]);
    let within = named(&["expiresIn", "expires_in"]);
    let lifetime =
        match (until, within) {
            (Some(until), _) if !until.is_null() => Some(left_until(until).ok_or(
                "its `expiresAt` is neither as 2026-11-24T12:00:00Z nor seconds since 1970",
            )?),
            (_, Some(within)) if !within.is_null() => {
                Some(seconds(within).ok_or("its `expires_in` is not a number of seconds")?)
            }
            _ => None,
        };
    Ok((token.to_owned().into(), lifetime))
}

fn left_until(value: &Value) -> Option<Duration> {
    let until = match seconds(value) {
        Some(seconds) => UNIX_EPOCH.checked_add(seconds)?,
        None => value.as_str()?.parse::<jiff::Timestamp>().ok()?.into(),
    };
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Returns the token, or an error with `hint` when it has expired.
pub(super) fn unexpired(
    token: &Token,
    place: &str,
    hint: &'static str,
) -> Result<Token, SourceError> {
    match token.time_left() {
        Some(Duration::ZERO) => {
            let ago = time_since_expiry(token);
            let message = format!("the token from {place} expired {ago} ago");
            Err(SourceError::new(message, hint))
        }
        _ => Ok(token.clone()),
    }
}

/// The time since a token expired, in words, by its own `exp` when it has one.
fn time_since_expiry(token: &Token) -> String {
    let own = token
        .claims()
        .and_then(|claims| claims.get("exp")?.as_u64());
    let end = own.and_then(|exp| UNIX_EPOCH.checked_add(Duration::from_secs(exp)));
    let past = end.and_then(|end| SystemTime::now().duration_since(end).ok());
    let seconds = past
        .unwrap_or_else(|| token.age(Instant::now()).saturating_sub(token.lifetime()))
        .as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// A token that lives for so many seconds from now on.
    fn jwt(id: &str, seconds: i64) -> String {
        let now = i64::try_from(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
        .unwrap();
        let claims = format!(r#"{{"jti": "{id}", "exp": {}}}"#, now + seconds);
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    fn lifetime(text: &str) -> Result<u64, String> {
        match read_token(text, "here") {
            Ok(token) => Ok(token.lifetime().as_secs()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn bare_tokens_and_json_of_every_habit_are_read() {
        let for_ever = Duration::MAX.as_secs();
        for text in [
            "abc",
            " Bearer abc\n",
            "\"abc\"",
            r#"{"token": "abc"}"#,
            r#"{"access_token": "abc", "token_type": "Bearer", "expires_in": null}"#,
        ] {
            assert_eq!(read_token(text, "here").unwrap().expose(), "abc", "{text}");
            assert_eq!(lifetime(text), Ok(for_ever), "{text}");
        }
        for text in [
            r#"{"access_token": "abc", "expires_in": 600}"#,
            r#"{"token": "abc", "expiresIn": "600"}"#,
        ] {
            assert_eq!(lifetime(text), Ok(600), "{text}");
        }
        let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(600)).to_string();
        let seconds = jiff::Timestamp::now().as_second() + 600;
        for text in [
            format!(r#"{{"token": "abc", "expiresAt": "{later}"}}"#),
            format!(
                r#"{{"kind": "ExecCredential", "status": {{"token": "abc", "expirationTimestamp": "{later}"}}}}"#
            ),
            format!(
                r#"{{"accessToken": "abc", "expiresOn": "yesterday", "expires_on": {seconds}}}"#
            ),
        ] {
            let lifetime = lifetime(&text).unwrap();
            assert!((595..=600).contains(&lifetime), "{text}: {lifetime}");
        }
    }

    #[test]
    fn the_shorter_of_two_lives_counts() {
        let token = jwt("1", 100);
        for (text, expected) in [
            (format!(r#"{{"token": "{token}", "expires_in": 600}}"#), 100),
            (format!(r#"{{"token": "{token}", "expires_in": 50}}"#), 50),
            (token.clone(), 100),
        ] {
            let lifetime = lifetime(&text).unwrap();
            assert!((expected - 2..=expected).contains(&lifetime), "{lifetime}");
        }
    }

    #[test]
    fn what_is_no_token_is_said_and_not_shown() {
        for (text, expected) in [
            ("", "it is empty"),
            ("  \n", "it is empty"),
            ("Bearer ", "it is empty"),
            ("{\"token\": \"\"}", "it is empty"),
            ("<html>secret</html>", "characters"),
            ("secret secret", "characters"),
            ("secret\nsecret", "more than one line"),
            ("{secret", "begins as JSON"),
            ("{\"secret\": 1}", "no member `token`"),
            ("{\"kty\": \"RSA\", \"d\": \"secret\"}", "it is a key"),
            (
                "-----BEGIN PRIVATE KEY-----\nsecret\n",
                "it is a private key",
            ),
            (
                "{\"token\": \"secret\", \"expiresAt\": \"soon\"}",
                "its `expiresAt`",
            ),
            (
                "{\"token\": \"secret\", \"expires_in\": -1}",
                "its `expires_in`",
            ),
        ] {
            let error = lifetime(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_given_token_is_used_until_its_own_time_is_over() {
        let place = "MASSEBREV_TOKEN";
        let text = jwt("1", 60);
        let source = from_token(read_token(&text, place).unwrap(), place);
        let token = source.token().await.unwrap();
        source.reject(&token);
        assert!(source.token().await.unwrap().is_same(&token));
        assert!(!format!("{source:?}").contains(&text));

        let old = read_token(&jwt("1", -600), place).unwrap();
        let source = from_token(old, place);
        let error = source.token().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token from MASSEBREV_TOKEN expired 10 min ago"
        );
        assert!(!error.is_transient());
        assert!(error.hint().unwrap().contains("auth.token"));
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_its_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = from_file(path.clone());
        let error = source.token().await.unwrap_err();
        assert!(error.to_string().starts_with("cannot read the token from"));

        std::fs::write(&path, jwt("1", 60)).unwrap();
        let first = source.token().await.unwrap();
        std::fs::write(&path, jwt("2", 60)).unwrap();
        source.reject(&first);
        let second = source.token().await.unwrap();
        assert_eq!(second.claims().unwrap()["jti"], "2");
        // A late refusal does not take the new one along, and a file that is gone does not either.
        source.reject(&first);
        std::fs::remove_file(&path).unwrap();
        assert!(source.token().await.unwrap().is_same(&second));
        source.reject(&second);
        assert!(source.token().await.unwrap().is_same(&second));
    }

    #[tokio::test]
    async fn a_file_whose_token_is_over_is_read_until_it_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, jwt("1", -5)).unwrap();
        let source = from_file(path.clone());
        let error = source.token().await.unwrap_err().to_string();
        assert!(error.contains("expired 5 s ago"), "{error}");
        std::fs::write(&path, jwt("a longer one", 60)).unwrap();
        assert!(source.token().await.is_ok());
    }

    #[test]
    fn a_change_of_the_file_is_seen_by_its_time_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, jwt("1", 60)).unwrap();
        let source = TokenFile {
            path: path.clone(),
            cached: Mutex::default(),
        };
        source.current().unwrap();
        std::fs::write(&path, jwt("another", 60)).unwrap();
        source.cached.lock().unwrap().checked = None;
        assert_eq!(
            source.current().unwrap().claims().unwrap()["jti"],
            "another"
        );
    }
}
