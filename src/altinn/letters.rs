//! The calls for letters: send, find by idempotency key, and status.

use std::fmt;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use uuid::Uuid;

use super::client::{id, list, text};
use super::multipart::{form, length};
use super::{Answer, Client, Enclosure, TransportError};
use crate::correspondence::bare_resource_id;
use crate::correspondence::path::{INITIALIZE, INITIALIZE_WITH_FILES};
use crate::maskinporten::Token;

impl Client {
    /// Sends a letter; `body` is a serialised request with one recipient.
    pub async fn initialize(
        &self,
        token: &Token,
        body: Bytes,
    ) -> Result<Answer<Initialized>, TransportError> {
        let request = self
            .request(Method::POST, INITIALIZE, token)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.call(request, |answer| Initialized::read(&answer))
            .await
    }

    /// Sends a letter with files of its own, streamed from disk. `fields` is a request with one recipient as form fields, with an entry in `content.attachments` for
    /// each file, in the order of `files`. The timeout grows with the size of the files.
    pub async fn initialize_with_files(
        &self,
        token: &Token,
        fields: &[(String, String)],
        files: &[Enclosure],
    ) -> Result<Answer<Initialized>, TransportError> {
        let mut contents = Vec::with_capacity(files.len());
        for file in files {
            // Checked before the request begins, so that a missing file costs no attempt at Altinn.
            contents.push(self.open_file(&file.content).await?);
        }
        let request = self
            .request(Method::POST, INITIALIZE_WITH_FILES, token)
            .timeout(self.timeout_for(length(fields, files)))
            .multipart(form(fields, files, contents)?);
        self.call(request, |answer| Initialized::read(&answer))
            .await
    }

    /// Finds the letter with an idempotency key: one id, or none. Altinn searches by the key alone, so a hit may be another sender's: compare it with the letter that was sent.
    pub async fn find(
        &self,
        token: &Token,
        resource: &str,
        key: Uuid,
    ) -> Result<Answer<Vec<Uuid>>, TransportError> {
        // Unlike the other calls, this one compares the id as it is given, without removing its prefix.
        let resource = bare_resource_id(resource);
        let request = self.request(Method::GET, "correspondence", token).query(&[
            ("resourceId", resource),
            // Required, though the key overrides it and all other filters.
            ("role", "Sender"),
            ("idempotentKey", &key.to_string()),
        ]);
        self.call(request, |answer| {
            let ids = answer.get("ids")?.as_array()?;
            ids.iter().map(|id| id.as_str()?.parse().ok()).collect()
        })
        .await
    }

    /// Reads the status of a letter.
    pub async fn overview(
        &self,
        token: &Token,
        letter: Uuid,
    ) -> Result<Answer<Overview>, TransportError> {
        let request = self.request(Method::GET, &format!("correspondence/{letter}"), token);
        self.call(request, Overview::read).await
    }

    /// Reads the status of a letter with its history and notifications. Slower than the overview, and fails whenever Altinn's notification service does.
    pub async fn details(
        &self,
        token: &Token,
        letter: Uuid,
    ) -> Result<Answer<Details>, TransportError> {
        let path = format!("correspondence/{letter}/details");
        let request = self.request(Method::GET, &path, token);
        self.call(request, Details::read).await
    }
}

/// An accepted letter. Accepted does not mean delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct Initialized {
    /// The id of the letter at Altinn.
    pub id: Uuid,
    /// `ReadyForPublish`, or `Initialized` while attachments are scanned.
    pub status: String,
    /// The recipient as a lower-case URN.
    pub recipient: Option<String>,
    /// The ids of the attachments.
    pub attachments: Vec<Uuid>,
}

impl Initialized {
    fn read(answer: &Value) -> Option<Self> {
        let first = list(answer, "correspondences").next()?;
        Some(Self {
            id: id(first, "correspondenceId")?,
            status: status(first).unwrap_or_default(),
            recipient: text(first, "recipient"),
            attachments: list(answer, "attachmentIds")
                .filter_map(|id| id.as_str()?.parse().ok())
                .collect(),
        })
    }
}

