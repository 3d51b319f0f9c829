//! Requests that got no answer, or not the one the API promises.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::checked_file::FileError;
use super::presentable;
use crate::text::causes;

/// Why a request has no answer. Shows the host at most, never a whole address.
#[derive(Debug, Clone)]
pub struct TransportError {
    pub kind: TransportKind,
    /// The host that was asked, with its port when that is unusual.
    pub host: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// A local file cannot be sent: it is gone, or no longer what was checked. Whatever had left was not whole, so nothing was done.
    File,
    /// No connection; nothing was sent.
    Connect,
    /// Sent, and no answer in time.
    Timeout,
    /// Sent, and the answer was lost.
    Lost,
    /// Answered with success, in words that the API does not use.
    Malformed,
}

impl TransportError {
    /// True when the server may have done what was asked.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self.kind, TransportKind::File | TransportKind::Connect)
    }

    /// True for a file of this machine: trying again does not help.
    pub fn is_about_a_file(&self) -> bool {
        self.kind == TransportKind::File
    }

    /// True when the server's certificate is not trusted: trying again does not help, nor does any other request.
    pub fn is_about_trust(&self) -> bool {
        self.kind == TransportKind::Connect
            && causes(self).any(|cause| cause.to_string().contains("certificate"))
    }

    /// True when the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        // A request that cannot be built now cannot be built later.
        let is_unbuilt = |cause: &(dyn Error + 'static)| {
            cause
                .downcast_ref::<reqwest::Error>()
                .is_some_and(reqwest::Error::is_builder)
        };
        !self.is_about_a_file() && !self.is_about_trust() && !self.source().is_some_and(is_unbuilt)
    }

    /// The error and its innermost cause, in one line; for a file, its name.
    pub fn reason(&self) -> String {
        let file = causes(self).find(|cause| cause.is::<FileError>());
        let innermost = causes(self).last();
        let mut text = self.to_string();
        for cause in file.into_iter().chain(innermost) {
            let cause = cause.to_string();
            // The file's error may be the innermost one itself.
            if !text.ends_with(&cause) {
                text = format!("{text}: {cause}");
            }
        }
        presentable(&text, REASON_LIMIT)
    }

    /// The command or setting that may help.
    pub fn hint(&self) -> Option<String> {
        let host = &self.host;
        match self.kind {
            TransportKind::Connect if self.is_about_trust() => Some(format!(
                "if a proxy opens the traffic to `{host}`, give the file with its certificate as --ca-file, MASSEBREV_CA_FILE or `auth.caFile`"
            )),
            TransportKind::Connect if causes(self).any(is_about_dns) => Some(format!(
                "`{host}` cannot be looked up: check the address, the network and its DNS; behind a proxy, set HTTPS_PROXY"
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
        // A request that could not even be built was not sent either.
        } else if error.is_connect() || error.is_builder() {
            TransportKind::Connect
        } else if error.is_timeout() {
            TransportKind::Timeout
        } else {
            TransportKind::Lost
        };
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

/// hyper's word for a name that this machine's resolver does not know.
fn is_about_dns(cause: &(dyn Error + 'static)) -> bool {
    cause.to_string().starts_with("dns error")
}

const REASON_LIMIT: usize = 300;
