//! One planned letter to one recipient.

use std::sync::Arc;

use uuid::Uuid;

use super::{Digest, PlannedFile};
use crate::correspondence::path::{API, INITIALIZE};
use crate::correspondence::{Recipient, Request};
use crate::diagnostic::Problems;

/// A row that has become a letter, rendered; checked when it comes from pass 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The row's number, from 1.
    pub row: u64,
    /// The line the row begins on.
    pub line: u64,
    /// The row's own key, as people know the row. May hold an identity number: mask it before showing it.
    pub name: String,
    /// Who gets the letter.
    pub recipient: Recipient,
    /// The idempotency key.
    pub key: Uuid,
    /// The request, without the ids of files that are still to be uploaded.
    pub request: Request,
    /// Local files that follow the letter.
    pub files: Vec<Arc<PlannedFile>>,
    /// The letter's content: everything in the request and in its files.
    pub digest: Digest,
}

impl Delivery {
    /// The method of the letter's request.
    pub const METHOD: &'static str = "POST";

    /// The path the letter's request goes to, below the environment's address.
    pub fn path(&self) -> String {
        format!("{API}/{INITIALIZE}")
    }

    /// The files that are uploaded before the letter leaves; their ids are put in front of `existingAttachments`, in this order.
    pub fn uploads(&self) -> &[Arc<PlannedFile>] {
        &self.files
    }

    /// The bytes that go on the wire, with the ids of the uploaded files in front of those named in the manifest.
    pub fn body(&self, uploaded: &[Uuid]) -> Result<Vec<u8>, serde_json::Error> {
        if uploaded.is_empty() {
            return serde_json::to_vec(&self.request);
        }
        let mut request = self.request.clone();
        request
            .existing_attachments
            .splice(0..0, uploaded.iter().copied());
        serde_json::to_vec(&request)
    }

    /// The resource id the letter is sent for, without its optional prefix.
    pub fn resource(&self) -> &str {
        let id = self.request.correspondence.resource_id.as_str();
        id.strip_prefix("urn:altinn:resource:").unwrap_or(id)
    }
}

/// What a row came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// A letter.
    Delivery(Box<Delivery>),
    /// No letter, on purpose.
    Skipped(Skip),
    /// No letter, because something is wrong.
    Invalid(Problems),
    /// A letter that was not asked for: it has not been rendered.
    LeftOut,
}

/// A row that gets no letter, on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The row's number, from 1.
    pub row: u64,
    /// The line the row begins on.
    pub line: u64,
    /// The row's own key. May hold an identity number.
    pub name: String,
    /// The key the letter would have had.
    pub key: Uuid,
    /// Why.
    pub reason: &'static str,
}
