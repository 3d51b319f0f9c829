//! Access tokens: a key signs a grant, Maskinporten issues a token for it, and Altinn exchanges that for its own.
//!
//! Every source of tokens is a [`TokenSource`]: [`from_key`] requests them from Maskinporten; [`from_token`], [`from_file`], [`from_command`] and [`from_generator`] get them from elsewhere, and
//! [`from_fn`] from code of your own.

mod certificate;
mod client;
mod codes;
mod command;
mod error;
mod exchange;
mod generator;
mod grant;
mod jwk;
mod key;
mod key_error;
mod key_format;
mod key_material;
mod metadata;
mod refreshing;
mod settings;
mod source;
mod static_token;
mod studio;
mod subscription;
#[cfg(test)]
mod tests;
mod token;
mod token_request;

pub use certificate::Certificate;
pub use client::from_key;
pub use codes::{Explanation, explain};
pub(crate) use command::SECRET_VARIABLES;
pub use command::{TokenCommand, from_command};
pub use error::{SourceError, TokenError};
pub(crate) use generator::KEY_INSTEAD;
pub use generator::{GENERATOR, GeneratorSettings, from_generator};
#[cfg(test)]
pub(crate) use key::tests::key as key_for_tests;
pub use key::{Identity, KeyFile, SigningKey};
pub use key_error::KeyError;
pub use key_material::{Algorithm, KeyOptions};
pub use refreshing::from_fn;
pub use settings::{ClientSettings, Delegation, SystemUser};
pub use source::{TokenFuture, TokenSource};
pub use static_token::{from_file, from_token, read_token};
pub use subscription::{NotASubscriptionKey, SubscriptionKey};
pub use token::Token;
