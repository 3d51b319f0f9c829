//! Maskinporten's own name, which every grant must be addressed to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::reply::{Reply, innermost};

/// The issuer as Maskinporten's metadata names it: asked for once an hour, and from the second time on while nobody waits.
#[derive(Debug, Clone)]
pub(super) struct Metadata(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Without a trailing slash.
    authority: String,
    issuer: Mutex<Option<(String, Instant)>>,
    asking: AtomicBool,
    /// How long an answer holds.
    kept: Duration,
}

impl Metadata {
    pub(super) fn new(authority: &str) -> Self {
        Self::kept_for(authority, KEPT)
    }

    fn kept_for(authority: &str, kept: Duration) -> Self {
        Self(Arc::new(Inner {
            authority: authority.to_owned(),
            issuer: Mutex::default(),
            asking: AtomicBool::new(false),
            kept,
        }))
    }

    /// The last known issuer; when there is none and the metadata cannot be had, the authority with a slash, until the next time.
    pub(super) async fn issuer(&self, http: &reqwest::Client) -> String {
        if let Some((issuer, asked)) = self.0.known() {
            if asked.elapsed() >= self.0.kept {
                self.ask_aside(http);
            }
            return issuer;
        }
        match self.0.ask(http).await {
            Ok(issuer) => issuer,
            Err(reason) => {
                tracing::warn!(%reason, "Maskinporten's metadata cannot be had");
                format!("{}/", self.0.authority)
            }
        }
    }

    /// Asks again while the old answer is in use; one at a time.
    fn ask_aside(&self, http: &reqwest::Client) {
        if self.0.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (inner, http) = (Arc::clone(&self.0), http.clone());
        tokio::spawn(async move {
            if let Err(reason) = inner.ask(&http).await {
                tracing::warn!(%reason, "Maskinporten's metadata cannot be had again");
            }
            inner.asking.store(false, Ordering::Release);
        });
    }
}

impl Inner {
    fn known(&self) -> Option<(String, Instant)> {
        let known = self.issuer.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    async fn ask(&self, http: &reqwest::Client) -> Result<String, String> {
        let address = format!("{}/.well-known/oauth-authorization-server", self.authority);
        let sent = http.get(address).timeout(TIMEOUT).send().await;
        let response = sent.map_err(|error| innermost(&error))?;
        let reply = Reply::read(response)
            .await
            .map_err(|error| innermost(&error))?;
        if !reply.is_success() {
            return Err(format!("HTTP {}", reply.status));
        }
        let value: Value = serde_json::from_slice(&reply.body).map_err(|_| "not JSON")?;
        let issuer = match value.get("issuer").and_then(Value::as_str) {
            Some(issuer) if !issuer.trim().is_empty() => issuer.to_owned(),
            _ => return Err("no `issuer` in it".to_owned()),
        };
        let mut known = self.issuer.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((issuer.clone(), Instant::now()));
        Ok(issuer)
    }
}

const KEPT: Duration = Duration::from_secs(60 * 60);
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::http::listener::{Listener, answer};

    /// Names itself anew each time; every answer but the numbered ones is a failure.
    async fn listener(good: &'static [u64]) -> Listener {
        let asked = AtomicU64::new(0);
        Listener::start(move |_| {
            let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
            if good.contains(&number) {
                let body = format!(r#"{{"issuer": "https://issuer.example/{number}"}}"#);
                answer("200 OK", "", &body)
            } else {
                answer("500 Internal Server Error", "", "")
            }
        })
        .await
    }

    /// Waits until nobody is asking aside.
    async fn settled(metadata: &Metadata) {
        while metadata.0.asking.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_answer_holds_for_a_while() {
        let listener = listener(&[1]).await;
        let metadata = Metadata::new(&listener.base);
        let http = reqwest::Client::new();
        for _ in 0..3 {
            assert_eq!(metadata.issuer(&http).await, "https://issuer.example/1");
        }
        assert_eq!(listener.seen("GET").len(), 1);
    }

    #[tokio::test]
    async fn an_old_answer_is_used_while_a_new_one_is_asked_for() {
        let listener = listener(&[1, 2]).await;
        let metadata = Metadata::kept_for(&listener.base, Duration::ZERO);
        let http = reqwest::Client::new();
        assert_eq!(metadata.issuer(&http).await, "https://issuer.example/1");
        assert_eq!(metadata.issuer(&http).await, "https://issuer.example/1");
        settled(&metadata).await;
        assert_eq!(metadata.issuer(&http).await, "https://issuer.example/2");
        settled(&metadata).await;
        // The third time it cannot be asked: the last known name stands.
        assert_eq!(metadata.issuer(&http).await, "https://issuer.example/2");
    }

    #[tokio::test]
    async fn without_an_answer_the_address_with_a_slash_stands_until_the_next_time() {
        let listener = listener(&[2]).await;
        let metadata = Metadata::new(&listener.base);
        let http = reqwest::Client::new();
        assert_eq!(metadata.issuer(&http).await, format!("{}/", listener.base));
        assert_eq!(metadata.issuer(&http).await, "https://issuer.example/2");
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_for_ten_seconds_is_none() {
        // Connected, but silent.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let began = tokio::time::Instant::now();
        let issuer = Metadata::new(&base).issuer(&reqwest::Client::new()).await;
        assert_eq!(issuer, format!("{base}/"));
        assert_eq!(began.elapsed().as_secs(), TIMEOUT.as_secs());
    }
}
