//! The endpoints of one letter: `GET /correspondence/{id}` and `/details` show it, `DELETE /correspondence/{id}/purge` takes it back before publication.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{RequiredScope, authorize};
use super::problem::{Entry, Refusal, json as answer};
use super::state::{ServerState, SharedState};
use super::{Letter, LetterStatus, ReceivedAttachment};
use crate::correspondence::{Content, Correspondence, Notification, NotificationChannel};

/// Handles `GET /correspondence/{id}`. A purged letter is unknown here (1001), but not in its details.
pub(super) async fn overview(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (letter, files) = sent_by_caller(&state, &headers, &id)?;
    if letter.purged_at.is_some() {
        return Err(Refusal::code(1001));
    }
    let body = letter_json(&letter, &files, Timestamp::now());
    Ok(answer(StatusCode::OK, &body))
}

/// Handles `GET /correspondence/{id}/details`: the overview, the status history and the notifications.
pub(super) async fn details(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (letter, files) = sent_by_caller(&state, &headers, &id)?;
    let now = Timestamp::now();
    let mut body = letter_json(&letter, &files, now);
    let history = letter.history(now).into_iter().map(|(status, changed)| {
        json!({ "status": status, "statusText": status_text(&letter, status), "statusChanged": changed.to_string() })
    });
    body["statusHistory"] = history.collect();
    body["systemLabel"] = json!("Default");
    // Delivered at once, as soon as the letter is published.
    if letter.status(now) == LetterStatus::Published {
        let wanted = letter.request().correspondence.notification;
        let sent = wanted.iter().map(|wanted| notification(&letter, wanted));
        body["notifications"] = sent.collect();
    }
    Ok(answer(StatusCode::OK, &body))
}

/// Handles `DELETE /correspondence/{id}/purge` for the sender, who may purge a letter only before the recipient can see it.
pub(super) async fn purge(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = authorize(&state, &headers, RequiredScope::SenderOrRecipient)?;
    let id = path_id(&id, "correspondenceId")?;
    let now = Timestamp::now();
    let mut store = state.store();
    // The API's order of checks: unknown, another sender's, already purged, too late.
    let letter = store.letter_mut(id).ok_or(Refusal::code(1001))?;
    if letter.sender != caller {
        return Err(Refusal::code(4001));
    }
    match letter.status(now) {
        LetterStatus::PurgedByAltinn => return Err(Refusal::code(1014)),
        LetterStatus::Initialized | LetterStatus::ReadyForPublish | LetterStatus::Failed => {}
        LetterStatus::Published | LetterStatus::Reserved => return Err(Refusal::code(1013)),
    }
    letter.purged_at = Some(now);
    let attachments = letter.attachments.clone();
    for attachment in attachments {
        store.purge_unless_used(attachment);
    }
    Ok(answer(StatusCode::OK, &id))
}

/// Parses an id in a path; `name` is the parameter's name in the API.
pub(super) fn path_id(text: &str, name: &str) -> Result<Uuid, Refusal> {
    text.parse()
        .map_err(|_| Refusal::Model(vec![Entry::new(name, "The value is not valid.")]))
}

/// Returns the caller's letter and its attachments, after advancing its scan by one step.
fn sent_by_caller(
    state: &ServerState,
    headers: &HeaderMap,
    id: &str,
) -> Result<(Letter, Vec<ReceivedAttachment>), Refusal> {
    let caller = authorize(state, headers, RequiredScope::SenderOrRecipient)?;
    let id = path_id(id, "correspondenceId")?;
    let mut store = state.store();
    store.advance_letter_scan(id);
    let letter = store.letter(id).cloned().ok_or(Refusal::code(1001))?;
    if letter.sender != caller {
        return Err(Refusal::code(4001));
    }
    let files = store.attachments_for(&letter);
    Ok((letter, files))
}

