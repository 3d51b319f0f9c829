//! A local Altinn and Maskinporten, for rehearsing a mailing and for testing the client.
//!
//! It makes its own checks (the grant's signature, the token's scopes, every rule of a letter, the idempotency key) and keeps what it accepts.
//! It shares the request types and rules with the rest of massebrev and nothing else, so that it cannot share a mistake with the client.

mod access;
mod attachment;
mod attachments;
mod body;
mod connection;
mod content;
mod deletion;
mod form;
mod grant;
mod inbox;
mod judgement;
mod letter;
mod letters;
mod members;
mod options;
mod overview;
mod problem;
mod registration;
mod scenario;
mod search;
mod server;
mod state;
mod token;
mod token_endpoints;
mod trouble;

#[cfg(test)]
mod tests;

pub use attachment::{AttachmentStatus, ReceivedAttachment};
pub use letter::{Letter, LetterStatus};
pub use options::Options;
pub use registration::{KnownClient, Registration, RegistrationError};
pub use scenario::{Action, Endpoint, Rate, Scenario, Trouble, UnknownScenario, When};
pub use server::Sandbox;
