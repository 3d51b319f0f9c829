//! The issuer name of Maskinporten, which is the audience of every grant.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::http::{HttpClient, Reply};

/// The issuer from Maskinporten's metadata, which is fetched again when it is an hour old.
#[derive(Debug)]
pub(super) struct Metadata {
    http: HttpClient,
    address: String,
    /// The last known issuer, and when it was fetched. Until then it is derived from the address: both environments of Maskinporten use theirs with a slash.
    issuer: Mutex<(String, Option<Instant>)>,
}

/// The age at which the metadata is fetched again. An issuer practically never changes.
const REFRESH_AFTER: Duration = Duration::from_secs(60 * 60);
/// The timeout of the request: short, because the address is a good fallback.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Metadata {
    /// `authority` is the address of Maskinporten, without a trailing slash.
    pub(super) fn new(http: HttpClient, authority: &str) -> Self {
        Self {
            http,
            address: format!("{authority}/.well-known/oauth-authorization-server"),
            issuer: Mutex::new((format!("{authority}/"), None)),
        }
    }

    pub(super) async fn issuer(&self) -> String {
        let mut known = self.issuer.lock().await;
        let (issuer, fetched) = &mut *known;
        if fetched.is_none_or(|fetched| fetched.elapsed() >= REFRESH_AFTER) {
            match self.fetch().await {
                Ok(name) => (*issuer, *fetched) = (name, Some(Instant::now())),
                // No reason to fail: the last known one is most probably right, and is asked for again in an hour. A silent host would hold up every token.
                Err(reason) => {
                    tracing::warn!(%reason, "Maskinporten's metadata cannot be had");
                    *fetched = fetched.map(|_| Instant::now());
                }
            }
        }
        issuer.clone()
    }

    async fn fetch(&self) -> Result<String, String> {
        let reply = Reply::to(self.http.get(&self.address).timeout(TIMEOUT)).await;
        let reply = reply.map_err(|error| error.reason())?;
        if !reply.is_success() {
            return Err(format!("HTTP {}", reply.status));
        }
        Ok(reply.issuer()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::http::listener::{Listener, answer};

    #[tokio::test]
    async fn an_answer_holds_and_without_one_the_address_with_a_slash_stands_until_the_next_time() {
        let asked = AtomicU64::new(0);
        let listener = Listener::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => answer("500 Internal Server Error", "", ""),
            _ => answer("200 OK", "", r#"{"issuer": "https://issuer.example/"}"#),
        })
        .await;
        let metadata = Metadata::new(HttpClient::new(), &listener.base);
        assert_eq!(metadata.issuer().await, format!("{}/", listener.base));
        for _ in 0..3 {
            assert_eq!(metadata.issuer().await, "https://issuer.example/");
        }
        assert_eq!(listener.seen("GET").len(), 2);
    }

    #[tokio::test]
    async fn without_an_answer_a_known_issuer_stands_for_another_hour() {
        let listener = Listener::start(|_| answer("500 Internal Server Error", "", "")).await;
        let metadata = Metadata::new(HttpClient::new(), &listener.base);
        let long_ago = Instant::now().checked_sub(2 * REFRESH_AFTER);
        *metadata.issuer.lock().await = ("https://issuer.example/".to_owned(), long_ago);
        for _ in 0..2 {
            assert_eq!(metadata.issuer().await, "https://issuer.example/");
        }
        assert_eq!(listener.seen("GET").len(), usize::from(long_ago.is_some()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_for_ten_seconds_is_none() {
        // Connected, but silent.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let began = Instant::now();
        let metadata = Metadata::new(HttpClient::new(), &base);
        assert_eq!(metadata.issuer().await, format!("{base}/"));
        assert_eq!(began.elapsed().as_secs(), TIMEOUT.as_secs());
    }
}
