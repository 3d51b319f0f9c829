//! Where everyone gets the current token.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Url;
use serde_json::Value;

use super::cache::Cache;
use super::exchange::Exchange;
use super::grant::Grant;
use super::metadata::Metadata;
use super::reply::{Reply, presentable};
use super::token::{is_plausible, remaining};
use super::{SigningKey, SubscriptionKey, Token, TokenError, codes};

/// What tokens are bought with, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The client's id in Maskinporten.
    pub client_id: String,
    /// The key registered on that client.
    pub key: SigningKey,
    /// What to ask for.
    pub scopes: Vec<String>,
    /// Maskinporten's address, as `https://maskinporten.no`; a trailing slash does not matter.
    pub maskinporten: String,
    /// Where Altinn exchanges Maskinporten's tokens; `None` uses them as they are.
    pub exchange: Option<String>,
    /// Altinn's API key, for the exchange; never sent to Maskinporten.
    pub subscription_key: Option<SubscriptionKey>,
}

/// The source of tokens, shared by all who send: one token at a time, fetched by one of them while the others wait.
#[derive(Debug)]
pub struct Tokens {
    http: reqwest::Client,
    client_id: String,
    key: SigningKey,
    scopes: Vec<String>,
    /// Without a trailing slash.
    maskinporten: String,
    metadata: Metadata,
    exchange: Option<Exchange>,
    cache: Cache,
}

impl Tokens {
    /// Fetches nothing yet.
    pub fn new(http: reqwest::Client, settings: Settings) -> Self {
        let maskinporten = settings.maskinporten.trim_end_matches('/').to_owned();
        let subscription_key = settings.subscription_key;
        Self {
            http,
            client_id: settings.client_id,
            key: settings.key,
            scopes: settings.scopes,
            metadata: Metadata::new(&maskinporten),
            maskinporten,
            exchange: settings
                .exchange
                .map(|address| Exchange::new(address, subscription_key)),
            cache: Cache::default(),
        }
    }

    /// The current token, or a new one when there is none that will last.
    pub async fn token(&self) -> Result<Token, TokenError> {
        self.cache
            .get(Instant::now, async || self.fetch().await)
            .await
    }

    /// To be called when a request was answered with 401: the next call of `token` fetches a new one, unless somebody has already done so.
    pub fn reject(&self, token: &Token) {
        self.cache.reject(token);
    }

    async fn fetch(&self) -> Result<Token, TokenError> {
        let token = match self.buy().await {
            Err(error) if error.wants_a_fresh_grant() => {
                tracing::debug!(%error, "signing another grant");
                self.buy().await
            }
            other => other,
        }?;
        let token = match &self.exchange {
            Some(exchange) => exchange.exchange(&self.http, &token).await?,
            None => token,
        };
        tracing::debug!(lifetime = ?token.lifetime(), "got a token");
        Ok(token)
    }

    /// One grant for one token.
    async fn buy(&self) -> Result<Token, TokenError> {
        let audience = self.metadata.issuer(&self.http).await;
        let grant = Grant {
            client_id: &self.client_id,
            audience: &audience,
            scopes: &self.scopes,
            issued_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        };
        let assertion = grant.sign(&self.key).map_err(|source| TokenError::Sign {
            source: Arc::new(source),
        })?;
        let address = format!("{}/token", self.maskinporten);
        let host = host(&address);
        let unreachable = |error: reqwest::Error| TokenError::Unreachable {
            host: host.clone(),
            source: Arc::new(error.without_url()),
        };
        let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        let response = self.http.post(&address).form(&form).send().await;
        let reply = Reply::read(response.map_err(unreachable)?)
            .await
            .map_err(unreachable)?;
        if reply.is_success() {
            read(&reply, &host)
        } else {
            Err(refused(&reply))
        }
    }
}

/// The host of an address, with its port when that is unusual.
pub(crate) fn host(address: &str) -> String {
    Url::parse(address).map_or_else(
        |_| address.chars().take(60).collect(),
        |url| {
            url.authority()
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_owned()
        },
    )
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const MESSAGE_LIMIT: usize = 400;

fn read(reply: &Reply, host: &str) -> Result<Token, TokenError> {
    let garbled = |reason| TokenError::Garbled {
        host: host.to_owned(),
        reason,
    };
    let answer: Value =
        serde_json::from_slice(&reply.body).map_err(|_| garbled("it is not JSON"))?;
    let token = answer
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|token| is_plausible(token))
        .ok_or_else(|| garbled("`access_token` is missing"))?;
    let stated = answer.get("expires_in").and_then(seconds);
    let own = remaining(token, reply.date.unwrap_or_else(SystemTime::now));
    let lifetime = match (stated, own) {
        (Some(stated), Some(own)) => stated.min(own),
        (stated, own) => stated
            .or(own)
            .ok_or_else(|| garbled("it does not say how long the token lasts"))?,
    };
    if lifetime.is_zero() {
        return Err(garbled("the token has already expired"));
    }
    Ok(
        Token::new(token.to_owned().into(), lifetime, Instant::now())
            .with_clock_ahead(reply.clock_ahead()),
    )
}

