//! The endpoints of attachments: initialize, upload, overview, deletion.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde_json::Value;
use uuid::Uuid;

use super::access::{RequiredScope, authorize, expect_type};
use super::attachment::{AttachmentStatus, Content, ReceivedAttachment};
use super::body;
use super::judgement::{add_model, first_altinn, refused_resource};
use super::members::ATTACHMENT;
use super::overview::path_id;
use super::problem::{Entry, Refusal, json as answer};
use super::state::{ServerState, SharedState};
use super::trouble::drain;
use crate::correspondence::Attachment;
use crate::correspondence::rules::check_attachment;

/// The largest file that this endpoint accepts, in bytes. Files in a letter's form have a lower limit.
const FILE_LIMIT: u64 = 50_000_000_000;

/// Handles `POST /attachment`: stores the metadata of a file and answers with its id.
pub(super) async fn initialize(
    State(state): State<SharedState>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    expect_type(&headers, "application/json")?;
    let caller = authorize(&state, &headers, RequiredScope::Sender)?;
    let (resource_id, attachment) = parse_announcement(&state, &bytes)?;
    let stored =
        ReceivedAttachment::announced(&state.options.scenario, &caller, resource_id, attachment);
    let id = stored.id;
    state.store().attachments.insert(id, stored);
    Ok(answer(StatusCode::OK, &id))
}

pub(super) async fn upload(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let id = match begin_upload(&state, &headers, body.size_hint().exact(), &id) {
        Ok(id) => id,
        Err(refusal) => {
            // Read to the end first: a client that is still writing would not read the answer.
            drain(body).await;
            return Err(refusal);
        }
    };
    let content = read(body).await;
    // Locked again: the lock is not held while the content arrives.
    let mut store = state.store();
    let stored = store.attachments.get_mut(&id).ok_or(Refusal::code(2001))?;
    let Some(content) = content else {
        stored.set_status(AttachmentStatus::Failed);
        return Err(Refusal::code(2002));
    };
    stored.store_content(content, state.options.scan_polls)?;
    Ok(answer(StatusCode::OK, &stored.to_json()))
}

pub(super) async fn overview(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = authorize(&state, &headers, RequiredScope::Sender)?;
    let id = path_id(&id, "attachmentId")?;
    let mut store = state.store();
    let stored = store.owned(&caller, id)?;
    stored.advance_scan();
    Ok(answer(StatusCode::OK, &stored.to_json()))
}

/// Handles `DELETE /attachment/{id}`, which is allowed only while no letter has ever referred to it.
pub(super) async fn delete(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = authorize(&state, &headers, RequiredScope::Sender)?;
    let id = path_id(&id, "attachmentId")?;
    let mut store = state.store();
    let stored = store.owned(&caller, id)?;
    if stored.status == AttachmentStatus::Purged {
        return Err(Refusal::code(2006));
    }
    if !stored.correspondences.is_empty() {
        return Err(Refusal::code(2007));
    }
    stored.set_status(AttachmentStatus::Purged);
    // The documentation promises 200 with a body; the server answers 204 without one.
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Parses and validates the metadata of an attachment. Altinn's order: model validation, resource, rights, then the rules for file names.
fn parse_announcement(state: &ServerState, bytes: &[u8]) -> Result<(String, Attachment), Refusal> {
    let parameter = "InitializeAttachmentExt";
    let body = body::read(bytes, ATTACHMENT, parameter).map_err(Refusal::Model)?;
    let resource_id = body.value.get("resourceId").and_then(Value::as_str);
    let resource_id = resource_id.unwrap_or_default().to_owned();
    let attachment: Attachment = serde_json::from_value(body.value)
        .map_err(|error| Refusal::Model(vec![Entry::new("$", error.to_string())]))?;
    let findings = check_attachment(&attachment, &resource_id, state.options.production);
    let mut entries = body.entries;
    add_model(&mut entries, &findings);
    if !entries.is_empty() {
        return Err(Refusal::Model(entries));
    }
    let resource_id = crate::correspondence::bare_resource_id(&resource_id).to_owned();
    // Registry and rights are asked before the rules for file names.
    let refused = refused_resource(&state.options.scenario, &resource_id);
    match refused.or_else(|| first_altinn(&findings).map(Refusal::code)) {
        Some(refusal) => Err(refusal),
        None => Ok((resource_id, attachment)),
    }
}

/// Validates an upload before its first byte is read. `declared` is `None` for a chunked body, whose length Altinn does not check. After an `Ok` the id accepts no
/// second upload, whatever becomes of this one.
fn begin_upload(
    state: &ServerState,
    headers: &HeaderMap,
    declared: Option<u64>,
    id: &str,
) -> Result<Uuid, Refusal> {
    expect_type(headers, "application/octet-stream")?;
    let caller = authorize(state, headers, RequiredScope::Sender)?;
    let id = path_id(id, "attachmentId")?;
    let mut store = state.store();
    let stored = store.owned(&caller, id)?;
    // The API's order of checks: size, an earlier upload, a letter that refers to it.
    if declared.is_some_and(|length| length == 0 || length > FILE_LIMIT) {
        return Err(Refusal::code(2004));
    }
    if stored.status != AttachmentStatus::Initialized {
        return Err(Refusal::code(2005));
    }
    if !stored.correspondences.is_empty() {
        return Err(Refusal::code(2003));
    }
    stored.set_status(AttachmentStatus::UploadProcessing);
    Ok(id)
}

/// Reads the content to its end; `None` when the client disconnects before.
async fn read(body: Body) -> Option<Content> {
    let mut content = Content::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        content.append(&piece.ok()?);
    }
    Some(content)
}
