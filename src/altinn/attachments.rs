//! The calls for attachments: initialize, upload, status and deletion.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::client::{id, text};
use super::{Answer, CheckedFile, Client, TransportError, TransportKind};
use crate::correspondence::Attachment;
use crate::http::Content;
use crate::maskinporten::Token;

impl Client {
    /// Creates an attachment under a resource and returns the id to upload its file to. Not idempotent: a repeated call creates a second attachment.
    pub async fn initialize_attachment(
        &self,
        token: &Token,
        resource: &str,
        attachment: &Attachment,
    ) -> Result<Answer<Uuid>, TransportError> {
        let body = serde_json::to_vec(&Announcement {
            resource_id: resource,
            attachment,
        })
        .map_err(|error| self.transport_error(TransportKind::File, Some(error.into())))?;
        let request = self
            .request(Method::POST, "attachment", token)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.call(request, |answer| answer.as_str()?.parse().ok())
            .await
    }

    /// Uploads a file, streamed from disk. The timeout grows with the size of the file.
    pub async fn upload(
        &self,
        token: &Token,
        attachment: Uuid,
        content: &CheckedFile,
    ) -> Result<Answer<AttachmentOverview>, TransportError> {
        // Before the request: an upload that breaks off spends the id, and the file needs a new attachment.
        let body = match self.open_file(content).await? {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Stream(file) => Body::wrap_stream(file.stream()),
        };
        let path = format!("attachment/{attachment}/upload");
        let request = self
            .request(Method::POST, &path, token)
            .header(CONTENT_TYPE, "application/octet-stream")
            // With a length Altinn refuses a file that is empty or too large before it reads it.
            .header(CONTENT_LENGTH, content.size)
            .timeout(self.timeout_for(content.size))
            .body(body);
        self.call(request, |answer| AttachmentOverview::read(&answer))
            .await
    }

    /// Deletes an attachment. Altinn refuses (code 2007) once a letter has referred to it.
    pub async fn delete_attachment(
        &self,
        token: &Token,
        attachment: Uuid,
    ) -> Result<Answer<()>, TransportError> {
        let request = self.request(Method::DELETE, &format!("attachment/{attachment}"), token);
        self.call_without_body(request).await
    }

    /// Opens a file before a request begins.
    pub(super) async fn open_file(&self, content: &CheckedFile) -> Result<Content, TransportError> {
        let opened = content.open().await;
        opened.map_err(|error| self.transport_error(TransportKind::File, Some(error.into())))
    }

    /// The timeout of a request with `length` bytes, which a line of 1 Mbit/s can keep.
    pub(super) fn timeout_for(&self, length: u64) -> Duration {
        self.timeout + Duration::from_secs(length / SLOWEST_LINE)
    }

    /// Reads the status of an attachment.
    pub async fn attachment(
        &self,
        token: &Token,
        attachment: Uuid,
    ) -> Result<Answer<AttachmentOverview>, TransportError> {
        let request = self.request(Method::GET, &format!("attachment/{attachment}"), token);
        self.call(request, |answer| AttachmentOverview::read(&answer))
            .await
    }
}

/// The overview of an attachment. Only the status is always present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentOverview {
    pub id: Option<Uuid>,
    pub status: AttachmentStatus,
    /// Altinn's explanation of the status.
    pub status_text: Option<String>,
    /// The MD5 in lower-case hexadecimal, once the file is uploaded.
    pub checksum: Option<String>,
}

/// The status of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AttachmentStatus {
    /// Created, but not uploaded yet.
    Initialized,
    /// Its content is being uploaded or scanned.
    UploadProcessing,
    /// Ready for use in letters.
    Published,
    Purged,
    /// The upload or the scan failed. Final: the file needs a new attachment.
    Failed,
    Expired,
    /// A status that this program does not know.
    Other(String),
}

impl AttachmentStatus {
    /// True when the attachment can never become `Published` again.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Purged | Self::Failed | Self::Expired)
    }
}

impl From<&str> for AttachmentStatus {
    fn from(name: &str) -> Self {
        match name {
            "Initialized" => Self::Initialized,
            "UploadProcessing" => Self::UploadProcessing,
            "Published" => Self::Published,
            "Purged" => Self::Purged,
            "Failed" => Self::Failed,
            "Expired" => Self::Expired,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl AttachmentOverview {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: id(value, "attachmentId"),
            status: text(value, "status")?.as_str().into(),
            status_text: text(value, "statusText"),
            checksum: text(value, "checksum"),
        })
    }
}

/// The body of the request that creates an attachment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Announcement<'a> {
    resource_id: &'a str,
    #[serde(flatten)]
    attachment: &'a Attachment,
}

/// The speed of a slow line, in bytes a second: 1 Mbit/s.
const SLOWEST_LINE: u64 = 125_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_announcement_is_the_attachment_with_its_resource() {
        let attachment = Attachment {
            file_name: "vedtak.pdf".into(),
            senders_reference: "a-1".into(),
            ..Attachment::default()
        };
        let body = serde_json::to_value(Announcement {
            resource_id: "r",
            attachment: &attachment,
        });
        assert_eq!(
            body.unwrap(),
            json!({"resourceId": "r", "fileName": "vedtak.pdf", "sendersReference": "a-1"})
        );
    }

    #[test]
    fn a_status_nobody_knows_is_kept_and_not_taken_for_lost() {
        let read = |status| AttachmentOverview::read(&json!({"status": status, "checksum": ""}));
        let odd = read("Quarantined").unwrap();
        assert_eq!(odd.status, AttachmentStatus::Other("Quarantined".into()));
        assert!(!odd.status.is_lost());
        assert_eq!(odd.checksum, None);
        assert!(read("Failed").unwrap().status.is_lost());
        assert_eq!(AttachmentOverview::read(&json!({})), None);
    }
}
