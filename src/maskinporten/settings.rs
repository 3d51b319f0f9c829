//! What a client of Maskinporten asks for tokens with.

use super::{SigningKey, SubscriptionKey};

/// A client, its key, and what its tokens are for.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The client's id in Maskinporten.
    pub client_id: String,
    /// The key registered on that client.
    pub key: SigningKey,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// On whose behalf, and for which APIs.
    pub delegation: Delegation,
    /// Maskinporten's address, as `https://maskinporten.no`; a trailing slash does not matter.
    pub maskinporten: String,
    /// Where Altinn exchanges Maskinporten's tokens; `None` uses them as they are.
    pub exchange: Option<String>,
    /// Altinn's API key, for the exchange; never sent to Maskinporten.
    pub subscription_key: Option<SubscriptionKey>,
}

/// On whose behalf tokens are asked for, and for which APIs; by default one's own, and any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delegation {
    /// The APIs the token is restricted to: its audience.
    pub resource: Vec<String>,
    /// The customer's organisation number, for a supplier to whom the scope has been delegated in Altinn.
    pub consumer_org: Option<String>,
    /// The system user a supplier's system acts as.
    pub system_user: Option<SystemUser>,
}

/// A system user, as its customer has agreed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The customer's organisation number.
    pub organization: String,
    /// The reference the system user was asked for with.
    pub external_ref: Option<String>,
}
