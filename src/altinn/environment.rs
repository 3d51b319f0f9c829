//! The environments: pairs of an Altinn platform and a Maskinporten, with their addresses.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::http::{ClientError, HttpClient, HttpOptions, Network, http_client, proxy_for};
use crate::maskinporten::SubscriptionKey;

/// An Altinn platform, and the Maskinporten whose tokens it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    name: String,
    platform: String,
    maskinporten: String,
    subscription_key: Option<SubscriptionKey>,
}

impl Environment {
    /// Production: letters go to real recipients.
    pub fn prod() -> Self {
        Self::known(&KNOWN[0])
    }

    /// The test environment for Altinn's customers.
    pub fn tt02() -> Self {
        Self::known(&KNOWN[1])
    }

    /// An internal test environment of Altinn.
    pub fn at22() -> Self {
        Self::known(&KNOWN[2])
    }

    /// An internal test environment of Altinn.
    pub fn at23() -> Self {
        Self::known(&KNOWN[3])
    }

    /// Altinn's environment for performance tests.
    pub fn yt01() -> Self {
        Self::known(&KNOWN[4])
    }

    /// One of `prod`, `tt02`, `at22`, `at23` and `yt01`.
    pub fn named(name: &str) -> Option<Self> {
        KNOWN.iter().find(|known| known.0 == name).map(Self::known)
    }

    /// The known environment whose platform or Maskinporten has this host. For the Maskinporten that the test environments share, it is `tt02`.
    pub(super) fn at_host(host: &str) -> Option<Self> {
        let is_at = |address: &str| address.strip_prefix("https://") == Some(host);
        let known = KNOWN.iter().find(|known| is_at(known.1) || is_at(known.2));
        known.map(Self::known)
    }

    /// A sandbox at these addresses. Fails as [`Self::custom`] does.
    pub fn sandbox(platform: &str, maskinporten: &str) -> Result<Self, EnvironmentError> {
        Ok(Self {
            name: "sandbox".to_owned(),
            ..Self::custom(platform, maskinporten)?
        })
    }

    /// Any platform and Maskinporten, over `https` except on this machine. The address of a known platform gets its name, so that both spellings share one journal;
    /// others are named by host and port.
    pub fn custom(platform: &str, maskinporten: &str) -> Result<Self, EnvironmentError> {
        let platform = address("platform", platform)?;
        let maskinporten = address("maskinporten", maskinporten)?;
        let known = KNOWN
            .iter()
            .find(|known| host(&platform) == known.1.trim_start_matches("https://"));
        // The name is a part of the journal's path, so one platform must not have two.
        let name = known.map_or_else(
            || platform.authority().to_owned(),
            |known| known.0.to_owned(),
        );
        Ok(Self {
            name,
            platform: address_text(&platform),
            maskinporten: address_text(&maskinporten),
            subscription_key: None,
        })
    }

    /// The name: `prod`, `tt02`, `sandbox`, or host and port.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of the platform, without a trailing slash.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// The address of Maskinporten, without a trailing slash.
    pub fn maskinporten(&self) -> &str {
        &self.maskinporten
    }

    /// Sets the key that some of Altinn's gateways require; it is sent with every request to the platform, and nowhere else. A platform that is neither Altinn's own
    /// nor on this machine does not get it, because it is a secret.
    #[must_use]
    pub fn with_subscription_key(mut self, key: SubscriptionKey) -> Self {
        self.subscription_key = self.is_altinns().then_some(key);
        self
    }

    /// True when the platform is one of Altinn's own hosts, or on this machine.
    fn is_altinns(&self) -> bool {
        is_at(&self.platform, |url| {
            is_loopback(url) || ALTINNS.iter().any(|end| host(url).ends_with(end))
        })
    }

    /// The key that is sent with every request to the platform.
    pub fn subscription_key(&self) -> Option<&SubscriptionKey> {
        self.subscription_key.as_ref()
    }

    /// The URL at which Altinn exchanges Maskinporten's tokens.
    pub fn exchange_url(&self) -> String {
        format!(
            "{}/authentication/api/v1/exchange/maskinporten",
            self.platform
        )
    }

