//! The pages of the inbox: a list of letters, and each letter with its body drawn as in Altinn's inbox. Everything else is escaped text.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tera::{Context, Tera};
use uuid::Uuid;

use super::Letter;
use super::state::{SharedState, Store};
use crate::correspondence::{Attachment, Recipient};
use crate::markdown::{delivered, inbox};

/// The largest number of letters in the list, which shows the newest first.
const LISTED: usize = 200;

pub(super) async fn list(State(state): State<SharedState>) -> Response {
    // The block ends the lock before the page is rendered.
    let letters = {
        let store = state.store();
        let last = store.letters.iter().rev().take(LISTED);
        let shown = last.map(|letter| view(letter, &store)).collect::<Value>();
        json!({ "count": store.letters.len(), "url": state.url, "letters": shown })
    };
    page(include_str!("inbox.html"), &letters)
}

pub(super) async fn letter(State(state): State<SharedState>, Path(id): Path<String>) -> Response {
    let letter = id.parse::<Uuid>().ok().and_then(|id| {
        let store = state.store();
        let letter = store.letter(id)?;
        Some(view(letter, &store))
    });
    let Some(letter) = letter else {
        return (StatusCode::NOT_FOUND, "no such letter").into_response();
    };
    page(include_str!("letter.html"), &json!({ "letter": letter }))
}

/// A letter as the page templates see it; its body is HTML, drawn as in Altinn's inbox.
fn view(letter: &Letter, store: &Store) -> Value {
    let files = store.attachments_for(letter).into_iter().map(|file| {
        let Attachment {
            display_name,
            file_name,
            ..
        } = file.attachment;
        let name = display_name.unwrap_or(file_name);
        json!({ "name": name, "bytes": file.length, "status": file.status })
    });
    let recipient = Recipient::parse(&letter.recipient);
    let content = letter.request().correspondence.content;
    json!({
        "id": letter.id,
        "recipient": recipient.map_or_else(|_| "*****".to_owned(), |recipient| recipient.masked()),
        "reference": letter.senders_reference,
        "resource": &*letter.resource_id,
        "status": letter.status(Timestamp::now()),
        "accepted": format!("{:.0}", letter.accepted_at),
        "title": content.message_title,
        "summary": content.message_summary.unwrap_or_default(),
        "body": inbox::html(&delivered(&content.message_body), &|text| text.into()),
        "attachments": files.collect::<Value>(),
    })
}

fn page(template: &str, values: &Value) -> Response {
    let context = Context::from_serialize(values);
    // Everything is escaped except the body, which the template marks as safe: `inbox::html` has escaped it.
    match context.and_then(|context| Tera::one_off(template, &context, true)) {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the inbox cannot be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
