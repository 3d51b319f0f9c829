//! The errors of token sources, with hints.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::codes;
use crate::http::{TransportError, presentable};
use crate::text::causes;

/// The reason why there is no token. Cheap to clone, because all requests that waited for the same token get the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    #[error("the grant could not be signed")]
    Sign(#[source] Arc<jsonwebtoken::errors::Error>),
    /// There was no answer, or an incomplete one.
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("Maskinporten {} HTTP {status}: {message}", outage(*status).unwrap_or("refused the grant with"))]
    Refused {
        status: u16,
        /// The OAuth error, such as `invalid_grant`.
        error: Option<String>,
        /// Maskinporten's description, shortened, with identity numbers masked.
        message: String,
        /// The number of the `MP-nnn` code in the description.
        code: Option<u16>,
        /// The seconds by which this machine's clock is ahead of Maskinporten's; negative when it is behind.
        clock_ahead: Option<i64>,
        retry_after: Option<Duration>,
    },
    #[error("Altinn {} HTTP {status}: {message}", outage(*status).unwrap_or("did not accept Maskinporten's token:"))]
    Exchange {
        status: u16,
        /// Altinn's message, shortened, with identity numbers masked.
        message: String,
        retry_after: Option<Duration>,
    },
    /// The answer was a success, but its body holds no usable token.
    #[error("the answer from `{host}` has no token in it: {reason}")]
    Malformed { host: String, reason: &'static str },
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The error of a source outside this module.
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl TokenError {
    /// True when the same call is likely to succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_transient(),
            Self::Refused { status, .. } | Self::Exchange { status, .. } => {
                matches!(status, 408 | 429 | 500..)
            }
            // Most often a page of a gateway in between, which passes; if it stays, the attempts run out.
            Self::Malformed { .. } => true,
            Self::Source(error) => error.is_transient,
            Self::Sign(_) | Self::Other(_) => false,
        }
    }

    /// The wait that the server asks for with `Retry-After`; at most 24 hours.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Exchange { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error and its innermost cause in one line. The layers between them are names from libraries.
    pub fn reason(&self) -> String {
        match (self, causes(self).last()) {
            (Self::Transport(error), _) => error.reason(),
            (_, Some(cause)) => presentable(&format!("{self}: {cause}"), REASON_LIMIT),
            (_, None) => self.to_string(),
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exchange { status, .. } if outage(*status).is_some() => Some(OUTAGE.into()),
            Self::Refused {
                status,
                code,
                error,
                message,
                clock_ahead,
                ..
            } => {
                // The clock is named beside other advice, because it is often the real reason.
                let advice = codes::advice(*code, error.as_deref(), message)
                    .or_else(|| outage(*status).map(|_| OUTAGE.into()));
                let clock = clock_ahead.and_then(clock_hint);
                match (advice, clock) {
                    (Some(advice), Some(clock)) => Some(format!("{advice}; {clock}")),
                    (advice, clock) => advice.or(clock),
                }
            }
            Self::Exchange { status: 401, .. } => Some(
                "check that Maskinporten and Altinn are of the same environment: a test token does not work in production, nor the other way round".into(),
            ),
            Self::Transport(error) => Some(error.hint().unwrap_or_else(|| {
                let host = &error.host;
                format!("check the network, and that a proxy or firewall lets `{host}` through")
            })),
            Self::Malformed { host, .. } => Some(format!(
                "check that `{host}` is the right address, and that no login page of the network stands in between"
            )),
            Self::Source(error) => Some(error.hint.to_string()),
            Self::Sign(_) | Self::Exchange { .. } | Self::Other(_) => None,
        }
    }

    /// The seconds by which this machine's clock is ahead, when that can be the reason for the refusal. Maskinporten refuses wrong times with code 130 or without a code.
    pub(super) fn clock_error(&self) -> Option<i64> {
        match self {
            Self::Refused {
                status: 400 | 401,
                code: None | Some(130),
                clock_ahead: Some(ahead),
                ..
            } if is_skewed(*ahead) => Some(*ahead),
            _ => None,
        }
    }

    /// True when one more call with a newly signed grant is likely to succeed at once.
    pub(super) fn needs_new_grant(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if codes::explain(*code).is_some_and(|known| known.again))
    }
}

/// The words before a status that is a server error, and so no refusal.
fn outage(status: u16) -> Option<&'static str> {
    (status >= 500).then_some("has an outage: it answered with")
}

/// The hint for a server error, which no change on this side mends.
pub(super) const OUTAGE: &str =
    "nothing is wrong here: run the same command again later, when the outage is over";
const REASON_LIMIT: usize = 300;
/// The clock skew in seconds above which hints mention the clock. Maskinporten allows 10, and clocks drift.
const CLOCK_TOLERANCE: u64 = 5;

fn is_skewed(ahead: i64) -> bool {
    ahead.unsigned_abs() > CLOCK_TOLERANCE
}

fn clock_hint(ahead: i64) -> Option<String> {
    let seconds = ahead.unsigned_abs();
    let side = if ahead > 0 { "fast" } else { "slow" };
    is_skewed(ahead).then(|| {
        format!("this machine's clock is {seconds} s {side} by Maskinporten's: set it, on Linux with `timedatectl set-ntp true`")
    })
}

/// The reason why a source other than Maskinporten has no token. Never quotes a token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    pub(super) message: String,
    pub(crate) hint: Cow<'static, str>,
    pub(super) is_transient: bool,
    #[source]
    pub(super) source: Option<Arc<std::io::Error>>,
}

impl SourceError {
    pub(super) fn new(message: String, hint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message,
            hint: hint.into(),
            is_transient: false,
            source: None,
        }
    }

    pub(super) fn not_a_token(place: &str, reason: &str) -> Self {
        Self::new(
            format!("what comes from {place} is not a token: {reason}"),
            "give the token alone, or JSON as {\"token\": \"…\", \"expiresAt\": \"2026-11-24T12:00:00Z\"}",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<u16>, clock_ahead: Option<i64>) -> TokenError {
        TokenError::Refused {
            status,
            error: None,
            message: String::new(),
            code,
            clock_ahead,
            retry_after: None,
        }
    }

    #[test]
    fn a_skewed_clock_is_said_from_six_seconds_on() {
        assert_eq!(refused(400, None, Some(5)).hint(), None);
        assert_eq!(
            refused(400, None, Some(-6)).hint().unwrap(),
            "this machine's clock is 6 s slow by Maskinporten's: set it, on Linux with `timedatectl set-ntp true`"
        );
        let both = refused(400, Some(130), Some(40)).hint().unwrap();
        assert!(both.starts_with("the grant has expired"), "{both}");
        assert!(
            both.contains("this machine's clock is 40 s fast by Maskinporten's"),
            "{both}"
        );
    }

    #[test]
    fn server_trouble_passes_and_a_refusal_stays() {
        let outage = refused(503, None, None);
        assert!(outage.is_transient());
        assert!(
            outage
                .to_string()
                .contains("has an outage: it answered with HTTP 503")
        );
        assert!(outage.hint().unwrap().contains("again later"));
        assert!(refused(429, None, None).is_transient());
        assert!(!refused(400, Some(130), None).is_transient());
        assert!(!refused(403, Some(250), None).is_transient());
    }

    #[test]
    fn only_a_used_or_expired_grant_is_signed_again() {
        assert!(refused(400, Some(12), None).needs_new_grant());
        assert!(refused(400, Some(130), None).needs_new_grant());
        assert!(!refused(400, Some(100), None).needs_new_grant());
        assert!(!refused(400, None, None).needs_new_grant());
    }
}
