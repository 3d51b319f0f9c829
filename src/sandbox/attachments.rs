//! Attachments by themselves: announced, uploaded, scanned, published.

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Letter;
use super::access::{Caller, Policy, admit, expect_type};
use super::body;
use super::content::Content;
use super::judgement::{add_model, bare_resource, first_altinn};
use super::members::ATTACHMENT;
use super::overview::path_id;
use super::problem::{Entry, Refusal, json as answer};
use super::state::{Received, Shared, World};
use super::trouble::{drain, next_chunk};
use crate::correspondence::Attachment;
use crate::correspondence::rules::{check_attachment, check_resource_id};

/// The largest file that is taken, in bytes.
const LARGEST: u64 = 50_000_000_000;

/// An attachment as the sandbox has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedAttachment {
    /// Its id.
    pub id: Uuid,
    /// The resource it was announced under, without `urn:altinn:resource:`.
    pub resource_id: String,
    /// What was said about it.
    pub attachment: Attachment,
    /// How far it has come.
    pub status: AttachmentStatus,
    /// The MD5 of what was uploaded, in lower-case hexadecimal; empty before.
    pub checksum: String,
    /// How many bytes were uploaded.
    pub length: u64,
    /// What was uploaded, when bodies are kept and it is at most 1 MB.
    pub bytes: Option<Bytes>,
    /// Whether a letter has it.
    pub linked: bool,
    /// The letters that have it; nothing when bodies are not kept.
    pub correspondences: Vec<Uuid>,
    pub(super) sender: Arc<str>,
    changed: Timestamp,
    /// How many more times it is seen while it is being scanned; nothing before it is uploaded.
    scans: Option<u32>,
    /// The scan will find something.
    infected: bool,
}

/// How far an attachment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachmentStatus {
    /// Announced, not uploaded.
    Initialized,
    /// Being uploaded or scanned.
    UploadProcessing,
    /// Can be used in letters.
    Published,
    /// Useless: another has to be announced.
    Failed,
    /// Deleted.
    Purged,
}

/// `POST /attachment`.
pub(super) async fn initialize(
    State(world): State<Shared>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    expect_type(&headers, "application/json")?;
    let caller = admit(&world, &headers, Policy::Sender)?;
    let (resource_id, attachment) = announced(&world, &bytes)?;
    let stored = ReceivedAttachment::new(&world, &caller, resource_id, attachment);
    let id = stored.id;
    world.received().attachments.insert(id, stored);
    Ok(answer(StatusCode::OK, &id))
}

