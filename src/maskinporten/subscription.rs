//! The subscription key that some of Altinn's API gateways require beside the token.

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// A subscription key. It is sent to Altinn only, and `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionKey(HeaderValue);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subscription key is empty, or has characters that no key has")]
pub struct NotASubscriptionKey;

impl SubscriptionKey {
    /// Takes a key from a text, without the blanks and line breaks around it.
    pub fn new(text: &SecretString) -> Result<Self, NotASubscriptionKey> {
        let text = text.expose_secret().trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotASubscriptionKey);
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| NotASubscriptionKey)?;
        // Keeps the value out of debug output, and lets `Reply` mask it in refusals.
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn add_to(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(NAME, self.0.clone())
    }
}

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
