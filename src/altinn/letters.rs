//! Letters: send one, find one again, and read its status.

use std::fmt;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use uuid::Uuid;

use super::client::{id, list, text};
use super::multipart::{form, length};
use super::{Answer, Client, Enclosure, TransportError};
use crate::correspondence::path::{INITIALIZE, INITIALIZE_WITH_FILES};
use crate::maskinporten::Token;

impl Client {
    /// Sends a letter: `body` is a serialised request with one recipient.
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

    /// Sends a letter together with files of its own, streamed from disk: `fields` is a request with one recipient as a form, with an entry in `content.attachments` for
    /// each of the files, in their order. Large files get the time they need on a slow line.
    pub async fn initialize_with_files(
        &self,
        token: &Token,
        fields: &[(String, String)],
        files: &[Enclosure],
    ) -> Result<Answer<Initialized>, TransportError> {
        for file in files {
            // Before the request begins: a file that is gone must not cost an attempt at Altinn.
            self.check_file(&file.content).await?;
        }
        let request = self
            .request(Method::POST, INITIALIZE_WITH_FILES, token)
            .timeout(self.time_for(length(fields, files)))
            .multipart(form(fields, files)?);
        self.call(request, |answer| Initialized::read(&answer))
            .await
    }

    /// The letter that was sent with an idempotency key: one id, or none. Altinn looks for the key alone, so a hit may be another sender's: compare it with what was sent.
    pub async fn find(
        &self,
        token: &Token,
        resource: &str,
        key: Uuid,
    ) -> Result<Answer<Vec<Uuid>>, TransportError> {
        // Only here does Altinn want the resource without its prefix.
        let resource = resource.strip_prefix(RESOURCE_PREFIX).unwrap_or(resource);
        let request = self.request(Method::GET, "correspondence", token).query(&[
            ("resourceId", resource),
            ("role", "Sender"),
            ("idempotentKey", &key.to_string()),
        ]);
        self.call(request, |answer| {
            let ids = answer.get("ids")?.as_array()?;
            ids.iter().map(|id| id.as_str()?.parse().ok()).collect()
        })
        .await
    }

    /// The status of a letter.
    pub async fn overview(
        &self,
        token: &Token,
        letter: Uuid,
    ) -> Result<Answer<Overview>, TransportError> {
        let request = self.request(Method::GET, &format!("correspondence/{letter}"), token);
        self.call(request, Overview::read).await
    }

    /// The status of a letter and its notifications, with the history. Slower than the overview, and fails whenever Altinn's notifications do.
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

/// A letter that was accepted. Accepted is not delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct Initialized {
    /// The letter's id.
    pub id: Uuid,
    /// `ReadyForPublish`, or `Initialized` while attachments are scanned.
    pub status: String,
    /// The recipient as Altinn writes it.
    pub recipient: Option<String>,
    /// The attachments' ids.
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
    /// Without the recipient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initialized")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

/// A letter as Altinn has it now. Only the status is certain to be there.
#[derive(Clone, PartialEq, Eq)]
pub struct Overview {
    /// The letter's id.
    pub id: Option<Uuid>,
    /// Altinn's name for how far it has come, such as `Published`; there may be new ones.
    pub status: String,
    /// Altinn's explanation of it.
    pub status_text: Option<String>,
    /// Since when, as Altinn writes it.
    pub status_changed: Option<String>,
    /// The recipient as Altinn writes it.
    pub recipient: Option<String>,
    /// The resource it was sent under.
    pub resource_id: Option<String>,
    /// The sender's own reference.
    pub senders_reference: Option<String>,
    /// When it became visible, as Altinn writes it.
    pub published: Option<String>,
    /// Everything Altinn said.
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
    /// Without the recipient and what the letter says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overview")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// An overview with its history. The notifications are in `overview.value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The letter now.
    pub overview: Overview,
    /// Every status it has had, oldest first as Altinn gives them.
    pub history: Vec<StatusChange>,
}

/// A status in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Altinn's name for it.
    pub status: String,
    /// Altinn's explanation.
    pub status_text: Option<String>,
    /// When, as Altinn writes it.
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

const RESOURCE_PREFIX: &str = "urn:altinn:resource:";

/// A status is a name; should a number come instead, it is kept as it is.
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
