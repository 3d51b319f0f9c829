//! The single steps of a connection: name look-up, proxy, and a first request. Used by the connection check.

use std::io;
use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::{HttpClient, Network, Reply, TransportError};

/// Looks up the addresses of a URL's host with this machine's resolver.
pub(crate) async fn resolve(address: &str) -> io::Result<Vec<IpAddr>> {
    let url =
        Url::parse(address).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let host = url.host_str().unwrap_or_default();
    // The resolver accepts IPv6 addresses without brackets only.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or_default();
    let found = tokio::net::lookup_host((host, port)).await?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.dedup();
    Ok(addresses)
}

/// The proxy for requests to a URL, found by the same rules as the client's own, without user and password.
pub(crate) fn proxy_for(network: Network, address: &str) -> Option<String> {
    if network != Network::Encrypted {
        return None;
    }
    let proxy = Matcher::from_system().intercept(&address.parse().ok()?)?;
    let uri = proxy.uri();
    // User and password are cut off, because the address is printed.
    let host = uri.authority()?.as_str().rsplit('@').next()?;
    Some(format!("{}://{host}", uri.scheme_str().unwrap_or("http")))
}

/// Requests a URL. Any HTTP answer, also an error, means that the server is reached.
pub(crate) async fn probe(http: &HttpClient, address: &str) -> Result<Reply, TransportError> {
    Reply::to(http.get(address)).await
}

#[cfg(test)]
mod tests {
    use super::super::listener::{Listener, answer};
    use super::super::{HttpOptions, http_client};
    use super::*;

    #[tokio::test]
    async fn any_answer_means_that_the_way_is_free() {
        let listener = Listener::start(|seen| {
            if seen.is("GET /metadata ") {
                answer(
                    "200 OK",
                    "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                    r#"{"issuer": "i"}"#,
                )
            } else {
                answer("404 Not Found", "", "")
            }
        })
        .await;
        let http = http_client(Network::Local, &HttpOptions::default()).unwrap();
        let metadata = probe(&http, &format!("{}/metadata", listener.base))
            .await
            .unwrap();
        assert_eq!(
            (metadata.status, metadata.issuer()),
            (200, Ok("i".to_owned()))
        );
        assert!(metadata.clock_ahead().unwrap() > 900_000_000);
        assert_eq!(probe(&http, &listener.base).await.unwrap().status, 404);
        assert_eq!(proxy_for(Network::Local, &listener.base), None);
        let found = resolve(&listener.base).await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
        assert!(resolve("http://massebrev.invalid").await.is_err());
    }
}
