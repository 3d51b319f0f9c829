//! The API key that some of Altinn's gateways ask for, beside the token.

use std::fmt;

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// A subscription key. It goes to Altinn only, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKey(HeaderValue);

/// A text cannot be sent as a subscription key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subscription key is empty, or has characters that no key has")]
pub struct NotASubscriptionKey;

impl SubscriptionKey {
    /// The key in a text; blanks and line breaks around it do not belong to it.
    pub fn new(text: &SecretString) -> Result<Self, NotASubscriptionKey> {
        let text = text.expose_secret().trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotASubscriptionKey);
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| NotASubscriptionKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The request with the key.
    pub(crate) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(NAME, self.0.clone())
    }
}

impl fmt::Debug for SubscriptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriptionKey")
    }
}

/// Altinn's name for the header.
const NAME: &str = "Ocp-Apim-Subscription-Key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word_and_is_not_shown() {
        let key = SubscriptionKey::new(&" 0123abcd\n".into()).unwrap();
        assert!(!format!("{key:?}").contains("0123"));
        for text in ["", " \n", "two words", "line\nbreak", "æ"] {
            assert!(SubscriptionKey::new(&text.into()).is_err(), "{text}");
        }
    }
}
