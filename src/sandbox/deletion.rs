//! The endpoints that delete letters before publication, and attachments that no letter refers to.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use uuid::Uuid;

use super::access::{RequiredScope, authorize};
use super::overview::path_id;
use super::problem::{Refusal, json as answer};
use super::state::{SharedState, Store};
use super::{AttachmentStatus, LetterStatus};

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

/// Handles `DELETE /attachment/{id}`, which is allowed only while no letter has ever referred to it.
pub(super) async fn delete_attachment(
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
    if stored.linked {
        return Err(Refusal::code(2007));
    }
    stored.set_status(AttachmentStatus::Purged);
    // The documentation promises 200 with a body; the server answers 204 without one.
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Store {
    /// Purges an attachment when the last letter that refers to it has been purged.
    fn purge_unless_used(&mut self, attachment: Uuid) {
        let Some(stored) = self.attachments.get(&attachment) else {
            return;
        };
        let is_alive = |id: &Uuid| {
            let letter = self.letter(*id);
            letter.is_some_and(|letter| letter.purged_at.is_none())
        };
        // Without kept bodies the letters that refer to it are not known, so it stays.
        if stored.correspondences.is_empty() || stored.correspondences.iter().any(is_alive) {
            return;
        }
        if let Some(stored) = self.attachments.get_mut(&attachment) {
            stored.set_status(AttachmentStatus::Purged);
        }
    }
}
