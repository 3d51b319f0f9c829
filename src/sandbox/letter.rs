//! A letter the sandbox has accepted.

use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::body;
use super::members::REQUEST;
use crate::correspondence::Request;
use crate::secret::redact;

/// One accepted letter: one recipient of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Altinn's id for it.
    pub id: Uuid,
    /// The request's idempotency key.
    pub idempotent_key: Option<Uuid>,
    /// The resource it belongs to, without `urn:altinn:resource:`.
    pub resource_id: Arc<str>,
    /// The sender's own reference.
    pub senders_reference: String,
    /// The recipient as Altinn writes it: a lower-case URN.
    pub recipient: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it becomes visible.
    pub publish_at: Timestamp,
    /// The person is reserved; only in a request with several recipients, where that stops nobody else.
    pub reserved: bool,
    /// The organisation that sent it.
    pub(super) sender: Arc<str>,
    /// The request as it arrived, byte for byte; nothing when `keep_bodies` is off.
    pub body: Option<Bytes>,
}

/// What has become of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterStatus {
    /// Accepted, not yet visible.
    ReadyForPublish,
    /// Visible to the recipient.
    Published,
    /// Will not be delivered: the person is reserved.
    Reserved,
    /// Was not delivered.
    Failed,
}

impl Letter {
    /// Its status at `now`.
    pub fn status(&self, now: Timestamp) -> LetterStatus {
        match (self.reserved, now >= self.publish_at) {
            (false, false) => LetterStatus::ReadyForPublish,
            (false, true) => LetterStatus::Published,
            (true, false) => LetterStatus::Reserved,
            (true, true) => LetterStatus::Failed,
        }
    }

    /// Every status it has had until `now`, with the instant it began.
    pub fn history(&self, now: Timestamp) -> Vec<(LetterStatus, Timestamp)> {
        let first = (self.status(Timestamp::MIN), self.accepted_at);
        let last = (self.status(now), self.publish_at.max(self.accepted_at));
        if first.0 == last.0 {
            vec![first]
        } else {
            vec![first, last]
        }
    }

    /// The request it came with, read again; nothing when its body was not kept.
    pub fn request(&self) -> Option<Request> {
        let read = body::read(self.body.as_deref()?, REQUEST, "request").ok()?;
        serde_json::from_value(read.value).ok()
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("id", &self.id)
            .field("idempotent_key", &self.idempotent_key)
            .field("resource_id", &self.resource_id)
            .field("recipient", &redact(&self.recipient))
            .finish_non_exhaustive()
    }
}

impl LetterStatus {
    /// The name the API has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadyForPublish => "ReadyForPublish",
            Self::Published => "Published",
            Self::Reserved => "Reserved",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for LetterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