    /// True when letters are real: platform or Maskinporten is that of production, whatever the environment is called.
    pub fn is_production(&self) -> bool {
        // One of the two is enough: real letters can also leave through a gateway.
        is_at(&self.platform, |url| host(url) == PRODUCTION[0])
            || is_at(&self.maskinporten, |url| host(url) == PRODUCTION[1])
    }

    /// True when both are on this machine without TLS, so that neither certificates nor a proxy matter.
    pub fn is_local(&self) -> bool {
        self.network() == Network::Local
    }

    /// Makes an HTTP client for this environment: without redirects or retries, and with TLS except on this machine.
    pub fn http_client(&self, options: &HttpOptions) -> Result<HttpClient, ClientError> {
        http_client(self.network(), options)
    }

    /// The proxy for requests to a URL of this environment, without user and password.
    pub fn proxy_for(&self, address: &str) -> Option<String> {
        proxy_for(self.network(), address)
    }

    /// The hint on a failed connection to a URL of this environment that goes through a proxy.
    pub(crate) fn proxy_hint(&self, address: &str) -> Option<String> {
        let (proxy, host) = (self.proxy_for(address)?, crate::http::host(address));
        Some(format!(
            "check the proxy {proxy}, which HTTPS_PROXY or ALL_PROXY names; NO_PROXY={host} goes past it"
        ))
    }

    fn network(&self) -> Network {
        let is_encrypted = |address: &str| address.starts_with("https://");
        match (
            is_encrypted(&self.platform),
            is_encrypted(&self.maskinporten),
        ) {
            (true, true) => Network::Encrypted,
            (false, false) => Network::Local,
            _ => Network::Mixed,
        }
    }