impl fmt::Debug for Initialized {
    /// Leaves out the recipient, which may be an identity number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initialized")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

/// The overview of a letter. Only the status is always present.
#[derive(Clone, PartialEq, Eq)]
pub struct Overview {
    /// The id of the letter at Altinn.
    pub id: Option<Uuid>,
    /// The name of the status, such as `Published`. Altinn may add new names.
    pub status: String,
    /// Altinn's explanation of the status.
    pub status_text: Option<String>,
    /// The time of the last change, as Altinn writes it.
    pub status_changed: Option<String>,
    /// The recipient as a lower-case URN.
    pub recipient: Option<String>,
    /// The resource that the letter was sent under.
    pub resource_id: Option<String>,
    pub senders_reference: Option<String>,
    /// The time of publication, as Altinn writes it.
    pub published: Option<String>,
    /// The whole answer, for members that have no field here.
    pub value: Value,
}

impl Overview {
    fn read(value: Value) -> Option<Self> {
        Some(Self {
            id: id(&value, "correspondenceId"),
            status: status(&value)?,
            status_text: text(&value, "statusText"),
            status_changed: text(&value, "statusChanged"),
            recipient: text(&value, "recipient"),
            resource_id: text(&value, "resourceId"),
            senders_reference: text(&value, "sendersReference"),
            published: text(&value, "published"),
            value,
        })
    }
}

impl fmt::Debug for Overview {
    /// Leaves out the recipient and the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overview")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// An overview and the status history. The notifications are in `overview.value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub overview: Overview,
    /// All statuses so far, in Altinn's order: the oldest first.
    pub history: Vec<StatusChange>,
}

/// An entry of the status history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The name of the status.
    pub status: String,
    pub status_text: Option<String>,
    /// The time of the change, as Altinn writes it.
    pub status_changed: Option<String>,
}

impl Details {
    fn read(value: Value) -> Option<Self> {
        let history = list(&value, "statusHistory")
            .filter_map(|change| {
                Some(StatusChange {
                    status: status(change)?,
                    status_text: text(change, "statusText"),
                    status_changed: text(change, "statusChanged"),
                })
            })
            .collect();
        Some(Self {
            overview: Overview::read(value)?,
            history,
        })
    }
}

/// Reads the status, which is a name. A number, as the API accepts in requests, is kept as text.
fn status(value: &Value) -> Option<String> {
    match value.get("status")? {
        Value::String(name) if !name.is_empty() => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LETTER: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn an_accepted_letter_is_read_with_members_and_statuses_nobody_has_seen() {
        let answer = json!({
            "correspondences": [{
                "correspondenceId": LETTER, "status": "Teleported", "recipient": "urn:altinn:organization:identifier-no:991825827",
                "notifications": null, "new": {}
            }],
            "attachmentIds": null
        });
        let letter = Initialized::read(&answer).unwrap();
        assert_eq!(letter.id.to_string(), LETTER);
        assert_eq!(letter.status, "Teleported");
        assert!(letter.attachments.is_empty());
        assert!(!format!("{letter:?}").contains("991825827"));
    }

    #[test]
    fn an_answer_without_an_id_is_not_an_accepted_letter() {
        for answer in [
            json!({}),
            json!([]),
            json!({"correspondences": []}),
            json!({"correspondences": null}),
            json!({"correspondences": [{"correspondenceId": "none", "status": "Initialized"}]}),
            json!({"correspondences": [{"correspondenceId": Uuid::nil(), "status": "Initialized"}]}),
        ] {
            assert_eq!(Initialized::read(&answer), None, "{answer}");
        }
    }

    #[test]
    fn an_overview_needs_nothing_but_its_status() {
        let bare = Overview::read(json!({"status": 13})).unwrap();
        assert_eq!(bare.status, "13");
        assert_eq!(bare.recipient, None);
        assert_eq!(Overview::read(json!({"statusText": "x"})), None);
        let person = "urn:altinn:person:identifier-no:07827199405";
        let full = Overview::read(
            json!({"status": "Forwarded", "recipient": person, "messageSender": "", "later": [1]}),
        )
        .unwrap();
        assert_eq!(full.recipient.as_deref(), Some(person));
        assert_eq!(full.value["later"][0], 1);
        assert!(!format!("{full:?}").contains("07827199405"));
    }

    #[test]
    fn a_history_keeps_what_can_be_read() {
        let details = Details::read(json!({
            "status": "Read",
            "statusHistory": [{"status": "Published", "statusText": "p", "statusChanged": "2026-11-01T08:00:00Z"}, null, {"status": "Read"}]
        }))
        .unwrap();
        let names: Vec<&str> = details
            .history
            .iter()
            .map(|change| change.status.as_str())
            .collect();
        assert_eq!(names, ["Published", "Read"]);
    }
}
