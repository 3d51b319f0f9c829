//! Requests that got no answer, or not the one the API promises.

use std::error::Error;
use std::fmt;

use super::checked_file::FileError;
use crate::http::reply::presentable;

/// Why a call has no answer. Shows the host at most, never a whole address.
#[derive(Debug)]
pub struct TransportError {
    /// What is known about the request.
    pub kind: TransportKind,
    host: String,
    source: Option<Box<dyn Error + Send + Sync>>,
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
    /// Whether Altinn may have done what was asked.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self.kind, TransportKind::File | TransportKind::Connect)
    }

    /// Whether it is a file of this machine: no other try will fare better.
    pub fn is_about_a_file(&self) -> bool {
        self.kind == TransportKind::File
    }

    /// Whether the other side is not trusted: no other try will fare better, and no other request.
    pub fn is_about_trust(&self) -> bool {
        self.kind == TransportKind::Connect
            && std::iter::successors(self.source(), |cause| (*cause).source())
                .any(|cause| cause.to_string().contains("certificate"))
    }

    /// What happened and its innermost cause, in one line; for a file, which one.
    pub fn reason(&self) -> String {
        let mut cause = self.source();
        while let Some(next) = cause.and_then(Error::source) {
            if cause.is_some_and(<dyn Error>::is::<FileError>) {
                let file = cause.map(ToString::to_string).unwrap_or_default();
                return presentable(&format!("{self}: {file}: {next}"), REASON_LIMIT);
            }
            cause = Some(next);
        }
        match cause {
            Some(cause) => presentable(&format!("{self}: {cause}"), REASON_LIMIT),
            None => self.to_string(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let host = &self.host;
        match self.kind {
            TransportKind::Connect if self.is_about_trust() => Some(format!(
                "if a proxy opens the traffic to `{host}`, give the file with its certificate as --ca-file, MASSEBREV_CA_FILE or `auth.caFile`"
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

    /// What reqwest says about a request to `host`.
    pub(super) fn from_request(host: &str, error: reqwest::Error) -> Self {
        let kind = if is_about_a_file(&error) {
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

    /// One for `host`.
    pub(crate) fn new(
        kind: TransportKind,
        host: &str,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            host: host.to_owned(),
            source,
        }
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

/// Whether it was one of our own files that ended a request.
fn is_about_a_file(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(next) = cause {
        if next.is::<FileError>() {
            return true;
        }
        cause = next.source();
    }
    false
}

const REASON_LIMIT: usize = 300;
