//! Access tokens: a key signs a grant, Maskinporten gives a token for it, and Altinn exchanges that for its own.

mod cache;
mod certificate;
mod client;
mod codes;
mod command;
mod error;
mod exchange;
mod generator;
mod grant;
mod jwk;
mod keeper;
mod key;
mod key_error;
mod key_format;
mod material;
mod metadata;
mod pem;
mod pkcs12;
mod source;
mod static_token;
mod studio;
mod subscription;
#[cfg(test)]
mod tests;
mod token;
mod token_request;

pub use crate::manifest::{Algorithm, SystemUser};
pub use cache::TokenCache;
pub use certificate::Certificate;
pub(crate) use client::host;
pub use client::{ClientSettings, MaskinportenSource};
pub use codes::{Explanation, explain};
pub use command::TokenCommand;
pub use error::TokenError;
pub use generator::{GENERATOR, GeneratorError, GeneratorSettings, TokenGenerator};
pub use grant::Delegation;
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use key::{Identity, KeyFile, KeyOptions, SigningKey};
pub use key_error::KeyError;
pub use source::{SourceError, TokenFuture, TokenSource, from_fn};
pub use static_token::{StaticToken, TokenFile};
pub use subscription::{NotASubscriptionKey, SubscriptionKey};
pub use token::Token;
