//! Attachments by themselves: announced, uploaded, scanned, published.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Caller, Policy, admit, expect_type};
use super::body;
use super::judgement::{add_model, bare_resource, first_altinn};
use super::members::ATTACHMENT;
use super::overview::path_id;
use super::problem::{Entry, Refusal, json as answer};
use super::state::{Received, Shared, World};
use super::trouble::next_chunk;
use crate::correspondence::Attachment;
use crate::correspondence::rules::{check_attachment, check_resource_id};

/// The largest file that is taken, in bytes.
const LARGEST: u64 = 50_000_000_000;
/// Files up to this size are kept, in bytes.
const KEPT: usize = 1_000_000;

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
    let stored = ReceivedAttachment {
        id: Uuid::new_v4(),
        resource_id,
        attachment,
        status: AttachmentStatus::Initialized,
        checksum: String::new(),
        length: 0,
        bytes: None,
        linked: false,
        correspondences: Vec::new(),
        sender: caller.organization,
        changed: Timestamp::now(),
        scans: None,
    };
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
    expect_type(&headers, "application/octet-stream")?;
    let caller = admit(&world, &headers, Policy::Sender)?;
    let id = path_id(&id, "attachmentId")?;
    begin(&world, &caller, body.size_hint().exact(), id)?;
    let file = File::read(&mut body, world.options.keep_bodies).await;
    let mut received = world.received();
    let stored = received
        .attachments
        .get_mut(&id)
        .ok_or(Refusal::code(2001))?;
    stored.changed = Timestamp::now();
    let Some(file) = file else {
        stored.status = AttachmentStatus::Failed;
        return Err(Refusal::code(2002));
    };
    stored.length = file.length;
    stored.bytes = file.kept;
    stored.checksum = file.checksum;
    let announced = stored.attachment.checksum.as_deref().unwrap_or_default();
    if !announced.trim().is_empty() && announced != stored.checksum {
        stored.status = AttachmentStatus::Failed;
        return Err(Refusal::code(2008));
    }
    stored.scans = Some(world.options.scan_polls);
    if world.options.scan_polls == 0 {
        stored.status = AttachmentStatus::Published;
    }
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
    if stored.status == AttachmentStatus::UploadProcessing {
        match stored.scans {
            Some(0) => {
                stored.status = AttachmentStatus::Published;
                stored.changed = Timestamp::now();
            }
            scans => stored.scans = scans.map(|left| left - 1),
        }
    }
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

    fn owned(&mut self, caller: &Caller, id: Uuid) -> Result<&mut ReceivedAttachment, Refusal> {
        let stored = self.attachments.get_mut(&id).ok_or(Refusal::code(2001))?;
        if stored.sender == caller.organization {
            Ok(stored)
        } else {
            Err(Refusal::code(4001))
        }
    }
}

impl ReceivedAttachment {
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
            "statusText": self.status.name(),
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
fn begin(world: &World, caller: &Caller, declared: Option<u64>, id: Uuid) -> Result<(), Refusal> {
    let mut received = world.received();
    let stored = received.owned(caller, id)?;
    if declared.is_some_and(|length| length == 0 || length > LARGEST) {
        return Err(Refusal::code(2004));
    }
    if stored.status != AttachmentStatus::Initialized {
        return Err(Refusal::code(2005));
    }
    if stored.linked {
        return Err(Refusal::code(2003));
    }
    stored.status = AttachmentStatus::UploadProcessing;
    stored.changed = Timestamp::now();
    Ok(())
}

/// What came in: counted and digested as it streams by.
struct File {
    length: u64,
    checksum: String,
    kept: Option<Bytes>,
}

impl File {
    /// Nothing when the client breaks off.
    async fn read(body: &mut Body, keep: bool) -> Option<Self> {
        let mut digest = Md5::new();
        let mut length = 0;
        let mut kept = keep.then(Vec::new);
        while let Some(chunk) = next_chunk(body).await {
            let chunk = chunk.ok()?;
            digest.update(&chunk);
            length += u64::try_from(chunk.len()).unwrap_or_default();
            kept = kept.filter(|kept| kept.len() + chunk.len() <= KEPT);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&chunk);
            }
        }
        let mut checksum = String::with_capacity(32);
        for byte in digest.finalize() {
            // Writing to a text cannot fail.
            let _ = write!(checksum, "{byte:02x}");
        }
        Some(Self {
            length,
            checksum,
            kept: kept.map(Bytes::from),
        })
    }
}