    fn known((name, platform, maskinporten): &(&str, &str, &str)) -> Self {
        Self {
            name: (*name).to_owned(),
            platform: (*platform).to_owned(),
            maskinporten: (*maskinporten).to_owned(),
            subscription_key: None,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The reason why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// The text is not a URL.
    #[error("`{member}` is not an address such as https://platform.tt02.altinn.no: {found}")]
    NotAnAddress {
        /// The member of the manifest: `platform` or `maskinporten`.
        member: &'static str,
        /// The text that was found.
        found: String,
    },
    /// Tokens and letters would travel unencrypted.
    #[error("`{member}` must begin with https://, except on this machine: {found}")]
    NotSecure { member: &'static str, found: String },
    /// The address has a user name, password, query or fragment.
    #[error("`{member}` must be a plain address without user name, `?` and `#`")]
    NotPlain { member: &'static str },
}

/// Name, platform and Maskinporten.
type Known = (&'static str, &'static str, &'static str);

const KNOWN: [Known; 5] = [
    (
        "prod",
        "https://platform.altinn.no",
        "https://maskinporten.no",
    ),
    ("tt02", "https://platform.tt02.altinn.no", TEST),
    ("at22", "https://platform.at22.altinn.cloud", TEST),
    ("at23", "https://platform.at23.altinn.cloud", TEST),
    ("yt01", "https://platform.yt01.altinn.cloud", TEST),
];
/// The one Maskinporten of all test environments.
const TEST: &str = "https://test.maskinporten.no";
/// The domains of Altinn's hosts.
const ALTINNS: [&str; 2] = [".altinn.no", ".altinn.cloud"];
const PRODUCTION: [&str; 2] = ["platform.altinn.no", "maskinporten.no"];

/// Parses an address, and refuses those that are not plain or would send tokens unencrypted.
fn address(member: &'static str, found: &str) -> Result<Url, EnvironmentError> {
    let not_an_address = || EnvironmentError::NotAnAddress {
        member,
        found: found.chars().take(60).collect(),
    };
    let url = Url::parse(found.trim()).map_err(|_| not_an_address())?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if has_credentials || url.query().is_some() || url.fragment().is_some() {
        return Err(EnvironmentError::NotPlain { member });
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(EnvironmentError::NotSecure {
            member,
            found: address_text(&url),
        }),
        _ => Err(not_an_address()),
    }
}

fn is_at(address: &str, place: impl FnOnce(&Url) -> bool) -> bool {
    Url::parse(address).is_ok_and(|url| place(&url))
}

fn is_loopback(url: &Url) -> bool {
    let host = host(url);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The host name, without the dot that ends a fully qualified name.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_end_matches('.')
}

fn address_text(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(platform: &str) -> Result<Environment, EnvironmentError> {
        Environment::custom(platform, "https://test.maskinporten.no/")
    }

    #[test]
    fn the_subscription_key_is_for_altinns_own_hosts() {
        let key = || SubscriptionKey::new(&"api-key".into()).unwrap();
        for (platform, gets) in [
            ("https://platform.tt02.altinn.no", true),
            ("https://platform.at22.altinn.cloud/", true),
            ("http://127.0.0.1:8765", true),
            ("https://localhost:8765", true),
            ("https://altinn.example", false),
            ("https://platform.altinn.no.example", false),
            ("https://notaltinn.no", false),
        ] {
            let environment = custom(platform).unwrap().with_subscription_key(key());
            assert_eq!(environment.subscription_key().is_some(), gets, "{platform}");
        }
    }

    #[test]
    fn known_environments_have_their_own_maskinporten() {
        let prod = Environment::prod();
        assert!(prod.is_production() && !prod.is_local());
        assert_eq!(
            prod.exchange_url(),
            "https://platform.altinn.no/authentication/api/v1/exchange/maskinporten"
        );
        let tt02 = Environment::named("tt02").unwrap();
        assert_eq!(tt02, Environment::tt02());
        assert!(!tt02.is_production());
        assert_eq!(tt02.maskinporten(), "https://test.maskinporten.no");
        assert_eq!(Environment::named("sandbox"), None);
    }

    #[test]
    fn production_is_recognised_under_any_spelling() {
        for platform in [
            "https://platform.altinn.no",
            "HTTPS://Platform.Altinn.no:443/",
            "https://platform.altinn.no./",
        ] {
            let found = custom(platform).unwrap();
            assert!(found.is_production(), "{platform}");
            assert_eq!(found.name(), "prod", "{platform}");
        }
        let half =
            Environment::custom("https://gateway.example.no", "https://maskinporten.no").unwrap();
        assert!(half.is_production());
        assert_eq!(half.name(), "gateway.example.no");
    }

    #[test]
    fn addresses_without_tls_are_for_this_machine_only() {
        for platform in [
            "http://localhost:5096",
            "http://127.0.0.1:8080/",
            "http://127.9.9.9",
            "http://[::1]:8080",
        ] {
            assert!(custom(platform).is_ok(), "{platform}");
        }
        for platform in [
            "http://platform.tt02.altinn.no",
            "http://10.0.0.1",
            "http://localhost.example.no",
            "http://127.0.0.1.example.no",
        ] {
            assert!(
                matches!(custom(platform), Err(EnvironmentError::NotSecure { .. })),
                "{platform}"
            );
        }
    }

    #[test]
    fn a_sandbox_is_local_when_both_addresses_are() {
        let base = "http://127.0.0.1:8080/";
        let sandbox = Environment::sandbox(base, base).unwrap();
        assert_eq!(sandbox.name(), "sandbox");
        assert_eq!(sandbox.platform(), "http://127.0.0.1:8080");
        assert!(sandbox.is_local() && !sandbox.is_production());
        assert!(!custom(base).unwrap().is_local());
        assert_eq!(custom(base).unwrap().name(), "127.0.0.1:8080");
    }

    #[test]
    fn anything_but_a_plain_address_is_refused() {
        for platform in ["", "platform.altinn.no", "ftp://x", "file:///etc/passwd"] {
            assert!(
                matches!(custom(platform), Err(EnvironmentError::NotAnAddress { .. })),
                "{platform}"
            );
        }
        for platform in [
            "https://user:secret@x.no",
            "https://x.no?a=b",
            "https://x.no/#a",
        ] {
            let error = custom(platform).unwrap_err();
            assert_eq!(error, EnvironmentError::NotPlain { member: "platform" });
            assert!(!error.to_string().contains("secret"));
        }
    }
}
