//! What goes wrong on the way to a token, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use super::{SourceError, codes};

/// Why a text is not a key that can sign grants. Never quotes the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the key is empty")]
    Empty,
    /// It looks like JSON, or is base64 of something, but it is not JSON.
    #[error("the key is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// The line where reading stopped, from 1.
        line: usize,
        /// The column where reading stopped, from 1; 0 when there is none.
        column: usize,
    },
    /// JSON, but a list or a single value.
    #[error("the key is JSON, but not an object")]
    NotAnObject,
    /// A set of keys (`{"keys": […]}`).
    #[error("this is a set of keys, not one key")]
    KeySet,
    /// Neither JSON nor PEM, and base64 neither.
    #[error("the key is neither JSON, nor base64 of JSON, nor PEM")]
    NotBase64,
    /// Members that must have a value have none.
    #[error("the key has no value for {members}")]
    Blank {
        /// Their names, quoted and joined.
        members: String,
    },
    /// A number of the key cannot be read.
    #[error("the key's `{member}` is not base64url")]
    NotBase64Url {
        /// The member.
        member: &'static str,
    },
    /// The public half.
    #[error("this is a public key: it cannot sign")]
    PublicOnly,
    /// Another kind of key.
    #[error("the key is of type {found}, and Maskinporten takes RSA only")]
    NotRsa {
        /// Its `kty`.
        found: String,
    },
    /// A key for encryption.
    #[error("the key is not for signatures: its `use` or `key_ops` says otherwise ({found})")]
    NotForSigning {
        /// What it says.
        found: String,
    },
    /// PEM behind a password.
    #[error("the key is locked with a password")]
    Encrypted,
    /// PEM that cannot be read.
    #[error("the PEM cannot be read")]
    NotPem,
    /// Nobody can know which key it is.
    #[error("the key has no `kid`")]
    NoKid,
    /// Below 2048 bits.
    #[error("the key has {bits} bits, and must have at least 2048")]
    TooSmall {
        /// Its size.
        bits: usize,
    },
    /// The numbers do not make up an RSA key.
    #[error("the key is damaged: {reason}")]
    Unfit {
        /// The cryptography's own words.
        reason: String,
    },
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PublicOnly => {
                "give the private key: the file that was kept when the public one was registered"
            }
            Self::Encrypted => {
                "unlock it into a file only you can read: openssl pkey -in locked.pem -out key.pem"
            }
            Self::NoKid => {
                "set `auth.key.kid` to the key's id, as shown on the client in Maskinporten's self-service"
            }
            Self::KeySet => "give one of the keys by itself",
            Self::NotRsa { .. } | Self::TooSmall { .. } => {
                "make a new key, and register its public half on the client: openssl genrsa -out key.pem 2048"
            }
            Self::NotBase64 | Self::NotJson { .. } | Self::NotPem | Self::Unfit { .. } => {
                "check that the whole key was copied, and nothing more"
            }
            Self::Blank { .. } => "a private RSA key has the members n, e, d, p, q, dp, dq and qi",
            Self::Empty
            | Self::NotAnObject
            | Self::NotBase64Url { .. }
            | Self::NotForSigning { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

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
    Garbled {
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
            Self::Unreachable { source, .. } => !source.is_builder(),
            Self::Refused { status, .. } | Self::Exchange { status, .. } => {
                matches!(status, 408 | 429 | 500..)
            }
            // A page of something that stands in between; where it stays, the tries run out.
            Self::Garbled { .. } => true,
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

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused {
                code, clock_ahead, ..
            } => {
                let advice = code.and_then(codes::explain).map(|known| {
                    format!("{}; {}", known.meaning, known.advice)
                });
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
            Self::Garbled { host, .. } => Some(format!(
                "check that `{host}` is the right address, and that no login page of the network stands in between"
            )),
            Self::Source(error) => error.hint(),
            Self::Sign { .. } | Self::Exchange { .. } => None,
        }
    }

    /// Whether a grant signed afresh is worth one more call at once.
    pub(super) fn wants_a_fresh_grant(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if codes::explain(*code).is_some_and(|known| known.again))
    }
}

/// Whether TLS failed because the other side is not trusted.
fn mentions_certificates(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.to_string().contains("certificate"))
}

/// Maskinporten allows 10 seconds; from 5 on it is worth saying.
const CLOCK_TOLERANCE: u64 = 5;

fn clock_hint(ahead: i64) -> Option<String> {
    let seconds = ahead.unsigned_abs();
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    (seconds > CLOCK_TOLERANCE)
        .then(|| format!("this machine's clock is {seconds} s {side} Maskinporten's: set it"))
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
            "this machine's clock is 6 s behind Maskinporten's: set it"
        );
        let both = refused(400, Some(130), Some(40)).hint().unwrap();
        assert!(both.starts_with("the grant has expired"), "{both}");
        assert!(
            both.ends_with("40 s ahead of Maskinporten's: set it"),
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
