//! One grant for one token: what is sent to Maskinporten, and what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroize;

use super::client::host;
use super::grant::Grant;
use super::metadata::Metadata;
use super::token::{is_plausible, remaining};
use super::{ClientSettings, Delegation, SigningKey, Token, TokenError, codes};
use crate::http::reply::{Reply, presentable, words};

/// Who buys, and where.
#[derive(Debug)]
pub(super) struct TokenRequest {
    client_id: String,
    key: SigningKey,
    scopes: Vec<String>,
    delegation: Delegation,
    /// Without a trailing slash.
    maskinporten: String,
    metadata: Metadata,
    /// How many seconds this machine's clock is ahead, when Maskinporten has refused a grant for it; else 0.
    correction: AtomicI64,
}

impl TokenRequest {
    pub(super) fn new(settings: ClientSettings) -> Self {
        let maskinporten = settings.maskinporten.trim_end_matches('/').to_owned();
        Self {
            client_id: settings.client_id,
            key: settings.key,
            scopes: settings.scopes,
            delegation: settings.delegation,
            metadata: Metadata::new(&maskinporten),
            maskinporten,
            correction: AtomicI64::new(0),
        }
    }

    /// A token; a second grant is signed when the first was refused for its age or its use, or for this machine's clock.
    pub(super) async fn buy(&self, http: &reqwest::Client) -> Result<Token, TokenError> {
        match self.once(http).await {
            Err(error) if self.learn(&error) || error.wants_a_fresh_grant() => {
                tracing::debug!(%error, "signing another grant");
                self.once(http).await
            }
            other => other,
        }
    }

    /// Whether the refusal comes from this machine's clock. From then on grants are dated by Maskinporten's, as far as its answers tell it.
    fn learn(&self, error: &TokenError) -> bool {
        let Some(ahead) = error.clock_to_blame() else {
            return false;
        };
        tracing::warn!(
            seconds = ahead,
            "this machine's clock is ahead of Maskinporten's: grants are dated by Maskinporten's"
        );
        self.correction.swap(ahead, Ordering::AcqRel) != ahead
    }

    async fn once(&self, http: &reqwest::Client) -> Result<Token, TokenError> {
        let audience = self.metadata.issuer(http).await;
        let grant = Grant {
            client_id: &self.client_id,
            audience: &audience,
            scopes: &self.scopes,
            delegation: &self.delegation,
            issued_at: self.now(),
        };
        let mut assertion = grant.sign(&self.key).map_err(|source| TokenError::Sign {
            source: Arc::new(source),
        })?;
        let address = format!("{}/token", self.maskinporten);
        let host = host(&address);
        let unreachable = |error: reqwest::Error| TokenError::Unreachable {
            host: host.clone(),
            source: Arc::new(error.without_url()),
        };
        let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        let request = http.post(&address).form(&form);
        assertion.zeroize();
        let reply = Reply::to(request).await.map_err(unreachable)?;
        if reply.is_success() {
            self.follow_the_clock(&reply);
            read(reply, &host)
        } else {
            Err(refused(&reply))
        }
    }

    /// Seconds since 1970, by Maskinporten's clock where ours has been refused.
    fn now(&self) -> u64 {
        let here = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        here.saturating_add_signed(-self.correction.load(Ordering::Acquire))
    }

    /// A clock that was wrong may be set meanwhile.
    fn follow_the_clock(&self, reply: &Reply) {
        if let Some(ahead) = reply.clock_ahead()
            && self.correction.load(Ordering::Acquire) != 0
        {
            self.correction.store(ahead, Ordering::Release);
        }
    }
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const MESSAGE_LIMIT: usize = 400;

#[derive(Deserialize)]
struct Answer {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Value,
}

fn read(mut reply: Reply, host: &str) -> Result<Token, TokenError> {
    let garbled = |reason| TokenError::Malformed {
        host: host.to_owned(),
        reason,
    };
    let answer = serde_json::from_slice::<Answer>(&reply.body);
    reply.body.zeroize();
    // The reader's own words may quote the token.
    let Answer {
        access_token,
        expires_in,
    } = answer.map_err(|error| {
        garbled(if error.is_data() {
            "`access_token` is missing"
        } else {
            "it is not JSON"
        })
    })?;
    let token = access_token.expose_secret();
    if !is_plausible(token) {
        return Err(garbled("`access_token` is not a token"));
    }
    let stated = seconds(&expires_in);
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
    Ok(Token::new(access_token, lifetime, Instant::now()).with_clock_ahead(reply.clock_ahead()))
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
    let text = words(&text);
    let message = match (member("error_description"), &error, text.as_str()) {
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
