//! The endpoint that searches letters, `GET /correspondence`.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Letter;
use super::access::{RequiredScope, authorize};
use super::problem::{Entry, Refusal, json as answer};
use super::state::{SharedState, Store};

/// The largest number of ids in an answer; the API has no paging.
const LIMIT: usize = 1000;
const ROLES: &str = "Recipient Sender RecipientAndSender";
/// All statuses of the API, in its order, because a query may name one by its index. Most of them never occur in the sandbox.
const STATUSES: &str = "Initialized ReadyForPublish Published Fetched Read Replied Confirmed PurgedByRecipient \
    PurgedByAltinn Archived Reserved Failed AttachmentsDownloaded Forwarded";

/// Answers with the ids of matching letters, the newest publish time first. As at Altinn, an idempotency key overrides every other filter, the owner included.
pub(super) async fn find(
    State(state): State<SharedState>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let caller = authorize(&state, &headers, RequiredScope::SenderOrRecipient)?;
    let filter = LetterFilter::read(&uri)?;
    // The API's order: model validation, the range of times, rights, and only then the search.
    if matches!((filter.from, filter.to), (Some(from), Some(to)) if from > to) {
        return Err(Refusal::code(1027));
    }
    let forbidden = &state.options.scenario.forbidden_resources;
    if forbidden.contains(crate::correspondence::bare_resource_id(&filter.resource_id)) {
        return Err(Refusal::code(4001));
    }
    let ids = filter.ids(&state.store(), &caller, Timestamp::now());
    Ok(answer(StatusCode::OK, &json!({ "ids": ids })))
}

struct LetterFilter {
    resource_id: String,
    role: &'static str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    status: Option<&'static str>,
    senders_reference: Option<String>,
    idempotent_key: Option<Uuid>,
}

impl LetterFilter {
    fn read(uri: &Uri) -> Result<Self, Refusal> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Refusal::Model(vec![Entry::new("", "The query cannot be read.")]))?;
        let mut parameters = QueryParameters {
            pairs: pairs.0,
            entries: Vec::new(),
        };
        let filter = Self {
            resource_id: parameters.required("resourceId", |text| {
                (text.encode_utf16().count() <= 255).then(|| text.to_owned())
            }),
            role: parameters.required("role", |text| one_of(ROLES, text)),
            from: parameters.optional("from", |text| text.parse().ok()),
            to: parameters.optional("to", |text| text.parse().ok()),
            status: parameters.optional("status", |text| one_of(STATUSES, text)),
            senders_reference: parameters
                .optional("sendersReference", |text| Some(text.to_owned())),
            idempotent_key: parameters.optional("idempotentKey", |text| text.parse().ok()),
        };
        if parameters.entries.is_empty() {
            Ok(filter)
        } else {
            Err(Refusal::Model(parameters.entries))
        }
    }

    fn ids(&self, store: &Store, caller: &str, now: Timestamp) -> Vec<Uuid> {
        if let Some(key) = self.idempotent_key {
            let letter = store.letter_with_key(key).into_iter();
            return letter.map(|letter| letter.id).collect();
        }
        let fits = |letter: &&Letter| self.fits(letter, caller, now);
        let mut letters: Vec<_> = store.letters.iter().filter(fits).collect();
        letters.sort_by_key(|letter| std::cmp::Reverse(letter.publish_at));
        letters.iter().take(LIMIT).map(|letter| letter.id).collect()
    }

    fn fits(&self, letter: &Letter, caller: &str, now: Timestamp) -> bool {
        let has_had = |name| {
            let history = letter.history(now);
            history.iter().any(|(status, _)| json!(status) == name)
        };
        let received = || {
            let tail = letter.recipient.rsplit(':').next();
            tail == Some(caller) && has_had("Published")
        };
        let sent = *letter.sender == *caller;
        let is_visible = match self.role {
            "Sender" => sent,
            "Recipient" => received(),
            _ => sent || received(),
        };
        is_visible
            && *letter.resource_id == *self.resource_id
            // Both bounds are exclusive, as in the API.
            && self.from.is_none_or(|from| letter.publish_at > from)
            && self.to.is_none_or(|to| letter.publish_at < to)
            && self.status.is_none_or(has_had)
            && self
                .senders_reference
                .as_ref()
                .is_none_or(|reference| letter.senders_reference == *reference)
    }
}

/// The parameters of a query, and the faults found in them so far.
struct QueryParameters {
    pairs: Vec<(String, String)>,
    entries: Vec<Entry>,
}

impl QueryParameters {
    fn required<T: Default>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> T {
        if self.get(name).is_none() {
            self.entries
                .push(Entry::new(name, format!("The {name} field is required.")));
        }
        self.optional(name, read).unwrap_or_default()
    }

    fn optional<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.get(name)?.to_owned();
        let value = read(&text);
        if value.is_none() {
            self.entries
                .push(Entry::new(name, "The value is not valid."));
        }
        value
    }

    /// Finds a parameter by its name in any case; a blank value counts as missing.
    fn get(&self, name: &str) -> Option<&str> {
        let mut same = self
            .pairs
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.next()
            .map(|(_, text)| text.as_str())
            .filter(|text| !text.trim().is_empty())
    }
}

/// Finds one of the names in any case, or by its index.
fn one_of(names: &'static str, text: &str) -> Option<&'static str> {
    let mut by_name = names.split(' ');
    let by_name = by_name.find(|name| name.eq_ignore_ascii_case(text));
    by_name.or_else(|| names.split(' ').nth(text.parse().ok()?))
}