/// `POST /attachment/{id}/upload`.
pub(super) async fn upload(
    State(world): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Refusal> {
    let id = match begin(&world, &headers, body.size_hint().exact(), &id) {
        Ok(id) => id,
        Err(refusal) => {
            // A client that is still writing would not hear it.
            drain(body).await;
            return Err(refusal);
        }
    };
    let content = read(&mut body, world.options.keep_bodies).await;
    let mut received = world.received();
    let stored = received
        .attachments
        .get_mut(&id)
        .ok_or(Refusal::code(2001))?;
    let Some(content) = content else {
        stored.become_status(AttachmentStatus::Failed, Timestamp::now());
        return Err(Refusal::code(2002));
    };
    stored.fill(content, world.options.scan_polls)?;
    Ok(answer(StatusCode::OK, &stored.tell()))
}

/// `GET /attachment/{id}`.
pub(super) async fn overview(
    State(world): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = admit(&world, &headers, Policy::Sender)?;
    let id = path_id(&id, "attachmentId")?;
    let mut received = world.received();
    let stored = received.owned(&caller, id)?;
    stored.look();
    Ok(answer(StatusCode::OK, &stored.tell()))
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
    /// The name the API has for it.
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

impl Received {
    /// Notes that a letter has these attachments.
    pub(super) fn link(&mut self, attachments: &[Uuid], letter: Uuid, world: &World) {
        for id in attachments {
            if let Some(stored) = self.attachments.get_mut(id) {
                stored.linked = true;
                if world.options.keep_bodies {
                    stored.correspondences.push(letter);
                }
            }
        }
    }

    /// The attachments of a letter, in its order.
    pub(super) fn attachments_of(&self, letter: &Letter) -> Vec<ReceivedAttachment> {
        let ids = letter.attachments.iter();
        ids.filter_map(|id| self.attachments.get(id).cloned())
            .collect()
    }

    pub(super) fn owned(
        &mut self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<&mut ReceivedAttachment, Refusal> {
        let stored = self.attachments.get_mut(&id).ok_or(Refusal::code(2001))?;
        if stored.sender == caller.organization {
            Ok(stored)
        } else {
            Err(Refusal::code(4001))
        }
    }
}

impl ReceivedAttachment {
    /// Announced, not uploaded.
    pub(super) fn new(
        world: &World,
        caller: &Caller,
        resource_id: String,
        attachment: Attachment,
    ) -> Self {
        let infected = &world.options.scenario.infected_files;
        Self {
            id: Uuid::new_v4(),
            resource_id,
            infected: infected.contains(&attachment.file_name),
            attachment,
            status: AttachmentStatus::Initialized,
            checksum: String::new(),
            length: 0,
            bytes: None,
            linked: false,
            correspondences: Vec::new(),
            sender: Arc::clone(&caller.organization),
            changed: Timestamp::now(),
            scans: None,
        }
    }

    /// Its bytes have come; the scan takes so many looks.
    pub(super) fn fill(&mut self, content: Content, scan_polls: u32) -> Result<(), Refusal> {
        self.length = content.length;
        self.checksum = content.checksum();
        self.bytes = content.kept();
        let announced = self.attachment.checksum.as_deref().unwrap_or_default();
        if !announced.trim().is_empty() && announced != self.checksum {
            self.become_status(AttachmentStatus::Failed, Timestamp::now());
            return Err(Refusal::code(2008));
        }
        self.become_status(AttachmentStatus::UploadProcessing, Timestamp::now());
        self.scans = Some(scan_polls);
        if scan_polls == 0 {
            self.look();
        }
        Ok(())
    }

    /// Somebody looks at it, and its scan goes on.
    pub(super) fn look(&mut self) {
        if self.status != AttachmentStatus::UploadProcessing {
            return;
        }
        match self.scans {
            Some(0) if self.infected => {
                self.become_status(AttachmentStatus::Failed, Timestamp::now());
            }
            Some(0) => self.become_status(AttachmentStatus::Published, Timestamp::now()),
            scans => self.scans = scans.map(|left| left - 1),
        }
    }

    pub(super) fn become_status(&mut self, status: AttachmentStatus, now: Timestamp) {
        self.status = status;
        self.changed = now;
    }

    /// What Altinn says of how far it has come.
    pub(super) fn status_text(&self) -> &'static str {
        match self.status {
            AttachmentStatus::Failed if self.infected => "Malware was found",
            status => status.name(),
        }
    }

    /// As an overview of a letter tells of it.
    pub(super) fn tell_in_letter(&self) -> Value {
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

    fn tell(&self) -> Value {
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

/// Reads and judges what is announced.
fn announced(world: &World, bytes: &[u8]) -> Result<(String, Attachment), Refusal> {
    let parameter = "InitializeAttachmentExt";
    let body = body::read(bytes, ATTACHMENT, parameter).map_err(Refusal::Model)?;
    let resource_id = body.value.get("resourceId").and_then(Value::as_str);
    let resource_id = resource_id.unwrap_or_default().to_owned();
    let attachment: Attachment = serde_json::from_value(body.value)
        .map_err(|error| Refusal::Model(vec![Entry::new("$", error.to_string())]))?;
    let mut findings = check_attachment(&attachment, world.options.production);
    findings.extend(check_resource_id(&resource_id));
    let mut entries = body.entries;
    add_model(&mut entries, &findings);
    if !entries.is_empty() {
        return Err(Refusal::Model(entries));
    }
    let resource_id = bare_resource(&resource_id).to_owned();
    let scenario = &world.options.scenario;
    if scenario.unknown_resources.contains(&resource_id) {
        return Err(Refusal::code(1036));
    }
    if scenario.forbidden_resources.contains(&resource_id) {
        return Err(Refusal::code(4001));
    }
    match first_altinn(&findings) {
        Some(code) => Err(Refusal::code(code)),
        None => Ok((resource_id, attachment)),
    }
}

/// What is checked before the first byte is read; a body sent in chunks declares no length. From here on the id cannot be uploaded to again.
fn begin(
    world: &World,
    headers: &HeaderMap,
    declared: Option<u64>,
    id: &str,
) -> Result<Uuid, Refusal> {
    expect_type(headers, "application/octet-stream")?;
    let caller = admit(world, headers, Policy::Sender)?;
    let id = path_id(id, "attachmentId")?;
    let mut received = world.received();
    let stored = received.owned(&caller, id)?;
    if declared.is_some_and(|length| length == 0 || length > LARGEST) {
        return Err(Refusal::code(2004));
    }
    if stored.status != AttachmentStatus::Initialized {
        return Err(Refusal::code(2005));
    }
    if stored.linked {
        return Err(Refusal::code(2003));
    }
    stored.become_status(AttachmentStatus::UploadProcessing, Timestamp::now());
    Ok(id)
}

/// Nothing when the client breaks off.
async fn read(body: &mut Body, keep: bool) -> Option<Content> {
    let mut content = Content::new(keep);
    while let Some(piece) = next_chunk(body).await {
        content.take(&piece.ok()?);
    }
    Some(content)
}
