//! What goes wrong on the way to a token, and what to do about it.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use super::{SourceError, codes};
use crate::http::reply::presentable;

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
    #[error("no answer from `{host}`")]
    Unreachable {
        /// Whom we asked.
        host: String,
        /// Why; without the address.
        #[source]
        source: Arc<reqwest::Error>,
    },
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
        /// How many seconds this machine's clock is ahead of Maskinporten's (negative: behind).
        clock_ahead: Option<i64>,
        /// How long Maskinporten wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Altinn did not exchange Maskinporten's token for its own.
    #[error("Altinn did not accept Maskinporten's token (HTTP {status}): {message}")]
    Exchange {
        /// The HTTP status.
        status: u16,
        /// Altinn's own words, cut; identity numbers masked.
        message: String,
        /// How long Altinn wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A success whose body has no usable token in it.
    #[error("the answer from `{host}` has no token in it: {reason}")]
    Malformed {
        /// Who answered.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another source than Maskinporten has none.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl TokenError {
    /// Whether the same call may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            // Whom we do not trust now, we will not trust later.
            Self::Unreachable { source, .. } => {
                !source.is_builder() && !mentions_certificates(&**source)
            }
            Self::Refused { status, .. } | Self::Exchange { status, .. } => {
                matches!(status, 408 | 429 | 500..)
            }
            // A page of something that stands in between; where it stays, the tries run out.
            Self::Malformed { .. } => true,
            Self::Sign { .. } => false,
            Self::Source(error) => error.is_transient(),
        }
    }

    /// How long the other side wants to be left alone, if it said so; at most 24 hours.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Exchange { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What happened and its innermost cause, in one line.
    pub fn reason(&self) -> String {
        match std::iter::successors(self.source(), |cause| (*cause).source()).last() {
            Some(cause) => presentable(&format!("{self}: {cause}"), REASON_LIMIT),
            None => self.to_string(),
        }
    }

    /// What to do about it.
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
            Self::Unreachable { host, source } if mentions_certificates(&**source) => Some(format!(
                "if a proxy opens the traffic to `{host}`, give the file with its certificate as --ca-file, MASSEBREV_CA_FILE or `auth.caFile`"
            )),
            Self::Unreachable { host, .. } => Some(format!(
                "check the network, and that a proxy or firewall lets `{host}` through"
            )),
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

    /// Whether a grant signed afresh is worth one more call at once.
    pub(super) fn wants_a_fresh_grant(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if codes::explain(*code).is_some_and(|known| known.again))
    }
}

/// Whether TLS failed because the other side is not trusted.
fn mentions_certificates(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .any(|error| error.to_string().contains("certificate"))
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
