//! An accepted letter and its status over time.

use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::body;
use super::members::REQUEST;
use crate::correspondence::Request;
use crate::secret::redact;

/// An accepted letter: one recipient of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: Uuid,
    pub idempotent_key: Option<Uuid>,
    /// The resource id, without `urn:altinn:resource:`.
    pub resource_id: Arc<str>,
    pub senders_reference: String,
    /// The recipient as Altinn writes it: a lower-case URN.
    pub recipient: String,
    pub accepted_at: Timestamp,
    /// The time from which the recipient can read it.
    pub publish_at: Timestamp,
    /// True for a reserved person in a request with several recipients: Altinn accepts those, and refuses a request for one reserved person.
    pub reserved: bool,
    /// The request byte for byte, or a form converted to JSON.
    pub body: Bytes,
    /// The ids of its attachments: existing ones first, then those of its own form.
    pub attachments: Vec<Uuid>,
    /// The organisation number of the sender.
    pub(super) sender: Arc<str>,
    /// The state of the malware scan of its own files; `None` without files.
    pub(super) scan: Option<Scan>,
    pub(super) purged_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    Running,
    Clean,
    Infected,
}

/// The status of a letter, named as in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum LetterStatus {
    /// Accepted; its own files are being scanned.
    Initialized,
    /// Accepted, but not yet visible to the recipient.
    ReadyForPublish,
    Published,
    /// Will not be delivered: the person is reserved.
    Reserved,
    /// Not delivered: its files are infected, or the person is reserved.
    Failed,
    /// Withdrawn by the sender before publication.
    PurgedByAltinn,
}

impl Letter {
    /// The status at `now`: the latest one of the history.
    pub fn status(&self, now: Timestamp) -> LetterStatus {
        let last = self.history(now).last().map(|(status, _)| *status);
        last.unwrap_or(LetterStatus::Initialized)
    }

    /// Every status the letter has had until `now`, with its start. Computed from the clock instead of stored, so that no background task has to publish letters.
    pub fn history(&self, now: Timestamp) -> Vec<(LetterStatus, Timestamp)> {
        let mut history = Vec::with_capacity(3);
        // A publish time in the past means at once.
        let published = self.publish_at.max(self.accepted_at);
        if self.scan.is_some() {
            history.push((LetterStatus::Initialized, self.accepted_at));
        }
        let waiting = if self.reserved {
            LetterStatus::Reserved
        } else {
            LetterStatus::ReadyForPublish
        };
        if self.scan.is_none() || self.reserved {
            history.push((waiting, self.accepted_at));
        }
        let is_due = now >= self.publish_at;
        match self.scan {
            // Publication waits for the scan, however late that makes it.
            Some(Scan::Running) => {}
            Some(Scan::Infected) => history.push((LetterStatus::Failed, published)),
            _ if is_due && self.reserved => history.push((LetterStatus::Failed, published)),
            _ if is_due => history.push((LetterStatus::Published, published)),
            Some(Scan::Clean) if !self.reserved => history.push((waiting, self.accepted_at)),
            _ => {}
        }
        if let Some(at) = self.purged_at.filter(|at| *at <= now) {
            history.push((LetterStatus::PurgedByAltinn, at));
        }
        history
    }

    /// Parses the body again.
    pub fn request(&self) -> Request {
        // It was read like this when the letter was accepted.
        let read = body::read(&self.body, REQUEST, "request").unwrap_or_default();
        serde_json::from_value(read.value).unwrap_or_default()
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
