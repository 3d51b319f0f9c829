//! Maskinporten's own name, which every grant must be addressed to.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;

use super::reply::{Reply, innermost};

/// The issuer as Maskinporten's metadata names it; asked for once an hour.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Without a trailing slash.
    authority: String,
    issuer: Mutex<Option<(String, Instant)>>,
    /// How long an answer holds.
    kept: Duration,
}

impl Metadata {
    pub(super) fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            issuer: Mutex::default(),
            kept: KEPT,
        }
    }

    /// The issuer; when the metadata cannot be had, the last known one, else the authority with a slash.
    pub(super) async fn issuer(&self, http: &reqwest::Client) -> String {
        let mut known = self.issuer.lock().await;
        if let Some((issuer, asked)) = &*known
            && asked.elapsed() < self.kept
        {
            return issuer.clone();
        }
        match self.ask(http).await {
            Ok(issuer) => {
                *known = Some((issuer.clone(), Instant::now()));
                issuer
            }
            Err(reason) => {
                tracing::warn!(%reason, "Maskinporten's metadata cannot be had");
                known
                    .as_ref()
                    .map_or_else(|| format!("{}/", self.authority), |(last, _)| last.clone())
            }
        }
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
        match value.get("issuer").and_then(Value::as_str) {
            Some(issuer) if !issuer.trim().is_empty() => Ok(issuer.to_owned()),
            _ => Err("no `issuer` in it".to_owned()),
        }
    }
}

const KEPT: Duration = Duration::from_secs(60 * 60);
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::listener::{Listener, answer};
    use super::*;

    /// Names itself once, and is out of order from then on.
    async fn failing() -> Listener {
        let asked = AtomicBool::new(false);
        Listener::start(move |_| {
            if asked.swap(true, Ordering::Relaxed) {
                answer("500 Internal Server Error", "", "")
            } else {
                answer("200 OK", "", r#"{"issuer": "https://issuer.example/"}"#)
            }
        })
        .await
    }

    async fn asked_twice(kept: Duration) -> (Listener, [String; 2]) {
        let listener = failing().await;
        let metadata = Metadata {
            kept,
            ..Metadata::new(&listener.base)
        };
        let http = reqwest::Client::new();
        let issuers = [metadata.issuer(&http).await, metadata.issuer(&http).await];
        (listener, issuers)
    }

    #[tokio::test]
    async fn an_answer_holds_for_a_while() {
        let (listener, issuers) = asked_twice(KEPT).await;
        assert_eq!(issuers, ["https://issuer.example/"; 2]);
        assert_eq!(listener.seen("GET").len(), 1);
    }

    #[tokio::test]
    async fn the_last_known_name_stands_when_it_cannot_be_asked_again() {
        let (listener, issuers) = asked_twice(Duration::ZERO).await;
        assert_eq!(issuers, ["https://issuer.example/"; 2]);
        assert_eq!(listener.seen("GET").len(), 2);
    }
}
