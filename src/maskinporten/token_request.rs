//! The request to Maskinporten that returns a token for a signed grant.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroize;

use super::metadata::Metadata;
use super::token::{is_plausible, remaining, seconds};
use super::{ClientSettings, Token, TokenError, codes, grant};
use crate::http::{HttpClient, Reply, presentable};

#[derive(Debug)]
pub(super) struct TokenRequest {
    http: HttpClient,
    settings: ClientSettings,
    address: String,
    metadata: Metadata,
    /// The seconds by which this machine's clock is ahead; 0 until Maskinporten has refused a grant because of the clock.
    correction: AtomicI64,
}

impl TokenRequest {
    pub(super) fn new(http: HttpClient, settings: ClientSettings) -> Self {
        let maskinporten = settings.maskinporten.trim_end_matches('/');
        Self {
            address: format!("{maskinporten}/token"),
            metadata: Metadata::new(http.clone(), maskinporten),
            correction: AtomicI64::new(0),
            http,
            settings,
        }
    }

    /// Requests a token. A second grant is signed when the first one was refused for its age, its reuse, or this machine's clock.
    pub(super) async fn send(&self) -> Result<Token, TokenError> {
        match self.send_once().await {
            Err(error) if self.correct_clock(&error) || error.needs_new_grant() => {
                tracing::debug!(%error, "signing another grant");
                self.send_once().await
            }
            other => other,
        }
    }

    /// True when the refusal comes from this machine's clock and a new correction is worth another attempt. Later grants are dated by Maskinporten's clock, as its answers show it.
    fn correct_clock(&self, error: &TokenError) -> bool {
        let Some(ahead) = error.clock_error() else {
            return false;
        };
        tracing::warn!(
            seconds = ahead,
            "this machine's clock is ahead of Maskinporten's: grants are dated by Maskinporten's"
        );
        self.correction.swap(ahead, Ordering::AcqRel) != ahead
    }

    async fn send_once(&self) -> Result<Token, TokenError> {
        let audience = self.metadata.issuer().await;
        let signed = grant::sign(&self.settings, &audience, self.now());
        let mut assertion = signed.map_err(|error| TokenError::Sign(Arc::new(error)))?;
        let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        let request = self.http.post(&self.address).form(&form);
        // The request has its own copy, which is dropped with it.
        assertion.zeroize();
        let reply = Reply::to(request).await?;
        if !reply.is_success() {
            return Err(refused(&reply));
        }
        // Only when there is a correction: a wrong clock may have been set in the meantime.
        if let Some(ahead) = reply.clock_ahead()
            && self.correction.load(Ordering::Acquire) != 0
        {
            self.correction.store(ahead, Ordering::Release);
        }
        read(reply)
    }

    /// The time in seconds since 1970, by Maskinporten's clock once this machine's has been refused.
    fn now(&self) -> u64 {
        let here = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        here.saturating_add_signed(-self.correction.load(Ordering::Acquire))
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

fn read(mut reply: Reply) -> Result<Token, TokenError> {
    let host = std::mem::take(&mut reply.host);
    let malformed = |reason| TokenError::Malformed {
        host: host.clone(),
        reason,
    };
    let answer = serde_json::from_slice::<Answer>(&reply.body);
    reply.body.zeroize();
    // The deserializer's own message may quote the token.
    let Answer {
        access_token,
        expires_in,
    } = answer.map_err(|error| {
        malformed(if error.is_data() {
            "`access_token` is missing"
        } else {
            "it is not JSON"
        })
    })?;
    let token = access_token.expose_secret();
    if !is_plausible(token) {
        return Err(malformed("`access_token` is not a token"));
    }
    let stated = seconds(&expires_in);
    let own = remaining(token, reply.date.unwrap_or_else(SystemTime::now));
    // The shorter of both: Maskinporten may return a cached token that has been in use for a while.
    let lifetime = [stated, own].into_iter().flatten().min();
    let lifetime = lifetime.ok_or_else(|| malformed("it does not say how long the token lasts"))?;
    if lifetime.is_zero() {
        return Err(malformed("the token has already expired"));
    }
    Ok(Token::new(access_token, lifetime, Instant::now()).with_clock_ahead(reply.clock_ahead()))
}

fn refused(reply: &Reply) -> TokenError {
    // A gateway in between refuses with an HTML page instead of JSON, which parses as null here.
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    let error = member("error").map(|error| presentable(error, 80));
    let message = member("error_description").or(error.as_deref());
    let message = message.map_or_else(
        || reply.reason(MESSAGE_LIMIT),
        |words| presentable(words, MESSAGE_LIMIT),
    );
    TokenError::Refused {
        status: reply.status,
        code: codes::find(&message),
        message,
        error,
        clock_ahead: reply.clock_ahead(),
        retry_after: reply.retry_after,
    }
}
