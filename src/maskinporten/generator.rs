//! The token source that uses Altinn's generator of test tokens: Altinn tokens for the test environments, without a client in Maskinporten.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::error::OUTAGE;
use super::{SourceError, Token, TokenError, TokenSource, from_fn, static_token};
use crate::http::{HttpClient, Reply};

pub const GENERATOR: &str = "https://altinn-testtools-token-generator.azurewebsites.net";

/// The address, the account and the token that the generator is asked for.
#[derive(Debug, Clone)]
pub struct GeneratorSettings {
    /// The address, usually [`GENERATOR`]: `https`, or a host on this machine.
    pub address: String,
    pub environment: String,
    pub scopes: Vec<String>,
    /// The service owner's code, such as `ttd`.
    pub org: Option<String>,
    /// The number of the organisation that the token stands for: nine digits.
    pub org_no: Option<String>,
    pub lifetime: Duration,
    pub user: String,
    pub password: SecretString,
}

pub(crate) const KEY_INSTEAD: &str =
    "use a key of your own in `auth.key`; the generator is for tests in tt02 and the like";

/// Makes a source that requests its tokens from the generator. Fetches nothing yet. Every environment that is not known to be for tests is refused.
pub fn from_generator(
    http: HttpClient,
    settings: GeneratorSettings,
) -> Result<Arc<dyn TokenSource>, SourceError> {
    let address = address(&settings)?;
    let settings = Arc::new(settings);
    Ok(from_fn(move || {
        let (http, settings) = (http.clone(), Arc::clone(&settings));
        let address = address.clone();
        async move { request_token(&http, address, &settings).await }
    }))
}

async fn request_token(
    http: &HttpClient,
    address: Url,
    settings: &GeneratorSettings,
) -> Result<Token, TokenError> {
    let password = settings.password.expose_secret();
    let request = http.get(address).basic_auth(&settings.user, Some(password));
    let mut reply = Reply::to(request).await?;
    if !reply.is_success() {
        // `Reply` masks the header as a whole, which is base64; an error may quote the password itself.
        reply.hide(password);
        let (status, said) = (reply.status, reply.reason(MESSAGE_LIMIT));
        let message = format!("the test token generator answered HTTP {status}: {said}");
        let hint = match status {
            401 | 403 => {
                "set MASSEBREV_GENERATOR_USER and MASSEBREV_GENERATOR_PASSWORD to what Altinn has given you for its test tools"
            }
            500.. => OUTAGE,
            _ => "check `auth.token.generator` in the manifest, and the scopes",
        };
        let error = SourceError {
            is_transient: matches!(status, 408 | 429 | 500..),
            ..SourceError::new(message, hint)
        };
        return Err(error.into());
    }
    let place = "the test token generator";
    let token = static_token::read_token(&String::from_utf8_lossy(&reply.body), place)?;
    Ok(static_token::unexpired(
        &token,
        place,
        "set this machine's clock",
    )?)
}

/// The number of characters of an answer that an error quotes.
const MESSAGE_LIMIT: usize = 200;

/// True for names such as `tt02`, `at22` and `yt01`. Production has no name of this form, and new test environments need no change here.
fn is_test(environment: &str) -> bool {
    let (letters, digits) = environment.split_at_checked(2).unwrap_or_default();
    matches!(letters, "tt" | "at" | "yt")
        && digits.len() == 2
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Builds the URL of the request, and refuses addresses that would leak the password.
fn address(settings: &GeneratorSettings) -> Result<Url, SourceError> {
    let environment = &settings.environment;
    if !is_test(environment) {
        return Err(SourceError::new(
            format!("the test token generator has no tokens for `{environment}`"),
            "say which test environment the token is for: `auth.token.generator.environment: tt02`",
        ));
    }
    let refused = || {
        let message = "the test token generator's address must be a plain https:// address";
        SourceError::new(message.to_owned(), KEY_INSTEAD)
    };
    let base = settings.address.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/api/GetEnterpriseToken"));
    let mut url = url.map_err(|_| refused())?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let secure = url.scheme() == "https" || url.scheme() == "http" && local;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !secure || !plain || url.fragment().is_some() {
        return Err(refused());
    }
    // The generator takes 0 for its own default.
    let lifetime = settings.lifetime.as_secs().max(1).to_string();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("env", &settings.environment)
        .append_pair("scopes", &settings.scopes.join(" "))
        .append_pair("ttl", &lifetime);
    if let Some(org) = &settings.org {
        query.append_pair("org", org);
    }
    if let Some(number) = &settings.org_no {
        query.append_pair("orgNo", number);
    }
    drop(query);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::listener::{Listener, answer};

    fn settings(address: &str) -> GeneratorSettings {
        GeneratorSettings {
            address: address.to_owned(),
            environment: "tt02".to_owned(),
            scopes: vec![
                "altinn:serviceowner".to_owned(),
                "altinn:correspondence.write".to_owned(),
            ],
            org: Some("ttd".to_owned()),
            org_no: None,
            lifetime: Duration::from_secs(1800),
            user: "tester".to_owned(),
            password: "generator-password".into(),
        }
    }

    fn generator(listener: &Listener) -> Arc<dyn TokenSource> {
        from_generator(HttpClient::new(), settings(&listener.base)).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_asked_for_by_name_with_password_and_kept() {
        // {"exp": 4102444800}
        let token = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln";
        let listener = Listener::start(move |_| answer("200 OK", "", token)).await;
        let source = generator(&listener);
        assert_eq!(source.token().await.unwrap().expose(), token);
        source.token().await.unwrap();
        let seen = listener.seen("GET /api/GetEnterpriseToken?env=tt02&scopes=altinn%3Aserviceowner+altinn%3Acorrespondence.write&ttl=1800&org=ttd ");
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen[0].header("authorization"),
            Some("Basic dGVzdGVyOmdlbmVyYXRvci1wYXNzd29yZA==")
        );
        assert!(!format!("{source:?}").contains("generator-password"));
    }

    #[tokio::test]
    async fn a_refusal_is_told_without_the_password() {
        let listener = Listener::start(|seen| {
            let said = format!("{} generator-password", seen.head);
            answer("401 Unauthorized", "", &said)
        })
        .await;
        let error = generator(&listener).token().await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("answered HTTP 401"), "{said}");
        assert!(
            !said.contains("generator-password") && !said.contains("dGVzdGVyOm"),
            "{said}"
        );
        assert!(error.hint().unwrap().contains("MASSEBREV_GENERATOR_USER"));
    }

    #[test]
    fn production_and_open_lines_are_refused() {
        for name in [
            "prod",
            "production",
            "PROD",
            "",
            "tt0",
            "ttxx",
            "platform.altinn.no",
            "æøå",
        ] {
            let settings = GeneratorSettings {
                environment: name.to_owned(),
                ..settings(GENERATOR)
            };
            let error = from_generator(HttpClient::new(), settings).unwrap_err();
            let told = format!("the test token generator has no tokens for `{name}`");
            assert_eq!(error.to_string(), told);
        }
        for address in [
            "http://generator.example",
            "ftp://x",
            "x",
            "https://u:p@x",
            "https://x?a=b",
        ] {
            let error = from_generator(HttpClient::new(), settings(address)).unwrap_err();
            assert!(error.to_string().contains("plain https"), "{address}");
        }
        assert!(from_generator(HttpClient::new(), settings(GENERATOR)).is_ok());
    }
}
