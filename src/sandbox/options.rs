//! The options of a sandbox, and their defaults.

use std::time::Duration;

use super::registration::Registration;
use super::scenario::Scenario;

#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The faults that requests meet.
    pub scenario: Scenario,
    /// The client that the sandbox hands out; `None` makes a new one. Generating its key takes time, so tests may share one client.
    pub registration: Option<Registration>,
    /// Further clients, whose keys the caller has.
    pub clients: Vec<Registration>,
    pub token_lifetime: Duration,
    /// The lifetime of an Altinn token, independent of the token it was exchanged for.
    pub altinn_token_lifetime: Duration,
    /// The number of overviews that show an uploaded attachment in its scan before it is published.
    pub scan_polls: u32,
    /// True when attachments that it does not know count as published ones. A rehearsal does not have what was uploaded to Altinn.
    pub takes_unknown_attachments: bool,
    /// True when the stricter limits of production apply, such as the minimum `expirationInDays`.
    pub production: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            scenario: Scenario::default(),
            registration: None,
            clients: Vec::new(),
            token_lifetime: Duration::from_secs(3600),
            altinn_token_lifetime: Duration::from_secs(1800),
            scan_polls: 1,
            takes_unknown_attachments: false,
            production: false,
        }
    }
}
