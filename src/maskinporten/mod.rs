//! Access tokens: a key signs a grant, Maskinporten gives a token for it, and Altinn exchanges that for its own.

mod cache;
mod certificate;
mod codes;
mod command;
mod error;
mod exchange;
mod form;
mod generator;
mod grant;
mod jwk;
mod keeper;
mod key;
mod key_error;
#[cfg(test)]
pub(crate) mod listener;
mod material;
mod metadata;
mod pem;
mod pkcs12;
mod purchase;
mod ready;
pub(crate) mod reply;
mod source;
mod studio;
mod subscription;
#[cfg(test)]
mod tests;
mod token;
mod tokens;

pub use crate::manifest::{Algorithm, SystemUser};
pub use cache::TokenCache;
pub use certificate::Certificate;
pub use codes::{Explanation, explain};
pub use command::TokenCommand;
pub use error::TokenError;
pub use generator::{GENERATOR, GeneratorError, GeneratorSettings, TokenGenerator};
pub use grant::Delegation;
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use key::{Identity, KeyFile, KeyOptions, SigningKey};
pub use key_error::KeyError;
pub use ready::{ReadyToken, TokenFile};
pub use source::{SourceError, TokenFuture, TokenSource, from_fn};
pub use subscription::{NotASubscriptionKey, SubscriptionKey};
pub use token::Token;
pub(crate) use tokens::host;
pub use tokens::{Settings, Tokens};
