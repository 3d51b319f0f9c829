//! Access tokens: a key signs a grant, Maskinporten gives a token for it, and Altinn exchanges that for its own.

mod cache;
mod codes;
mod command;
mod error;
mod exchange;
mod generator;
mod grant;
mod jwk;
mod keeper;
mod key;
#[cfg(test)]
pub(crate) mod listener;
mod metadata;
mod ready;
pub(crate) mod reply;
mod source;
mod subscription;
mod token;
mod tokens;

pub use codes::{Explanation, explain};
pub use command::TokenCommand;
pub use error::{KeyError, TokenError};
pub use generator::{GENERATOR, GeneratorError, GeneratorSettings, TokenGenerator};
pub use key::SigningKey;
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use ready::{ReadyToken, TokenFile};
pub use source::{SourceError, TokenFuture, TokenSource, from_fn};
pub use subscription::{NotASubscriptionKey, SubscriptionKey};
pub use token::Token;
pub(crate) use tokens::host;
pub use tokens::{Settings, Tokens};
