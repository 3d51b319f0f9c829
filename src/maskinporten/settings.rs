//! The settings of a Maskinporten client.

use super::{SigningKey, SubscriptionKey};

/// A client, its key, and the purpose of its tokens.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    pub client_id: String,
    pub key: SigningKey,
    pub scopes: Vec<String>,
    pub delegation: Delegation,
    /// The address of Maskinporten, such as `https://maskinporten.no`, with or without a trailing slash.
    pub maskinporten: String,
    /// The URL of Altinn's token exchange; `None` uses Maskinporten's tokens as they are.
    pub exchange: Option<String>,
    /// Altinn's subscription key for the exchange; never sent to Maskinporten.
    pub subscription_key: Option<SubscriptionKey>,
}

/// The party on whose behalf tokens are requested, and the APIs they are for. The default is the client's own organisation and any API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delegation {
    /// The APIs that the token is restricted to: its audience.
    pub resource: Vec<String>,
    /// The customer's organisation number, when the client is a supplier to whom the customer has delegated the scope in Altinn.
    pub consumer_org: Option<String>,
    /// The system user that a supplier's system acts as.
    pub system_user: Option<SystemUser>,
}

/// A system user that a customer has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The organisation number of the customer: nine digits.
    pub organization: String,
    /// The reference with which the system user was requested.
    pub external_ref: Option<String>,
}
