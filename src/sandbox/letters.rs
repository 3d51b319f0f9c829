//! `POST /correspondence`: takes a letter, or says why not.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Caller, Policy, admit, expect_type};
use super::body;
use super::judgement::{Approved, bare_resource, judge};
use super::members::REQUEST;
use super::problem::{Refusal, json as answer};
use super::state::{Received, Shared, World};
use super::{Letter, LetterStatus};
use crate::correspondence::Moment;

/// One request; a letter for each of its recipients.
pub(super) async fn initialize(
    State(world): State<Shared>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    expect_type(&headers, "application/json")?;
    let caller = admit(&world, &headers, Policy::Sender)?;
    let body = body::read(&bytes, REQUEST, "request").map_err(Refusal::Model)?;
    let approved = judge(&world, &caller, body)?;
    let body = commit(&world, &caller, &approved, &bytes)?;
    Ok(answer(StatusCode::OK, &body))
}

/// Stores the letters; the key is asked for once more under the lock, so that of two requests at once only one wins.
fn commit(
    world: &World,
    caller: &Caller,
    approved: &Approved,
    bytes: &Bytes,
) -> Result<Value, Refusal> {
    let mut received = world.received();
    let key = approved.request.idempotent_key;
    if key.is_some_and(|key| received.knows_key(key)) {
        return Err(Refusal::code(1034));
    }
    let mut initialized = Vec::with_capacity(approved.recipients.len());
    for (recipient, reserved) in &approved.recipients {
        let letter = Letter {
            recipient: recipient.clone(),
            reserved: *reserved,
            ..blank_letter(world, &mut received, caller, approved, bytes)
        };
        let status = if *reserved {
            LetterStatus::Reserved
        } else {
            LetterStatus::ReadyForPublish
        };
        initialized.push(json!({
            "correspondenceId": letter.id,
            "status": status.name(),
            "recipient": recipient,
            "notifications": null,
        }));
        received.link(&approved.request.existing_attachments, letter.id, world);
        received.keep(letter);
    }
    let held = received.letters.len();
    drop(received);
    world.held.send_modify(|known| *known = held.max(*known));
    let mut attachments = approved.request.existing_attachments.clone();
    attachments.sort_unstable();
    attachments.dedup();
    Ok(json!({ "correspondences": initialized, "attachmentIds": attachments }))
}

/// A letter that lacks its recipient only.
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
        sender: received.name(&caller.organization),
        // Copied: what hyper gives may be a part of a larger buffer.
        body: world
            .options
            .keep_bodies
            .then(|| Bytes::copy_from_slice(bytes)),
    }
}
