//! The token source of a Maskinporten client: tokens are requested with a signed grant, and exchanged at Altinn.

use std::sync::Arc;
use std::time::Instant;

use super::exchange::Exchange;
use super::refreshing::Refreshing;
use super::token_request::TokenRequest;
use super::{ClientSettings, Token, TokenError, TokenSource};
use crate::http::HttpClient;

/// Makes a source that requests its tokens with the client's key. Fetches nothing yet.
pub fn from_key(http: HttpClient, mut settings: ClientSettings) -> Arc<dyn TokenSource> {
    let exchange = settings.exchange.take().map(|address| {
        Arc::new(Exchange::new(
            http.clone(),
            address,
            settings.subscription_key.take(),
        ))
    });
    let request = Arc::new(TokenRequest::new(http, settings));
    // Two caches: Maskinporten's token outlives Altinn's, so most renewals need the exchange only.
    let issued = Refreshing::new(move || {
        let request = Arc::clone(&request);
        Box::pin(async move { request.send().await })
    });
    Arc::new(match exchange {
        None => issued,
        Some(exchange) => Refreshing::new(move || {
            let (exchange, issued) = (Arc::clone(&exchange), issued.clone());
            Box::pin(async move { exchanged_token(&exchange, &issued).await })
        }),
    })
}

/// Exchanges Maskinporten's token for Altinn's. A new Maskinporten token is requested only when the last one has expired or is refused.
async fn exchanged_token(exchange: &Exchange, issued: &Refreshing) -> Result<Token, TokenError> {
    let began = Instant::now();
    let token = issued.get().await?;
    // A cached token may have been revoked meanwhile: then the exchange answers 401 and a new one is requested.
    if token.fetched() < began {
        match exchange.exchange_once(&token).await {
            Err(TokenError::Exchange { status: 401, .. }) => issued.reject(&token),
            // An error of Altinn's own: `exchange` below tries again after a pause.
            Err(TokenError::Exchange { status: 500.., .. }) => {}
            other => return other,
        }
    }
    exchange.exchange(&issued.get().await?).await
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    use super::super::key::tests::key;
    use super::super::{Delegation, SubscriptionKey};
    use super::*;
    use crate::http::listener::{Listener, Seen, answer};

    fn tokens(listener: &Listener, exchange: Option<String>) -> Arc<dyn TokenSource> {
        from_key(
            HttpClient::new(),
            ClientSettings {
                client_id: "client-1".into(),
                key: key(),
                scopes: vec!["altinn:correspondence.write".into()],
                delegation: Delegation::default(),
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
                .contains("s fast by Maskinporten's: set it")
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        tokens.token().await.unwrap_err();
        assert_eq!(listener.seen("POST /token ").len(), 4);
    }

    #[tokio::test]
    async fn a_refusal_of_any_shape_is_told() {
        for (body, expected) in [
            ("", "without a reason"),
            ("<html>down</html>", "down"),
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
                matches!(error, TokenError::Malformed { .. }),
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

    /// Tokens and an exchange; Altinn takes Maskinporten's token only while `taken` says so.
    async fn both(
        taken: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> (Listener, Arc<dyn TokenSource>) {
        let (issued, exchanged) = (AtomicU64::new(0), AtomicU64::new(0));
        let listener = Listener::start(move |seen| {
            let next = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
            if seen.is("POST /token ") {
                let number = next(&issued);
                json(&format!(
                    r#"{{"access_token": "m{number}", "expires_in": 3600}}"#
                ))
            } else if seen.is("GET /exchange?test=true ") {
                if taken(seen.header("authorization").unwrap()) {
                    json(&format!("\"a{}\"", next(&exchanged)))
                } else {
                    answer("401 Unauthorized", "", "")
                }
            } else {
                json(r#"{"issuer": "i"}"#)
            }
        })
        .await;
        let tokens = tokens(
            &listener,
            Some(format!("{}/exchange?test=true", listener.base)),
        );
        (listener, tokens)
    }

    #[tokio::test]
    async fn a_good_token_of_maskinportens_is_exchanged_again() {
        let (listener, tokens) = both(|_| true).await;
        for number in 0..3 {
            let token = tokens.token().await.unwrap();
            assert_eq!(token.expose(), format!("a{number}"));
            tokens.reject(&token);
        }
        assert_eq!(listener.seen("POST /token ").len(), 1);
        assert_eq!(listener.seen("GET /exchange").len(), 3);
    }

    #[tokio::test]
    async fn an_older_token_of_maskinportens_that_is_not_taken_is_bought_again() {
        let calls = AtomicU64::new(0);
        let first_once =
            move |bearer: &str| bearer != "Bearer m0" || calls.fetch_add(1, Ordering::Relaxed) == 0;
        let (listener, tokens) = both(first_once).await;
        tokens.reject(&tokens.token().await.unwrap());
        assert_eq!(tokens.token().await.unwrap().expose(), "a1");
        assert_eq!(listener.seen("POST /token ").len(), 2);
        assert_eq!(listener.seen("GET /exchange").len(), 3);
    }

    #[tokio::test]
    async fn a_clock_that_is_wrong_is_made_up_for_once_maskinporten_refuses_it() {
        for wrong in [-7200, 300] {
            let listener = maskinporten(move |seen| {
                let there = SystemTime::UNIX_EPOCH
                    + Duration::from_secs(now().checked_add_signed(-wrong).unwrap());
                let date = format!("date: {}\r\n", httpdate::fmt_http_date(there));
                let issued = claims(seen)["iat"].as_u64().unwrap();
                if issued.abs_diff(now().checked_add_signed(-wrong).unwrap()) > 10 {
                    return answer("400 Bad Request", &date, r#"{"error": "invalid_grant"}"#);
                }
                let body = r#"{"access_token": "t", "expires_in": 60}"#;
                answer("200 OK", &date, body)
            })
            .await;
            let tokens = tokens(&listener, None);
            let token = tokens.token().await.unwrap();
            assert!((token.clock_ahead().unwrap() - wrong).abs() < 10);
            assert_eq!(listener.seen("POST /token ").len(), 2);
            // It has learned.
            tokens.reject(&token);
            tokens.token().await.unwrap();
            assert_eq!(listener.seen("POST /token ").len(), 3);
        }
    }

    fn now() -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    }

    #[tokio::test]
    async fn a_lost_answer_is_told_by_its_host_and_may_pass() {
        let listener = Listener::start(|_| String::new()).await;
        let error = tokens(&listener, None).token().await.unwrap_err();
        let host = listener.base.trim_start_matches("http://");
        assert_eq!(
            error.to_string(),
            format!("the answer from `{host}` was lost on the way")
        );
        assert!(error.is_transient());
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(!cause.contains("/token"), "{cause}");
    }

    #[test]
    fn settings_and_tokens_do_not_show_their_secrets() {
        let settings = ClientSettings {
            client_id: "c".into(),
            key: key(),
            scopes: Vec::new(),
            delegation: Delegation::default(),
            maskinporten: "https://test.maskinporten.no".into(),
            exchange: Some("https://x".into()),
            subscription_key: SubscriptionKey::new(&"api-key".into()).ok(),
        };
        let printed = format!(
            "{settings:?} {:?}",
            from_key(HttpClient::new(), settings.clone())
        );
        assert!(!printed.contains("api-key"), "{printed}");
    }
}
