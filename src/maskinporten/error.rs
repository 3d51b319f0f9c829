//! Errors on the way to a token, each with a hint.

use std::sync::Arc;
use std::time::Duration;

use super::codes;
use crate::http::{TransportError, presentable};
use crate::text::causes;

/// Why there is no token. Cheap to copy, because everyone who waited for the same token gets the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The grant could not be signed.
    #[error("the grant could not be signed")]
    Sign {
        /// The cryptography's own words.
        #[source]
        source: Arc<jsonwebtoken::errors::Error>,
    },
    /// No answer, or not a whole one.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Maskinporten refused the grant.
    #[error("Maskinporten refused the grant with HTTP {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The OAuth error, such as `invalid_grant`.
        error: Option<String>,
        /// Maskinporten's own words, cut; identity numbers masked.
        message: String,
        /// The number of the `MP-nnn` code in them.
        code: Option<u16>,
        /// Seconds by which this machine's clock is ahead of Maskinporten's (negative: behind).
        clock_ahead: Option<i64>,
        /// From `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Altinn did not exchange Maskinporten's token for its own.
    #[error("Altinn did not accept Maskinporten's token (HTTP {status}): {message}")]
    Exchange {
        /// The HTTP status.
        status: u16,
        /// Altinn's own words, cut; identity numbers masked.
        message: String,
        /// From `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// A success whose body has no usable token in it.
    #[error("the answer from `{host}` has no token in it: {reason}")]
    Malformed {
        /// The host that answered.
        host: String,
        /// A lowercase fragment.
        reason: &'static str,
    },
    /// Another source than Maskinporten has none.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl TokenError {
    /// True when the same call may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_transient(),
            Self::Refused { status, .. } | Self::Exchange { status, .. } => {
                matches!(status, 408 | 429 | 500..)
            }
            // A page of something that stands in between; where it stays, the tries run out.
            Self::Malformed { .. } => true,
            Self::Sign { .. } => false,
            Self::Source(error) => error.is_transient(),
        }
    }

    /// The server's `Retry-After`; at most 24 hours.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Exchange { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error and its innermost cause, in one line.
    pub fn reason(&self) -> String {
        match (self, causes(self).last()) {
            (Self::Transport(error), _) => error.reason(),
            (_, Some(cause)) => presentable(&format!("{self}: {cause}"), REASON_LIMIT),
            (_, None) => self.to_string(),
        }
    }

    /// The command or setting that may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused {
                code,
                error,
                message,
                clock_ahead,
                ..
            } => {
                let advice = codes::advice(*code, error.as_deref(), message);
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
            Self::Source(error) => error.hint(),
            Self::Sign { .. } | Self::Exchange { .. } => None,
        }
    }

    /// By how many seconds this machine's clock is ahead, when the refusal can come from that.
    pub(super) fn clock_to_blame(&self) -> Option<i64> {
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

    /// True when a newly signed grant is worth one more call at once.
    pub(super) fn wants_a_fresh_grant(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if codes::explain(*code).is_some_and(|known| known.again))
    }
}

const REASON_LIMIT: usize = 300;
/// Maskinporten allows 10 seconds; from 5 on it is worth saying.
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

/// Why a source other than Maskinporten has no token. Never quotes one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read the token from {place}")]
    File {
        /// The file.
        place: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// There is something, but it is no token.
    #[error("what comes from {place} is not a token: {reason}")]
    NotAToken {
        /// Where it was found.
        place: String,
        /// A lowercase fragment.
        reason: &'static str,
    },
    /// Its time has passed.
    #[error("the token from {place} expired {ago} ago")]
    Expired {
        /// Where it was found.
        place: String,
        /// Time since then, in words.
        ago: String,
        /// The way to another one.
        hint: &'static str,
    },
    /// The program that gives tokens did not give one.
    #[error("the token command `{program}` {failure}{}", said(.stderr))]
    Command {
        /// The program, without its arguments.
        program: String,
        /// A verb phrase: `ended with status 7`.
        failure: String,
        /// Its stderr, cut and masked.
        stderr: String,
    },
    /// The generator of test tokens refused.
    #[error("the test token generator answered HTTP {status}: {message}")]
    Generator {
        /// The HTTP status.
        status: u16,
        /// Its own words, cut and masked.
        message: String,
    },
    /// The reason of another program's source.
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// True when the same call may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Generator {
                status: 408 | 429 | 500..,
                ..
            }
        )
    }

    /// The command or setting that may help.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File { .. } => {
                "name a plain file of at most 1 MB that you may read, with the token and nothing else; a token can also come from MASSEBREV_TOKEN"
            }
            Self::NotAToken { .. } => {
                "give the token alone, or JSON as {\"token\": \"…\", \"expiresAt\": \"2026-11-24T12:00:00Z\"}"
            }
            Self::Expired { hint, .. } => hint,
            Self::Command { .. } => {
                "run the command by hand in the manifest's folder: it must print a token, and nothing else, to stdout"
            }
            Self::Generator {
                status: 401 | 403, ..
            } => {
                "set MASSEBREV_GENERATOR_USER and MASSEBREV_GENERATOR_PASSWORD to what Altinn has given you for its test tools"
            }
            Self::Generator { .. } => {
                "check `auth.token.generator` in the manifest, and the scopes"
            }
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!("; it says: {stderr}")
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
        assert!(refused(503, None, None).is_transient());
        assert!(refused(429, None, None).is_transient());
        assert!(!refused(400, Some(130), None).is_transient());
        assert!(!refused(403, Some(250), None).is_transient());
    }

    #[test]
    fn only_a_used_or_expired_grant_is_signed_again() {
        assert!(refused(400, Some(12), None).wants_a_fresh_grant());
        assert!(refused(400, Some(130), None).wants_a_fresh_grant());
        assert!(!refused(400, Some(100), None).wants_a_fresh_grant());
        assert!(!refused(400, None, None).wants_a_fresh_grant());
    }
}
