//! An attachment: what was announced, what was uploaded, how far its scan has come.

use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::content::Content;
use super::problem::Refusal;
use super::scenario::Scenario;
use crate::correspondence::Attachment;

/// An attachment that the sandbox has stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedAttachment {
    pub id: Uuid,
    /// The resource it was announced under, without `urn:altinn:resource:`.
    pub resource_id: String,
    /// Its announcement.
    pub attachment: Attachment,
    /// How far it has come.
    pub status: AttachmentStatus,
    /// The MD5 of what was uploaded, in lower-case hexadecimal; empty before.
    pub checksum: String,
    /// Uploaded bytes.
    pub length: u64,
    /// The content, when bodies are kept and it is at most 1 MB.
    pub bytes: Option<Bytes>,
    /// True when a letter has it.
    pub linked: bool,
    /// The letters that have it; empty when bodies are not kept.
    pub correspondences: Vec<Uuid>,
    pub(super) sender: Arc<str>,
    changed: Timestamp,
    /// Steps left of the scan; `None` before the upload.
    scans: Option<u32>,
    /// True when the scan will find malware.
    infected: bool,
}

/// The status of an attachment, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachmentStatus {
    /// Announced, not uploaded.
    Initialized,
    /// Being uploaded or scanned.
    UploadProcessing,
    /// Can be used in letters.
    Published,
    /// Final: the file has to be announced again.
    Failed,
    /// Deleted.
    Purged,
}

impl fmt::Debug for ReceivedAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedAttachment")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("length", &self.length)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

impl AttachmentStatus {
    /// The API's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initialized => "Initialized",
            Self::UploadProcessing => "UploadProcessing",
            Self::Published => "Published",
            Self::Failed => "Failed",
            Self::Purged => "Purged",
        }
    }
}

impl ReceivedAttachment {
    /// Announced, not uploaded.
    pub(super) fn announced(
        scenario: &Scenario,
        sender: &Arc<str>,
        resource_id: String,
        attachment: Attachment,
    ) -> Self {
        Self {
            id: Uuid::new_v4(),
            resource_id,
            infected: scenario.infected_files.contains(&attachment.file_name),
            attachment,
            status: AttachmentStatus::Initialized,
            checksum: String::new(),
            length: 0,
            bytes: None,
            linked: false,
            correspondences: Vec::new(),
            sender: Arc::clone(sender),
            changed: Timestamp::now(),
            scans: None,
        }
    }

    /// Stores uploaded content. The scan ends after `scan_polls` overviews.
    pub(super) fn fill(&mut self, content: Content, scan_polls: u32) -> Result<(), Refusal> {
        self.length = content.length;
        self.checksum = content.checksum();
        self.bytes = content.kept();
        let announced = self.attachment.checksum.as_deref().unwrap_or_default();
        if !announced.trim().is_empty() && announced != self.checksum {
            self.set_status(AttachmentStatus::Failed, Timestamp::now());
            return Err(Refusal::code(2008));
        }
        self.set_status(AttachmentStatus::UploadProcessing, Timestamp::now());
        self.scans = Some(scan_polls);
        if scan_polls == 0 {
            self.advance_scan();
        }
        Ok(())
    }

    /// Advances the scan by one step: it progresses only when the attachment is asked for.
    pub(super) fn advance_scan(&mut self) {
        if self.status != AttachmentStatus::UploadProcessing {
            return;
        }
        match self.scans {
            Some(0) if self.infected => {
                self.set_status(AttachmentStatus::Failed, Timestamp::now());
            }
            Some(0) => self.set_status(AttachmentStatus::Published, Timestamp::now()),
            scans => self.scans = scans.map(|left| left - 1),
        }
    }

    pub(super) fn set_status(&mut self, status: AttachmentStatus, now: Timestamp) {
        self.status = status;
        self.changed = now;
    }

    /// Altinn's `statusText`.
    pub(super) fn status_text(&self) -> &'static str {
        match self.status {
            AttachmentStatus::Failed if self.infected => "Malware was found",
            status => status.name(),
        }
    }

    /// The JSON of an attachment inside a letter's overview.
    pub(super) fn to_letter_json(&self) -> Value {
        let said = &self.attachment;
        json!({
            "id": self.id,
            "fileName": said.file_name,
            "displayName": said.display_name.as_ref().unwrap_or(&said.file_name),
            "isEncrypted": said.is_encrypted.unwrap_or_default(),
            "checksum": self.checksum,
            "sendersReference": said.senders_reference,
            "expirationInDays": said.expiration_in_days,
            "dataLocationType": "AltinnCorrespondenceAttachment",
            "created": self.changed.to_string(),
            "status": self.status.name(),
            "statusText": self.status_text(),
            "statusChanged": self.changed.to_string(),
            "dataType": "application/octet-stream",
            "expirationTime": null,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let said = &self.attachment;
        json!({
            "resourceId": self.resource_id,
            "sender": format!("urn:altinn:organization:identifier-no:{}", self.sender),
            "fileName": said.file_name,
            "displayName": said.display_name.as_ref().unwrap_or(&said.file_name),
            "isEncrypted": false,
            "checksum": self.checksum,
            "sendersReference": said.senders_reference,
            "expirationInDays": said.expiration_in_days,
            "attachmentId": self.id,
            "status": self.status.name(),
            "statusText": self.status_text(),
            "statusChanged": self.changed.to_string(),
            "correspondenceIds": self.correspondences,
            "dataType": "application/octet-stream",
        })
    }
}
