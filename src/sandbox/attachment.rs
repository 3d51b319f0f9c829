//! A stored attachment: its metadata, the state of its malware scan, and its content, which is measured and digested while it arrives, so that files larger than
//! memory can be received.

use std::sync::Arc;

use axum::body::Bytes;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::problem::Refusal;
use super::scenario::Scenario;
use crate::correspondence::Attachment;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedAttachment {
    pub id: Uuid,
    /// The resource it was initialized for, without `urn:altinn:resource:`.
    pub resource_id: String,
    pub attachment: Attachment,
    pub status: AttachmentStatus,
    /// The MD5 of the content in lower-case hexadecimal; empty before the upload.
    pub checksum: String,
    pub length: u64,
    /// The content, when it is at most 1 MB.
    pub bytes: Option<Bytes>,
    /// The letters that have ever referred to it.
    pub correspondences: Vec<Uuid>,
    pub(super) sender: Arc<str>,
    changed: Timestamp,
    /// The number of steps until the scan ends; `None` before the upload.
    scan_steps: Option<u32>,
    infected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum AttachmentStatus {
    /// Its metadata is stored, its content is not uploaded.
    Initialized,
    /// Its content is being uploaded or scanned.
    UploadProcessing,
    Published,
    /// The upload or scan failed. Final: the file needs a new id.
    Failed,
    Purged,
}

impl ReceivedAttachment {
    /// An attachment with metadata and no content yet.
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
            correspondences: Vec::new(),
            sender: Arc::clone(sender),
            changed: Timestamp::now(),
            scan_steps: None,
        }
    }

    /// Stores uploaded content and starts the scan, which ends after `scan_polls` overviews. A checksum that differs from the announced one is error 2008.
    pub(super) fn store_content(
        &mut self,
        content: Content,
        scan_polls: u32,
    ) -> Result<(), Refusal> {
        self.length = content.length;
        self.checksum = content.checksum();
        self.bytes = content.kept.map(Bytes::from);
        let announced = self.attachment.checksum.as_deref().unwrap_or_default();
        if !announced.trim().is_empty() && announced != self.checksum {
            // As at Altinn the id is spent: the file must be initialized again.
            self.set_status(AttachmentStatus::Failed);
            return Err(Refusal::code(2008));
        }
        self.set_status(AttachmentStatus::UploadProcessing);
        self.scan_steps = Some(scan_polls);
        if scan_polls == 0 {
            self.advance_scan();
        }
        Ok(())
    }

    /// Advances the scan by one step. Requests drive the scan instead of a clock, so that tests are fast and repeatable.
    pub(super) fn advance_scan(&mut self) {
        if self.status != AttachmentStatus::UploadProcessing {
            return;
        }
        match self.scan_steps {
            Some(0) if self.infected => self.set_status(AttachmentStatus::Failed),
            Some(0) => self.set_status(AttachmentStatus::Published),
            steps => self.scan_steps = steps.map(|left| left - 1),
        }
    }

    pub(super) fn set_status(&mut self, status: AttachmentStatus) {
        self.status = status;
        self.changed = Timestamp::now();
    }

    /// The value of `statusText`, which names a reason only for a failure.
    fn status_text(&self) -> Value {
        match self.status {
            AttachmentStatus::Failed if self.infected => json!("Malware was found"),
            status => json!(status),
        }
    }

    pub(super) fn to_letter_json(&self) -> Value {
        let metadata = &self.attachment;
        json!({
            "id": self.id,
            "fileName": metadata.file_name,
            "displayName": metadata.display_name.as_ref().unwrap_or(&metadata.file_name),
            "isEncrypted": metadata.is_encrypted.unwrap_or_default(),
            "checksum": self.checksum,
            "sendersReference": metadata.senders_reference,
            "expirationInDays": metadata.expiration_in_days,
            "dataLocationType": "AltinnCorrespondenceAttachment",
            "created": self.changed.to_string(),
            "status": self.status,
            "statusText": self.status_text(),
            "statusChanged": self.changed.to_string(),
            "dataType": "application/octet-stream",
            "expirationTime": null,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let metadata = &self.attachment;
        json!({
            "resourceId": self.resource_id,
            "sender": format!("urn:altinn:organization:identifier-no:{}", self.sender),
            "fileName": metadata.file_name,
            "displayName": metadata.display_name.as_ref().unwrap_or(&metadata.file_name),
            // Altinn never stores this flag and always answers false here.
            "isEncrypted": false,
            "checksum": self.checksum,
            "sendersReference": metadata.senders_reference,
            "expirationInDays": metadata.expiration_in_days,
            "attachmentId": self.id,
            "status": self.status,
            "statusText": self.status_text(),
            "statusChanged": self.changed.to_string(),
            "correspondenceIds": self.correspondences,
            "dataType": "application/octet-stream",
        })
    }
}

/// The largest file whose bytes are kept, in bytes.
const KEPT_LIMIT: usize = 1_000_000;

pub(super) struct Content {
    pub(super) length: u64,
    digest: Md5,
    /// The bytes up to [`KEPT_LIMIT`].
    kept: Option<Vec<u8>>,
}

impl Content {
    pub(super) fn new() -> Self {
        Self {
            length: 0,
            digest: Md5::new(),
            kept: Some(Vec::new()),
        }
    }

    pub(super) fn append(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.length += u64::try_from(piece.len()).unwrap_or_default();
        // Past the limit the whole copy is dropped, because a part of a file is of no use.
        let kept = self.kept.take();
        self.kept = kept.filter(|kept| kept.len() + piece.len() <= KEPT_LIMIT);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(piece);
        }
    }

    /// The MD5 in lower-case hexadecimal.
    pub(super) fn checksum(&self) -> String {
        let digest = self.digest.clone().finalize();
        let hexadecimal = |text: String, byte| text + &format!("{byte:02x}");
        digest.iter().fold(String::new(), hexadecimal)
    }
}
