//! A local Altinn and Maskinporten, for rehearsing a mailing and for testing the client.
//!
//! Grants, tokens and idempotency keys are checked here by code of its own. The types and rules of letters are those of `correspondence`, so that a wrong rule would be
//! wrong in both: recordings of Altinn's own server are what the rules are tested against.

mod access;
mod attachment;
mod attachments;
mod body;
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
pub use registration::Registration;
pub use scenario::{Action, Endpoint, Rate, Scenario, Trouble, UnknownScenario, When};
pub use server::Sandbox;
