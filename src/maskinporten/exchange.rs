//! The exchange of Maskinporten's token for Altinn's own.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use super::token::{is_plausible, remaining};
use super::{SubscriptionKey, Token, TokenError};
use crate::http::{HttpClient, Reply};

#[derive(Debug)]
pub(super) struct Exchange {
    http: HttpClient,
    address: String,
    subscription_key: Option<SubscriptionKey>,
    /// The pause before the second attempt.
    pause: Duration,
}

impl Exchange {
    pub(super) fn new(
        http: HttpClient,
        address: String,
        subscription_key: Option<SubscriptionKey>,
    ) -> Self {
        Self {
            http,
            address,
            subscription_key,
            pause: PAUSE,
        }
    }

    /// Exchanges a token, with a second attempt when the first failure may be temporary.
    pub(super) async fn exchange(&self, token: &Token) -> Result<Token, TokenError> {
        match self.exchange_once(token).await {
            // These may be temporary faults of Altinn's; a 401 too.
            Err(
                error @ TokenError::Exchange {
                    status: 401 | 500..,
                    ..
                },
            ) => {
                tracing::debug!(%error, "exchanging the token once more");
                tokio::time::sleep(self.pause).await;
                self.exchange_once(token).await
            }
            other => other,
        }
    }

    pub(super) async fn exchange_once(&self, token: &Token) -> Result<Token, TokenError> {
        let mut request = self
            .http
            .get(&self.address)
            .header(ACCEPT, "application/json")
            .bearer_auth(token.expose());
        if let Some(key) = &self.subscription_key {
            request = key.add_to(request);
        }
        let reply = Reply::to(request).await?;
        if reply.is_success() {
            return read(reply, token);
        }
        Err(TokenError::Exchange {
            status: reply.status,
            message: reply.reason(MESSAGE_LIMIT),
            retry_after: reply.retry_after,
        })
    }
}

const MESSAGE_LIMIT: usize = 200;
/// The pause between two attempts. Altinn answers 401 to many faults inside its own services, which pass in a moment.
const PAUSE: Duration = Duration::from_millis(250);

/// Reads the token from the body, which is plain text or a JSON string.
fn read(mut reply: Reply, source_token: &Token) -> Result<Token, TokenError> {
    let host = std::mem::take(&mut reply.host);
    let malformed = |reason| TokenError::Malformed {
        host: host.clone(),
        reason,
    };
    let text = str::from_utf8(&reply.body).map_err(|_| malformed("it is not text"))?;
    let text = text.trim();
    let token = serde_json::from_str::<SecretString>(text).unwrap_or_else(|_| text.into());
    // The body holds the secret in clear.
    reply.body.zeroize();
    if reply.cut || !is_plausible(token.expose_secret()) {
        return Err(malformed("it is something else"));
    }
    let server_now = reply.date.unwrap_or_else(SystemTime::now);
    // Without a readable `exp` the token is assumed to expire with the one it was exchanged for.
    let lifetime =
        remaining(token.expose_secret(), server_now).unwrap_or_else(|| source_token.lifetime());
    if lifetime.is_zero() {
        return Err(malformed("the token has already expired"));
    }
    Ok(Token::new(token, lifetime, Instant::now()).with_clock_ahead(source_token.clock_ahead()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::http::listener::{Listener, answer};

    fn read_body(body: &str) -> Result<Token, TokenError> {
        let with = Token::new("m".into(), Duration::from_secs(119), Instant::now());
        read(Reply::with_body(200, body), &with)
    }

    #[test]
    fn the_token_comes_bare_or_as_a_json_string() {
        for body in ["a.b.c", "\"a.b.c\"", "  \"a.b.c\"\r\n"] {
            assert_eq!(read_body(body).unwrap().expose(), "a.b.c", "{body}");
        }
    }

    #[test]
    fn a_token_that_cannot_be_read_lasts_as_long_as_the_one_it_was_bought_with() {
        assert_eq!(
            read_body("opaque").unwrap().lifetime(),
            Duration::from_secs(119)
        );
    }

    /// A server that answers with each of these in turn, and an exchange that does not pause.
    async fn exchange(answers: Vec<(&'static str, &'static str)>) -> (Listener, Exchange) {
        let left = Mutex::new(answers.into_iter());
        let listener = Listener::start(move |_| {
            let next = left.lock().unwrap().next();
            next.map_or_else(String::new, |(status, body)| answer(status, "", body))
        })
        .await;
        let exchange = Exchange {
            http: HttpClient::new(),
            address: format!("{}/exchange", listener.base),
            subscription_key: SubscriptionKey::new(&"api-key".into()).ok(),
            pause: Duration::ZERO,
        };
        (listener, exchange)
    }

    async fn run(exchange: &Exchange) -> Result<Token, TokenError> {
        let token = Token::new("bought".into(), Duration::from_secs(119), Instant::now());
        exchange.exchange(&token).await
    }

    #[tokio::test]
    async fn a_passing_401_is_asked_again_once_with_the_same_token() {
        let (listener, exchange) =
            exchange(vec![("401 Unauthorized", ""), ("200 OK", "\"a.b.c\"")]).await;
        assert_eq!(run(&exchange).await.unwrap().expose(), "a.b.c");
        let seen = listener.seen("GET /exchange ");
        assert_eq!(seen.len(), 2);
        for request in seen {
            assert_eq!(request.header("authorization"), Some("Bearer bought"));
            assert_eq!(request.header("accept"), Some("application/json"));
            assert_eq!(request.header("ocp-apim-subscription-key"), Some("api-key"));
        }
    }

    #[tokio::test]
    async fn a_lasting_401_is_told_after_the_second_time() {
        let (listener, exchange) =
            exchange(vec![("401 Unauthorized", ""), ("401 Unauthorized", "")]).await;
        let error = run(&exchange).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Altinn did not accept Maskinporten's token: HTTP 401: without a reason"
        );
        assert!(error.hint().unwrap().contains("same environment"));
        assert!(!error.is_transient());
        assert_eq!(listener.seen("GET").len(), 2);
    }

    #[tokio::test]
    async fn a_definite_refusal_is_not_asked_again() {
        let (listener, exchange) = exchange(vec![("400 Bad Request", "unknown provider")]).await;
        let error = run(&exchange).await.unwrap_err();
        assert!(matches!(error, TokenError::Exchange { status: 400, .. }));
        assert_eq!(listener.seen("GET").len(), 1);
    }

    #[test]
    fn an_expired_token_or_a_page_is_no_token() {
        // {"exp":1}
        for body in [
            "",
            "\"\"",
            "<html></html>",
            "{\"a\":1}",
            "e30.eyJleHAiOjF9.c2ln",
        ] {
            assert!(
                matches!(read_body(body), Err(TokenError::Malformed { .. })),
                "{body}"
            );
        }
    }
}
