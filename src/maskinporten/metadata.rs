//! The issuer name of Maskinporten, which is the audience of every grant.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::refreshing::{Expires, Refreshing};
use crate::http::{HttpClient, Reply};

/// The issuer from Maskinporten's metadata, which is fetched again once an hour in the background.
#[derive(Debug)]
pub(super) struct Metadata {
    /// The address of Maskinporten, without a trailing slash.
    authority: String,
    issuer: Refreshing<Issuer, String>,
}

#[derive(Clone)]
struct Issuer {
    name: String,
    fetched: Instant,
}

/// The age at which the metadata is fetched again. The old value stays in use, because an issuer practically never changes.
const REFRESH_AFTER: Duration = Duration::from_secs(60 * 60);
/// The timeout of the request: short, because the address is a good fallback.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Metadata {
    pub(super) fn new(http: HttpClient, authority: String) -> Self {
        let address = format!("{authority}/.well-known/oauth-authorization-server");
        Self {
            authority,
            issuer: Refreshing::new(move || Box::pin(fetch(http.clone(), address.clone()))),
        }
    }

    /// Returns the last known issuer. Without one it is derived from the address.
    pub(super) async fn issuer(&self) -> String {
        match self.issuer.get().await {
            Ok(issuer) => issuer.name,
            // No reason to fail: both environments of Maskinporten use their address with a slash as issuer.
            Err(reason) => {
                tracing::warn!(%reason, "Maskinporten's metadata cannot be had");
                format!("{}/", self.authority)
            }
        }
    }
}

async fn fetch(http: HttpClient, address: String) -> Result<Issuer, String> {
    let reply = Reply::to(http.get(address).timeout(TIMEOUT)).await;
    let reply = reply.map_err(|error| error.reason())?;
    if !reply.is_success() {
        return Err(format!("HTTP {}", reply.status));
    }
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| "not JSON")?;
    match value.get("issuer").and_then(Value::as_str) {
        Some(name) if !name.trim().is_empty() => Ok(Issuer {
            name: name.to_owned(),
            fetched: Instant::now(),
        }),
        _ => Err("no `issuer` in it".to_owned()),
    }
}

impl Expires for Issuer {
    fn is_fresh(&self, _: Instant) -> bool {
        true
    }

    fn is_aging(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.fetched) >= REFRESH_AFTER
    }

    fn is_alive(&self, _: Instant) -> bool {
        true
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
        let metadata = Metadata::new(HttpClient::new(), listener.base.clone());
        assert_eq!(metadata.issuer().await, format!("{}/", listener.base));
        for _ in 0..3 {
            assert_eq!(metadata.issuer().await, "https://issuer.example/");
        }
        assert_eq!(listener.seen("GET").len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_for_ten_seconds_is_none() {
        // Connected, but silent.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let began = tokio::time::Instant::now();
        let metadata = Metadata::new(HttpClient::new(), base.clone());
        assert_eq!(metadata.issuer().await, format!("{base}/"));
        assert_eq!(began.elapsed().as_secs(), TIMEOUT.as_secs());
    }
}