fn seconds(value: &Value) -> Option<Duration> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    Some(Duration::from_secs(number))
}

fn refused(reply: &Reply) -> TokenError {
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    let error = member("error").map(|error| presentable(error, 80));
    let text = String::from_utf8_lossy(&reply.body);
    let message = match (member("error_description"), &error, text.trim()) {
        (Some(description), _, _) => description,
        (None, Some(error), _) => error,
        (None, None, "") => "without a reason",
        (None, None, text) => text,
    };
    TokenError::Refused {
        status: reply.status,
        code: codes::find(message),
        message: presentable(message, MESSAGE_LIMIT),
        error,
        clock_ahead: reply.clock_ahead(),
        retry_after: reply.retry_after,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::key::tests::key;
    use super::super::listener::{Listener, Seen, answer};
    use super::*;

    fn tokens(listener: &Listener, exchange: Option<String>) -> Tokens {
        Tokens::new(
            reqwest::Client::new(),
            Settings {
                client_id: "client-1".into(),
                key: key(),
                scopes: vec!["altinn:correspondence.write".into()],
                maskinporten: format!("{}/", listener.base),
                exchange,
                subscription_key: SubscriptionKey::new(&"api-key".into()).ok(),
            },
        )
    }

    fn json(body: &str) -> String {
        answer("200 OK", "content-type: application/json\r\n", body)
    }

    /// Answers the token endpoint with `token`, and everything else (the metadata) with the issuer.
    async fn maskinporten(token: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Listener {
        Listener::start(move |seen| {
            if seen.is("POST /token ") {
                token(seen)
            } else {
                json(r#"{"issuer": "https://issuer.example/"}"#)
            }
        })
        .await
    }

    fn claims(request: &Seen) -> Value {
        let body = String::from_utf8(request.body.clone()).unwrap();
        let (grant_type, assertion) = body.split_once("&assertion=").unwrap();
        assert_eq!(
            grant_type,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        );
        let payload = URL_SAFE_NO_PAD
            .decode(assertion.split('.').nth(1).unwrap())
            .unwrap();
        serde_json::from_slice(&payload).unwrap()
    }

    #[tokio::test]
    async fn a_hundred_callers_cause_one_token_and_a_rejection_one_more() {
        let count = AtomicU64::new(0);
        let listener = maskinporten(move |_| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            json(&format!(r#"{{"access_token": "t{number}", "expires_in": 119, "scope": "s", "token_type": "Bearer"}}"#))
        })
        .await;
        let tokens = tokens(&listener, None);
        let all = futures::future::join_all((0..100).map(|_| tokens.token())).await;
        let first = all[0].clone().unwrap();
        assert!(
            all.iter()
                .all(|token| token.as_ref().unwrap().expose() == "t0")
        );
        assert_eq!(first.lifetime(), Duration::from_secs(119));
        assert_eq!(listener.seen("POST /token ").len(), 1);

        tokens.reject(&first);
        let all = futures::future::join_all((0..100).map(|_| async {
            tokens.reject(&first);
            tokens.token().await
        }))
        .await;
        assert!(
            all.iter()
                .all(|token| token.as_ref().unwrap().expose() == "t1")
        );
        assert_eq!(listener.seen("POST /token ").len(), 2);
        assert_eq!(
            listener
                .seen("GET /.well-known/oauth-authorization-server ")
                .len(),
            1
        );

        let requests = listener.seen("POST /token ");
        assert_eq!(
            requests[0].header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(requests[0].header("ocp-apim-subscription-key"), None);
        let (one, two) = (claims(&requests[0]), claims(&requests[1]));
        assert_eq!(one["aud"], "https://issuer.example/");
        assert_ne!(one["jti"], two["jti"]);
    }

    #[tokio::test]
    async fn without_metadata_the_address_with_a_slash_is_the_audience() {
        let listener = Listener::start(|seen| {
            if seen.is("POST /token ") {
                json(r#"{"access_token": "t", "expires_in": "60"}"#)
            } else {
                answer("404 Not Found", "", "")
            }
        })
        .await;
        tokens(&listener, None).token().await.unwrap();
        let request = &listener.seen("POST /token ")[0];
        assert_eq!(claims(request)["aud"], format!("{}/", listener.base));
    }

    #[tokio::test]
    async fn a_used_grant_is_signed_again_once() {
        let count = AtomicU64::new(0);
        let listener = maskinporten(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 => answer(
                "400 Bad Request",
                "",
                r#"{"error": "invalid_grant", "error_description": "Used before (MP-012)"}"#,
            ),
            _ => json(r#"{"access_token": "t", "expires_in": 60}"#),
        })
        .await;
        assert_eq!(tokens(&listener, None).token().await.unwrap().expose(), "t");
        let requests = listener.seen("POST /token ");
        assert_eq!(requests.len(), 2);
        assert_ne!(claims(&requests[0])["jti"], claims(&requests[1])["jti"]);
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_code_and_the_clock_and_asked_anew_next_time() {
        let body = r#"{"error": "invalid_grant", "error_description": "Issued at time is after now (MP-130) for 07827199405", "error_uri": "x"}"#;
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: 7\r\n";
        let listener = maskinporten(move |_| answer("400 Bad Request", date, body)).await;
        let tokens = tokens(&listener, None);
        let error = tokens.token().await.unwrap_err();
        assert_eq!(listener.seen("POST /token ").len(), 2);
        assert_eq!(
            error.to_string(),
            "Maskinporten refused the grant with HTTP 400: Issued at time is after now (MP-130) for 078271*****"
        );
        let TokenError::Refused {
            code,
            error: name,
            clock_ahead,
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!((*code, name.as_deref()), (Some(130), Some("invalid_grant")));
        assert!(clock_ahead.unwrap() > 900_000_000);
        assert!(
            error
                .hint()
                .unwrap()
                .contains("s ahead of Maskinporten's: set it")
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        tokens.token().await.unwrap_err();
        assert_eq!(listener.seen("POST /token ").len(), 4);
    }

    #[tokio::test]
    async fn a_refusal_of_any_shape_is_told() {
        for (body, expected) in [
            ("", "without a reason"),
            ("<html>down</html>", "<html>down</html>"),
            (r#"{"error": "invalid_client"}"#, "invalid_client"),
            ("[]", "[]"),
        ] {
            let listener = maskinporten(move |_| answer("503 Service Unavailable", "", body)).await;
            let error = tokens(&listener, None).token().await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("HTTP 503: {expected}")),
                "{error}"
            );
            assert!(error.is_transient());
        }
    }

    #[tokio::test]
    async fn a_success_without_a_token_that_lasts_is_no_success() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"access_token": ""}"#,
            r#"{"access_token": "t"}"#,
            r#"{"access_token": "t", "expires_in": 0}"#,
        ] {
            let listener = maskinporten(move |_| json(body)).await;
            let error = tokens(&listener, None).token().await.unwrap_err();
            assert!(
                matches!(error, TokenError::Garbled { .. }),
                "{body}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_token_lasts_no_longer_than_it_says_itself() {
        // {"exp": 784111807}: 30 s after the server's clock.
        let body = r#"{"access_token": "e30.eyJleHAiOjc4NDExMTgwN30.c2ln", "expires_in": 3600}"#;
        let listener = maskinporten(move |_| {
            answer("200 OK", "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", body)
        })
        .await;
        let token = tokens(&listener, None).token().await.unwrap();
        assert_eq!(token.lifetime(), Duration::from_secs(30));
        assert_eq!(token.claims().unwrap()["exp"], 784_111_807);
    }

    #[tokio::test]
    async fn the_exchanged_token_is_the_one_that_is_kept() {
        let listener = Listener::start(|seen| {
            if seen.is("POST /token ") {
                json(r#"{"access_token": "t", "expires_in": 60}"#)
            } else if seen.is("GET /exchange ") {
                json("\"altinn\"")
            } else {
                json(r#"{"issuer": "i"}"#)
            }
        })
        .await;
        let tokens = tokens(&listener, Some(format!("{}/exchange", listener.base)));
        assert_eq!(tokens.token().await.unwrap().expose(), "altinn");
        assert_eq!(tokens.token().await.unwrap().expose(), "altinn");
        assert_eq!(listener.seen("GET /exchange ").len(), 1);
        assert_eq!(
            listener.seen("GET /exchange ")[0].header("ocp-apim-subscription-key"),
            Some("api-key")
        );
    }

    #[tokio::test]
    async fn nobody_at_home_is_told_by_host_and_may_pass() {
        let listener = Listener::start(|_| String::new()).await;
        let error = tokens(&listener, None).token().await.unwrap_err();
        let host = listener.base.trim_start_matches("http://");
        assert_eq!(error.to_string(), format!("no answer from `{host}`"));
        assert!(error.is_transient());
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(!cause.contains("/token"), "{cause}");
    }

    #[test]
    fn settings_and_tokens_do_not_show_their_secrets() {
        let settings = Settings {
            client_id: "c".into(),
            key: key(),
            scopes: Vec::new(),
            maskinporten: "https://test.maskinporten.no".into(),
            exchange: Some("https://x".into()),
            subscription_key: SubscriptionKey::new(&"api-key".into()).ok(),
        };
        let printed = format!(
            "{settings:?} {:?}",
            Tokens::new(reqwest::Client::new(), settings.clone())
        );
        assert!(!printed.contains("api-key"), "{printed}");
    }

    #[test]
    fn a_host_is_shown_without_what_stands_around_it() {
        assert_eq!(
            host("https://user:secret@maskinporten.no/token?a=b"),
            "maskinporten.no"
        );
        assert_eq!(host("http://127.0.0.1:8080/token"), "127.0.0.1:8080");
    }
}
