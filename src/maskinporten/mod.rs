//! Access tokens: a key signs a grant, Maskinporten gives a token for it, and Altinn exchanges that for its own.

mod cache;
mod certificate;
mod codes;
mod error;
mod exchange;
mod form;
mod grant;
mod jwk;
mod key;
mod key_error;
#[cfg(test)]
pub(crate) mod listener;
mod material;
mod metadata;
mod pem;
mod pkcs12;
mod purchase;
pub(crate) mod reply;
mod studio;
#[cfg(test)]
mod tests;
mod token;
mod tokens;

pub use crate::manifest::{Algorithm, SystemUser};
pub use cache::TokenCache;
pub use certificate::Certificate;
pub use codes::{Explanation, explain};
pub use error::TokenError;
pub(crate) use exchange::SUBSCRIPTION_KEY;
pub use grant::Delegation;
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use key::{Identity, KeyFile, KeyOptions, SigningKey};
pub use key_error::KeyError;
pub use token::Token;
pub use tokens::{Settings, Tokens};
