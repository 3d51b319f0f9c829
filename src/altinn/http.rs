//! The HTTP client that Altinn and Maskinporten are called with.

use std::fmt;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::redirect::Policy;

use super::Environment;

/// The client of every request; clones share their connections.
pub use reqwest::Client as HttpClient;

/// How long a request may take when nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// How requests are made.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// How long a request may take as a whole.
    pub timeout: Duration,
    /// How many requests there are at a time.
    pub concurrency: usize,
    /// Whom to trust besides those the machine trusts.
    pub authorities: Authorities,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            concurrency: 1,
            authorities: Authorities::default(),
        }
    }
}

/// Certificates to trust.
#[derive(Clone, Default)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// The certificates in a PEM file; at least one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ClientError> {
        let certificates = Certificate::from_pem_bundle(pem)
            .map_err(|error| ClientError::Authorities(Some(error.without_url())))?;
        if certificates.is_empty() {
            return Err(ClientError::Authorities(None));
        }
        Ok(Self(certificates))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorities").field(&self.0.len()).finish()
    }
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up; most often there are no certificates to trust on this machine.
    #[error("cannot set up HTTPS")]
    Tls(#[source] reqwest::Error),
    /// A file of certificates has none.
    #[error("there is no certificate in PEM in the file of certificates to trust")]
    Authorities(#[source] Option<reqwest::Error>),
}

impl ClientError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tls(_) => {
                "install the package `ca-certificates`, or name a file of certificates in SSL_CERT_FILE"
            }
            Self::Authorities(_) => {
                "give certificates as `-----BEGIN CERTIFICATE-----`; from DER: openssl x509 -inform der -in FILE -out ca.pem"
            }
        };
        Some(hint.to_owned())
    }
}

/// A client: no redirects, no repeats of its own, 10 s to connect, and never without TLS beyond this machine.
///
/// An environment with a part on this machine needs no proxy, and one that is all here no certificates; elsewhere the system's are used.
pub fn http_client(
    environment: &Environment,
    options: &HttpOptions,
) -> Result<HttpClient, ClientError> {
    let mut builder = HttpClient::builder()
        .user_agent(concat!("massebrev/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        // A repeat that nobody wrote down could become a second letter.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(options.timeout)
        .pool_max_idle_per_host(options.concurrency.max(1));
    if environment.is_encrypted() {
        builder = builder.https_only(true);
    } else {
        // What is meant for this machine would go to the proxy, readable.
        builder = builder.no_proxy();
    }
    if environment.is_local() {
        builder = builder.tls_certs_only([]);
    } else if !options.authorities.0.is_empty() {
        builder = builder.tls_certs_merge(options.authorities.0.iter().cloned());
    }
    builder
        .build()
        .map_err(|error| ClientError::Tls(error.without_url()))
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::http::listener::{Listener, answer};

    #[test]
    fn a_sandbox_needs_neither_certificates_nor_a_proxy() {
        let this = std::env::current_exe().unwrap();
        let name = "altinn::http::tests::inner_a_local_server_is_reached";
        let output = Command::new(this)
            .args(["--exact", name, "--ignored"])
            .env("SSL_CERT_FILE", "/nowhere/at-all.pem")
            .env("SSL_CERT_DIR", "/nowhere/at-all")
            .env("http_proxy", "http://127.0.0.1:1")
            .env("all_proxy", "http://127.0.0.1:1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
    }

    #[tokio::test]
    #[ignore = "run by the test above, on a machine without certificates and behind a dead proxy"]
    async fn inner_a_local_server_is_reached() {
        let listener = Listener::start(|_| answer("204 No CheckedFile", "", "")).await;
        let here = Environment::sandbox(&listener.base, &listener.base).unwrap();
        let client = http_client(&here, &HttpOptions::default()).unwrap();
        assert_eq!(
            client.get(&listener.base).send().await.unwrap().status(),
            204
        );

        let error = http_client(&Environment::tt02(), &HttpOptions::default()).unwrap_err();
        assert!(error.hint().unwrap().contains("SSL_CERT_FILE"));
    }

    #[tokio::test]
    async fn nothing_goes_unencrypted_beyond_this_machine() {
        let listener = Listener::start(|_| answer("204 No CheckedFile", "", "")).await;
        let far = Environment::custom("https://altinn.example", "https://m.example").unwrap();
        let Ok(client) = http_client(&far, &HttpOptions::default()) else {
            println!("skipped: this machine has no certificates");
            return;
        };
        let error = client.get(&listener.base).send().await.unwrap_err();
        assert!(error.is_builder(), "{error:?}");
        assert!(listener.seen("GET").is_empty());
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        for pem in [
            "",
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nno",
        ] {
            let error = Authorities::from_pem(pem.as_bytes()).unwrap_err();
            assert!(error.hint().unwrap().contains("openssl x509"));
            assert!(!format!("{error:?}").contains("c2VjcmV0"));
        }
    }
}
