//! Access tokens: a key signs a grant, Maskinporten gives a token for it, and Altinn exchanges that for its own.

mod cache;
mod codes;
mod error;
mod exchange;
mod grant;
mod jwk;
mod key;
#[cfg(test)]
pub(crate) mod listener;
mod metadata;
mod ready;
pub(crate) mod reply;
mod source;
mod token;
mod tokens;

pub use codes::{Explanation, explain};
pub use error::{KeyError, TokenError};
pub(crate) use exchange::SUBSCRIPTION_KEY;
pub use key::SigningKey;
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use ready::{ReadyToken, TokenFile};
pub use source::{SourceError, TokenFuture, TokenSource, from_fn};
pub use token::Token;
pub use tokens::{Settings, Tokens};
