//! `POST /correspondence`, and `/correspondence/upload` for a letter with files of its own: takes it, or says why not.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Caller, Policy, admit, expect_type};
use super::body;
use super::form::{File, Form};
use super::judgement::{Approved, bare_resource, judge};
use super::letter::Scan;
use super::members::REQUEST;
use super::problem::{Entry, Refusal, json as answer};
use super::state::{Received, Shared, World};
use super::trouble::drain;
use super::{Letter, LetterStatus, ReceivedAttachment};
use crate::correspondence::Moment;
use crate::correspondence::rules::NewFile;

/// One request; a letter for each of its recipients.
pub(super) async fn initialize(
    State(world): State<Shared>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    expect_type(&headers, "application/json")?;
    let caller = admit(&world, &headers, Policy::Sender)?;
    let body = body::read(&bytes, REQUEST, "request").map_err(Refusal::Model)?;
    // This endpoint takes no files.
    let approved = judge(&world, &caller, body, &[])?;
    let body = commit(&world, &caller, &approved, &bytes, Vec::new())?;
    Ok(answer(StatusCode::OK, &body))
}

/// The same as a form with files.
pub(super) async fn initialize_with_files(
    State(world): State<Shared>,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let admitted = expect_type(headers, "multipart/form-data")
        .and_then(|()| admit(&world, headers, Policy::Sender));
    let caller = match admitted {
        Ok(caller) => caller,
        Err(refusal) => {
            // A client that is still writing would not hear it.
            drain(request.into_body()).await;
            return Err(refusal);
        }
    };
    let parts = Multipart::from_request(request, &()).await;
    let parts = parts.map_err(|_| Refusal::UnsupportedMediaType)?;
    let form = Form::read(parts, world.options.keep_bodies).await;
    let form = form.ok_or_else(|| {
        let said = "Failed to read the request form.";
        Refusal::Model(vec![Entry::new("", said)])
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
    let approved = judge(&world, &caller, body, &files)?;
    let own = store(&world, &caller, &approved, form.files)?;
    let body = commit(&world, &caller, &approved, &bytes, own)?;
    Ok(answer(StatusCode::OK, &body))
}

/// Stores the files before the letter is: one that is refused now leaves them behind, without a letter.
fn store(
    world: &World,
    caller: &Caller,
    approved: &Approved,
    files: Vec<File>,
) -> Result<Vec<Uuid>, Refusal> {
    let letter = &approved.request.correspondence;
    let mut received = world.received();
    let mut files: Vec<_> = files.into_iter().map(Some).collect();
    let mut own = Vec::with_capacity(files.len());
    for (index, attachment) in letter.content.attachments.iter().enumerate() {
        let named = |file: &Option<File>| {
            file.as_ref()
                .is_some_and(|f| f.name == attachment.file_name)
        };
        let in_place = files.get(index).filter(|file| named(file)).map(|_| index);
        let found = in_place.or_else(|| files.iter().position(named));
        let file = found.and_then(|at| files.get_mut(at)?.take());
        let file = file.ok_or(Refusal::code(1005))?;
        let resource = bare_resource(&letter.resource_id).to_owned();
        let mut stored = ReceivedAttachment::new(world, caller, resource, attachment.clone());
        let filled = stored.fill(file.content, world.options.scan_polls);
        own.push(stored.id);
        received.attachments.insert(stored.id, stored);
        filled?;
    }
    Ok(own)
}

/// Stores the letters; the key is asked for once more under the lock, so that of two requests at once only one wins.
fn commit(
    world: &World,
    caller: &Caller,
    approved: &Approved,
    bytes: &Bytes,
    own: Vec<Uuid>,
) -> Result<Value, Refusal> {
    let mut received = world.received();
    let key = approved.request.idempotent_key;
    if key.is_some_and(|key| received.knows_key(key)) {
        return Err(Refusal::code(1034));
    }
    let scan = (!own.is_empty()).then_some(Scan::Running);
    let mut attachments = approved.request.existing_attachments.clone();
    attachments.extend(own);
    let mut initialized = Vec::with_capacity(approved.recipients.len());
    for (recipient, reserved) in &approved.recipients {
        let letter = Letter {
            recipient: recipient.clone(),
            reserved: *reserved,
            attachments: attachments.clone(),
            scan,
            ..blank_letter(world, &mut received, caller, approved, bytes)
        };
        let status = match scan {
            _ if *reserved => LetterStatus::Reserved,
            Some(_) => LetterStatus::Initialized,
            None => LetterStatus::ReadyForPublish,
        };
        initialized.push(json!({
            "correspondenceId": letter.id,
            "status": status.name(),
            "recipient": recipient,
            "notifications": null,
        }));
        received.link(&attachments, letter.id, world);
        received.keep(letter);
    }
    let held = received.letters.len();
    drop(received);
    world.held.send_modify(|known| *known = held.max(*known));
    attachments.sort_unstable();
    attachments.dedup();
    Ok(json!({ "correspondences": initialized, "attachmentIds": attachments }))
}

/// A letter that lacks its recipient and its attachments.
fn blank_letter(
    world: &World,
    received: &mut Received,
    caller: &Caller,
    approved: &Approved,
    bytes: &Bytes,
) -> Letter {
    let now = Timestamp::now();
    let letter = &approved.request.correspondence;
    let wanted = letter.requested_publish_time.map(Moment::timestamp);
    let publish_at = wanted.map_or(now, |wanted| wanted.max(now));
    Letter {
        id: Uuid::new_v4(),
        idempotent_key: approved.request.idempotent_key,
        resource_id: received.name(bare_resource(&letter.resource_id)),
        senders_reference: letter.senders_reference.clone(),
        recipient: String::new(),
        accepted_at: now,
        publish_at: publish_at
            .checked_add(world.options.publish_after)
            .unwrap_or(publish_at),
        reserved: false,
        attachments: Vec::new(),
        scan: None,
        purged_at: None,
        sender: received.name(&caller.organization),
        // Copied: what hyper gives may be a part of a larger buffer.
        body: world
            .options
            .keep_bodies
            .then(|| Bytes::copy_from_slice(bytes)),
    }
}
