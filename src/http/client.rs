//! Building the HTTP client for calls to Altinn and Maskinporten.

use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};

pub use reqwest::Client as HttpClient;

/// The default timeout of a whole request. Altinn's hosting platform gives up after 240 s, and a look-up settles what a timeout leaves open.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// The limits and trusted certificates of an HTTP client.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The time limit of a whole request, its answer included.
    pub timeout: Duration,
    /// The number of requests in flight; the same number of idle connections is kept.
    pub concurrency: usize,
    /// The certificate authorities to trust besides those of the machine.
    pub authorities: Vec<Certificate>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            concurrency: 1,
            authorities: Vec::new(),
        }
    }
}

impl HttpOptions {
    /// Trusts the certificates of a PEM file too; none at all is an error.
    pub fn trust(&mut self, pem: &[u8]) -> Result<(), ClientError> {
        let certificates = Certificate::from_pem_bundle(pem)
            .map_err(|error| ClientError::Authorities(Some(error.without_url())))?;
        if certificates.is_empty() {
            return Err(ClientError::Authorities(None));
        }
        self.authorities.extend(certificates);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up; usually the machine has no trusted certificates.
    #[error("cannot set up HTTPS")]
    Tls(#[source] reqwest::Error),
    #[error("there is no certificate in PEM in the file of certificates to trust")]
    Authorities(#[source] Option<reqwest::Error>),
}

impl ClientError {
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Tls(_) => {
                "install the package `ca-certificates`, or name a file of certificates in SSL_CERT_FILE"
            }
            Self::Authorities(_) => {
                "give certificates as `-----BEGIN CERTIFICATE-----`; from DER: openssl x509 -inform der -in FILE -out ca.pem"
            }
        }
    }
}

/// The location of a client's hosts, which decides on TLS and proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// All hosts are reached over TLS, through the system's proxy if there is one.
    Encrypted,
    /// Some hosts are on this machine, without TLS.
    Mixed,
    /// All hosts are on this machine, without TLS.
    Local,
}

/// Builds a client: without redirects or retries, with 10 s to connect, and with TLS except on this machine.
pub(crate) fn http_client(
    network: Network,
    options: &HttpOptions,
) -> Result<HttpClient, ClientError> {
    let mut builder = HttpClient::builder()
        .user_agent(concat!("massebrev/", env!("CARGO_PKG_VERSION")))
        // A redirect could carry the token or the letter to another host.
        .redirect(Policy::none())
        // A retry that the journal does not know of could become a second letter.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(options.timeout)
        // A new connection costs several round trips that a kept one saves.
        .pool_max_idle_per_host(options.concurrency.max(1));
    builder = match network {
        Network::Encrypted => builder.https_only(true),
        // With a proxy, a request to this machine would leave it unencrypted.
        Network::Mixed | Network::Local => builder.no_proxy(),
    };
    if network == Network::Local {
        // No certificates are loaded, so that the sandbox also runs on a machine without any.
        builder = builder.tls_certs_only([]);
    } else if !options.authorities.is_empty() {
        builder = builder.tls_certs_merge(options.authorities.iter().cloned());
    }
    builder
        .build()
        .map_err(|error| ClientError::Tls(error.without_url()))
}

/// The advice on a host that is not reached without a proxy; names a variable that cannot be read, which the client ignores.
pub(crate) fn proxy_advice() -> String {
    let is_unreadable = |name: &&str| {
        let value = std::env::var(name).unwrap_or_default();
        let matcher = Matcher::builder().https(value.clone()).build();
        let reads = |any| matcher.intercept(&any).is_some();
        !value.is_empty() && !"https://host".parse().is_ok_and(reads)
    };
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    names.into_iter().find(is_unreadable).map_or_else(
        || "behind a proxy, set HTTPS_PROXY".to_owned(),
        |name| format!("{name} cannot be read and is ignored: set it to http://HOST:PORT"),
    )
}

/// The host of an address, with its port unless it is the default one; never user, password or query.
pub(crate) fn host(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.chars().take(60).collect(), |url| host_of(&url))
}

pub(super) fn host_of(url: &Url) -> String {
    let authority = url.authority();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::listener::{Listener, answer};
    use super::*;

    #[test]
    fn a_sandbox_needs_neither_certificates_nor_a_proxy() {
        let this = std::env::current_exe().unwrap();
        let name = "http::client::tests::inner_a_local_server_is_reached";
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
        let client = http_client(Network::Local, &HttpOptions::default()).unwrap();
        assert_eq!(
            client.get(&listener.base).send().await.unwrap().status(),
            204
        );

        let error = http_client(Network::Encrypted, &HttpOptions::default()).unwrap_err();
        assert!(error.hint().contains("SSL_CERT_FILE"));
    }

    #[tokio::test]
    async fn nothing_goes_unencrypted_beyond_this_machine() {
        let listener = Listener::start(|_| answer("204 No CheckedFile", "", "")).await;
        let Ok(client) = http_client(Network::Encrypted, &HttpOptions::default()) else {
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
            let error = HttpOptions::default().trust(pem.as_bytes()).unwrap_err();
            assert!(error.hint().contains("openssl x509"));
            assert!(!format!("{error:?}").contains("c2VjcmV0"));
        }
    }

    #[test]
    fn a_host_is_shown_without_what_stands_around_it() {
        assert_eq!(
            host("https://user:secret@maskinporten.no/token?a=b"),
            "maskinporten.no"
        );
        assert_eq!(host("http://127.0.0.1:8080/token"), "127.0.0.1:8080");
    }
}
