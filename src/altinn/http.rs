//! The HTTP client that Altinn and Maskinporten are called with.

use std::time::Duration;

use reqwest::redirect::Policy;

use super::Environment;

/// How long a request may take when nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up; most often there are no certificates to trust on this machine.
    #[error("cannot set up HTTPS")]
    Tls(#[source] reqwest::Error),
}

impl ClientError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let Self::Tls(_) = self;
        Some("install the package `ca-certificates`, or name a file of certificates in SSL_CERT_FILE".to_owned())
    }
}

/// A client for `concurrency` requests at a time: no redirects, no repeats of its own, 10 s to connect and `timeout` for the whole of a request.
///
/// An environment on this machine needs neither certificates nor a proxy; elsewhere the system's are used.
pub fn http_client(
    environment: &Environment,
    timeout: Duration,
    concurrency: usize,
) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("massebrev/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        // A repeat that nobody wrote down could become a second letter.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_max_idle_per_host(concurrency.max(1));
    if environment.is_local() {
        builder = builder.no_proxy().tls_certs_only([]);
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
    use crate::maskinporten::listener::{Listener, answer};

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
        let listener = Listener::start(|_| answer("204 No Content", "", "")).await;
        let here = Environment::sandbox(&listener.base, &listener.base).unwrap();
        let client = http_client(&here, DEFAULT_TIMEOUT, 1).unwrap();
        assert_eq!(
            client.get(&listener.base).send().await.unwrap().status(),
            204
        );

        let error = http_client(&Environment::tt02(), DEFAULT_TIMEOUT, 1).unwrap_err();
        assert!(error.hint().unwrap().contains("SSL_CERT_FILE"));
    }
}
