//! The endpoints that accept letters: `POST /correspondence`, and `POST /correspondence/upload` for letters with files of their own.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{RequiredScope, authorize, expect_type};
use super::body;
use super::form::{File, Form};
use super::judgement::{AcceptedRequest, judge};
use super::letter::Scan;
use super::members::REQUEST;
use super::problem::{Entry, Refusal, json as answer};
use super::state::{ServerState, SharedState};
use super::trouble::drain;
use super::{Letter, LetterStatus, ReceivedAttachment};
use crate::correspondence::rules::NewFile;
use crate::correspondence::{Moment, bare_resource_id};

/// Handles `POST /correspondence`: one request, and a letter for each of its recipients.
pub(super) async fn initialize(
    State(state): State<SharedState>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    expect_type(&headers, "application/json")?;
    let caller = authorize(&state, &headers, RequiredScope::Sender)?;
    let body = body::read(&bytes, REQUEST, "request").map_err(Refusal::Model)?;
    // This endpoint takes no files, so metadata of new files can only fail (1005).
    let accepted = judge(&state, &caller, body, &[])?;
    let body = commit(&state, &caller, &accepted, &bytes, Vec::new())?;
    Ok(answer(StatusCode::OK, &body))
}

/// Handles `POST /correspondence/upload`: the same request as a multipart form, with its files.
pub(super) async fn initialize_with_files(
    State(state): State<SharedState>,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let authorized = expect_type(headers, "multipart/form-data")
        .and_then(|()| authorize(&state, headers, RequiredScope::Sender));
    let caller = match authorized {
        Ok(caller) => caller,
        Err(refusal) => {
            // Read to the end first: a client that is still writing would not read the answer.
            drain(request.into_body()).await;
            return Err(refusal);
        }
    };
    let parts = Multipart::from_request(request, &()).await;
    let parts = parts.map_err(|_| Refusal::UnsupportedMediaType)?;
    let form = Form::read(parts).await;
    let form = form.ok_or_else(|| {
        let message = "Failed to read the request form.";
        Refusal::Model(vec![Entry::new("", message)])
    })?;
    let body = form.body(REQUEST, "request").map_err(Refusal::Model)?;
    let bytes = Bytes::from(body.value.to_string());
    let files: Vec<_> = form
        .files
        .iter()
        .map(|file| NewFile {
            name: &file.name,
            size: file.content.length,
        })
        .collect();
    let accepted = judge(&state, &caller, body, &files)?;
    let own = store(&state, &caller, &accepted, form.files)?;
    let body = commit(&state, &caller, &accepted, &bytes, own)?;
    Ok(answer(StatusCode::OK, &body))
}

/// Stores the files before the letter, as Altinn does: when the letter is refused afterwards, they stay behind without a letter.
fn store(
    state: &ServerState,
    caller: &Arc<str>,
    accepted: &AcceptedRequest,
    files: Vec<File>,
) -> Result<Vec<Uuid>, Refusal> {
    let letter = &accepted.request.correspondence;
    let mut store = state.store();
    let mut files: Vec<_> = files.into_iter().map(Some).collect();
    let mut own = Vec::with_capacity(files.len());
    for (index, attachment) in letter.content.attachments.iter().enumerate() {
        let named =
            |file: &Option<File>| matches!(file, Some(file) if file.name == attachment.file_name);
        // The file at the same position wins; otherwise one with the name, in any position.
        let in_place = files.get(index).filter(|file| named(file)).map(|_| index);
        let found = in_place.or_else(|| files.iter().position(named));
        let file = found.and_then(|at| files.get_mut(at)?.take());
        let file = file.ok_or(Refusal::code(1005))?;
        let resource = bare_resource_id(&letter.resource_id).to_owned();
        let scenario = &state.options.scenario;
        let mut stored =
            ReceivedAttachment::announced(scenario, caller, resource, attachment.clone());
        let filled = stored.store_content(file.content, state.options.scan_polls);
        own.push(stored.id);
        store.attachments.insert(stored.id, stored);
        // After the insert: a file that failed its checksum is stored as failed, as at Altinn.
        filled?;
    }
    Ok(own)
}

/// Stores the letters of one request. The key is checked again under the lock, so that only one of two concurrent requests with the same key succeeds.
fn commit(
    state: &ServerState,
    caller: &Arc<str>,
    accepted: &AcceptedRequest,
    bytes: &Bytes,
    own: Vec<Uuid>,
) -> Result<Value, Refusal> {
    let mut store = state.store();
    let key = accepted.request.idempotent_key;
    if key.is_some_and(|key| store.letter_with_key(key).is_some()) {
        return Err(Refusal::code(1034));
    }
    let now = Timestamp::now();
    let letter = &accepted.request.correspondence;
    let wanted = letter.requested_publish_time.map(Moment::timestamp);
    let publish_at = wanted.map_or(now, |wanted| wanted.max(now));
    let scan = (!own.is_empty()).then_some(Scan::Running);
    let mut attachments = accepted.request.existing_attachments.clone();
    attachments.extend(own);
    let mut initialized = Vec::with_capacity(accepted.recipients.len());
    for (recipient, reserved) in &accepted.recipients {
        let letter = Letter {
            id: Uuid::new_v4(),
            idempotent_key: key,
            resource_id: store.intern(bare_resource_id(&letter.resource_id)),
            senders_reference: letter.senders_reference.clone(),
            recipient: recipient.clone(),
            accepted_at: now,
            publish_at,
            reserved: *reserved,
            attachments: attachments.clone(),
            scan,
            purged_at: None,
            sender: store.intern(caller),
            // Copied: hyper's bytes may be part of a larger buffer, which they would keep alive.
            body: Bytes::copy_from_slice(bytes),
        };
        let status = match scan {
            _ if *reserved => LetterStatus::Reserved,
            Some(_) => LetterStatus::Initialized,
            None => LetterStatus::ReadyForPublish,
        };
        initialized.push(json!({
            "correspondenceId": letter.id,
            "status": status,
            "recipient": recipient,
            "notifications": null,
        }));
        store.link(&attachments, letter.id);
        store.insert_letter(letter);
    }
    let letter_count = store.letters.len();
    drop(store);
    // After the lock is released, commits may get here in another order; the count must not go back.
    state
        .letter_count
        .send_modify(|known| *known = letter_count.max(*known));
    // The API answers with distinct ids.
    attachments.sort_unstable();
    attachments.dedup();
    Ok(json!({ "correspondences": initialized, "attachmentIds": attachments }))
}