fn letter_json(letter: &Letter, files: &[ReceivedAttachment], now: Timestamp) -> Value {
    let written = &letter.request().correspondence;
    let history = letter.history(now);
    let published = history
        .iter()
        .find(|(status, _)| *status == LetterStatus::Published);
    let (status, changed) = history
        .last()
        .copied()
        .unwrap_or((letter.status(now), letter.accepted_at));
    json!({
        "recipient": letter.recipient,
        "correspondenceId": letter.id,
        "content": content(&written.content, files),
        "created": letter.accepted_at.to_string(),
        "status": status,
        "statusText": status_text(letter, status),
        "statusChanged": changed.to_string(),
        "notifications": [],
        "altinn2CorrespondenceId": null,
        "published": published.map(|(_, at)| at.to_string()),
        "read": null,
        "resourceId": &*letter.resource_id,
        "sender": format!("urn:altinn:organization:identifier-no:{}", letter.sender),
        "sendersReference": letter.senders_reference,
        "messageSender": written.message_sender.as_deref().unwrap_or_default(),
        "requestedPublishTime": written.requested_publish_time.map_or_else(|| letter.accepted_at.to_string(), |time| time.to_string()),
        "dueDateTime": written.due_date_time,
        "externalReferences": references(letter, written),
        "propertyList": written.property_list,
        "replyOptions": written.reply_options,
        "notification": null,
        "ignoreReservation": written.ignore_reservation,
        "isConfirmationNeeded": written.is_confirmation_needed.unwrap_or_default(),
        "isConfidential": written.is_confidential.unwrap_or_default(),
        "allowForwarding": written.allow_forwarding.unwrap_or_default(),
    })
}

fn content(content: &Content, files: &[ReceivedAttachment]) -> Value {
    let attachments = files.iter().map(ReceivedAttachment::to_letter_json);
    json!({
        "language": content.language.as_deref().unwrap_or("nb"),
        "messageTitle": content.message_title,
        "messageSummary": content.message_summary.as_deref().unwrap_or_default(),
        "messageBody": content.message_body,
        "attachments": attachments.collect::<Vec<_>>(),
    })
}

/// The references of the request, and the dialog that Altinn creates for every letter.
fn references(letter: &Letter, written: &Correspondence) -> Value {
    // Derived from the letter, so that every overview shows the same id.
    let dialog = Uuid::new_v5(&letter.id, b"dialog");
    let own = written
        .external_references
        .iter()
        .map(|reference| json!(reference));
    let made = json!({ "referenceValue": dialog, "referenceType": "DialogportenDialogId" });
    own.chain([made]).collect()
}

fn notification(letter: &Letter, wanted: &Notification) -> Value {
    let channel = wanted.channel();
    // `SmsPreferred` and `EmailPreferred` use the other channel only without an address, and here every recipient has both.
    let (by_email, by_sms) = match channel {
        NotificationChannel::Email | NotificationChannel::EmailPreferred => (true, false),
        NotificationChannel::Sms | NotificationChannel::SmsPreferred => (false, true),
        NotificationChannel::EmailAndSms => (true, true),
    };
    let at = letter.publish_at.to_string();
    let sent = |status: &str| {
        json!({
            "id": Uuid::new_v5(&letter.id, status.as_bytes()),
            "succeeded": true,
            "recipient": { "emailAddress": null, "mobileNumber": null, "organizationNumber": null, "nationalIdentityNumber": null, "isReserved": null },
            "sendStatus": { "status": status, "description": null, "lastUpdate": at },
        })
    };
    let email = by_email.then(|| sent("Email_Delivered"));
    let sms = by_sms.then(|| sent("SMS_Delivered"));
    json!({
        "id": Uuid::new_v5(&letter.id, b"notification"),
        "sendersReference": letter.senders_reference,
        "creator": "sandbox",
        "created": letter.accepted_at.to_string(),
        "isReminder": false,
        "notificationChannel": channel,
        "ignoreReservation": null,
        "resourceId": &*letter.resource_id,
        "processingStatus": { "status": "Completed", "description": null, "lastUpdate": at },
        "notificationStatusDetails": {
            "emails": email.iter().collect::<Vec<_>>(), "smses": sms.iter().collect::<Vec<_>>(),
            "email": email, "sms": sms,
        },
    })
}

fn status_text(letter: &Letter, status: LetterStatus) -> Value {
    match status {
        LetterStatus::Failed if letter.reserved => {
            json!("Recipient is reserved in the contact and reservation register")
        }
        LetterStatus::Failed => json!("An attachment failed the scan for malware"),
        other => json!(other),
    }
}
