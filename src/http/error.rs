//! The errors of requests without a usable answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::checked_file::FileError;
use super::{presentable, proxy_advice};
use crate::text::causes;

/// The reason why a request has no usable answer. Shows only the host of the address, because queries may hold keys or names.
#[derive(Debug, Clone)]
pub struct TransportError {
    pub kind: TransportKind,
    /// The host of the request, with its port unless it is the default one.
    pub host: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The stage at which a request failed. It decides whether the server may have acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// A local file is gone or has changed. The request was incomplete, so the server did nothing.
    File,
    /// There was no connection, and nothing was sent.
    Connect,
    /// The request was sent, but no answer came in time.
    Timeout,
    /// The request was sent, but the answer was lost.
    Lost,
    /// The answer was a success, but not one that the API defines.
    Malformed,
}

impl TransportError {
    /// True when the server may have carried out the request.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self.kind, TransportKind::File | TransportKind::Connect)
    }

    /// True for a fault of a local file, which a retry cannot solve.
    pub fn is_about_a_file(&self) -> bool {
        self.kind == TransportKind::File
    }

    /// True when the server's certificate is not trusted, which fails all requests until the machine is configured. The TLS library tells it only in its message.
    pub fn is_about_trust(&self) -> bool {
        self.kind == TransportKind::Connect
            && causes(self).any(|cause| cause.to_string().contains("certificate"))
    }

    /// True when the same request is likely to succeed a little later.
    pub fn is_transient(&self) -> bool {
        // A request that cannot be built now cannot be built later either.
        let is_unbuilt = |cause: &(dyn Error + 'static)| {
            cause
                .downcast_ref::<reqwest::Error>()
                .is_some_and(reqwest::Error::is_builder)
        };
        !self.is_about_a_file() && !self.is_about_trust() && !self.source().is_some_and(is_unbuilt)
    }

    /// The error and its innermost cause in one line, and the name of the file concerned.
    pub fn reason(&self) -> String {
        let file = causes(self).find(|cause| cause.is::<FileError>());
        let innermost = causes(self).last();
        let mut text = self.to_string();
        for cause in file.into_iter().chain(innermost) {
            let cause = cause.to_string();
            let known = MEANINGS.iter().find(|(words, _)| cause.contains(words));
            let cause = known.map_or(&*cause, |(_, meaning)| meaning);
            // The error of the file may itself be the innermost one.
            if !text.ends_with(cause) {
                text = format!("{text}: {cause}");
            }
        }
        presentable(&text, REASON_LIMIT)
    }

    pub fn hint(&self) -> Option<String> {
        let host = &self.host;
        match self.kind {
            TransportKind::Connect if self.is_about_trust() && self.reason().ends_with(ISSUER) => {
                Some(format!(
                    "if a proxy opens the traffic to `{host}`, give the file with its certificate as --ca-file, MASSEBREV_CA_FILE or `auth.caFile`"
                ))
            }
            TransportKind::Connect if self.is_about_trust() => Some(format!(
                "see to the certificate at `{host}`, to the address in the manifest, and to this machine's clock: date"
            )),
            TransportKind::Connect if causes(self).any(is_about_dns) => Some(format!(
                "`{host}` cannot be looked up: check the address, the network and its DNS; {}",
                proxy_advice()
            )),
            TransportKind::Connect => Some(format!(
                "check the network, and that a proxy or firewall lets `{host}` through"
            )),
            TransportKind::Malformed => Some(format!(
                "check that `{host}` is Altinn, and that no login page of the network stands in between"
            )),
            TransportKind::File | TransportKind::Timeout | TransportKind::Lost => None,
        }
    }

    pub(super) fn from_request(host: &str, error: reqwest::Error) -> Self {
        let kind = if causes(&error).any(<dyn Error>::is::<FileError>) {
            TransportKind::File
        // A request that could not be built was not sent either.
        } else if error.is_connect() || error.is_builder() {
            TransportKind::Connect
        } else if error.is_timeout() {
            TransportKind::Timeout
        } else {
            TransportKind::Lost
        };
        // The URL of a look-up holds the idempotency key; the host is enough.
        Self::new(kind, host, Some(error.without_url().into()))
    }

    pub(crate) fn new(
        kind: TransportKind,
        host: &str,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            host: host.to_owned(),
            source: source.map(Arc::from),
        }
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        let host = error.url().map(|url| super::host(url.as_str()));
        Self::from_request(&host.unwrap_or_default(), error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match self.kind {
            TransportKind::File => f.write_str("a file cannot be sent"),
            TransportKind::Connect => write!(f, "no connection to `{host}`"),
            TransportKind::Timeout => write!(f, "no answer from `{host}` in time"),
            TransportKind::Lost => write!(f, "the answer from `{host}` was lost on the way"),
            TransportKind::Malformed => {
                write!(f, "the answer from `{host}` is not what the API promises")
            }
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// True for hyper's error when the resolver does not know a name; its type is private, so the message is compared.
fn is_about_dns(cause: &(dyn Error + 'static)) -> bool {
    cause.to_string().starts_with("dns error")
}

/// Causes that libraries tell in words of their own, and what they mean.
const MEANINGS: [(&str, &str); 6] = [
    ("tunnel error: unsuccessful", "the proxy refuses it"),
    ("proxy authorization", "the proxy wants user and password"),
    ("xpired", "its certificate has expired"),
    ("not valid for name", "its certificate is for another name"),
    ("CaUsedAsEndEntity", "its certificate is an authority's"),
    ("UnknownIssuer", ISSUER),
];
const ISSUER: &str = "its certificate is of an authority that is not trusted";
const REASON_LIMIT: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_libraries_are_told_in_words_for_people() {
        for (cause, reason, hint) in [
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "no connection to `h`: its certificate is an authority's",
                "see to the certificate at",
            ),
            (
                "invalid peer certificate: UnknownIssuer",
                "no connection to `h`: its certificate is of an authority that is not trusted",
                "as --ca-file",
            ),
            (
                "tunnel error: unsuccessful",
                "no connection to `h`: the proxy refuses it",
                "proxy",
            ),
            ("reset", "no connection to `h`: reset", "check the network"),
        ] {
            let error = TransportError::new(TransportKind::Connect, "h", Some(cause.into()));
            assert_eq!(error.reason(), reason);
            assert!(error.hint().unwrap().contains(hint), "{cause}");
        }
    }
}
