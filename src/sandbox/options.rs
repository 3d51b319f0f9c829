//! The settings of a sandbox.

use std::time::Duration;

use super::registration::{KnownClient, Registration};
use super::scenario::Scenario;

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// What goes wrong.
    pub scenario: Scenario,
    /// The client the sandbox gives out; a new one when there is none. Making a key takes time, so many sandboxes may share one.
    pub registration: Option<Registration>,
    /// Clients that have their keys already.
    pub clients: Vec<KnownClient>,
    /// The organisation all clients belong to, as nine digits.
    pub organization: String,
    /// How long a Maskinporten token is valid.
    pub token_lifetime: Duration,
    /// How long an Altinn token is valid, whatever it was exchanged for.
    pub altinn_token_lifetime: Duration,
    /// True when letters and small files are kept whole. Without, a letter takes some hundred bytes.
    pub keep_bodies: bool,
    /// How many times an uploaded attachment is seen being scanned before it is published.
    pub scan_polls: u32,
    /// How long after its time a letter is published.
    pub publish_after: Duration,
    /// True when production's stricter limits hold.
    pub production: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            scenario: Scenario::default(),
            registration: None,
            clients: Vec::new(),
            organization: "991825827".to_owned(),
            token_lifetime: Duration::from_secs(3600),
            altinn_token_lifetime: Duration::from_secs(1800),
            keep_bodies: true,
            scan_polls: 1,
            publish_after: Duration::ZERO,
            production: false,
        }
    }
}
