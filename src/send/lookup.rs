//! Looks letters up at Altinn by their idempotency keys, and checks that the letter found is the one sent.

use jiff::Timestamp;
use uuid::Uuid;

use super::attempt::{Session, Unaccepted};
use crate::altinn::Overview;
use crate::correspondence::{Recipient, bare_resource_id};
use crate::journal::{Entry, JournalError, LetterEnd, Outcome, Reason, RowRecord, State};
use crate::plan::Delivery;

/// A letter that may be at Altinn, with what identifies it.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) key: Uuid,
    resource: String,
    addressee: Addressee,
    /// `None` for a letter of an earlier run: the journal does not keep it.
    senders_reference: Option<String>,
}

/// The recipient of a letter, as far as it is known.
#[derive(Debug, Clone)]
enum Addressee {
    Whole(Recipient),
    /// Masked, as the journal keeps recipients.
    Masked(String),
}

/// The result of a look-up by idempotency key.
#[derive(Debug)]
pub(super) enum LookupResult {
    Ours(FoundLetter),
    /// A different letter has the key.
    Foreign(Uuid),
    /// Altinn has no letter with the key, or none yet.
    NoLetter,
    /// Altinn could not be asked, or did not tell enough to decide.
    Unseen(Reason),
}

/// A letter that Altinn has.
#[derive(Debug)]
pub(super) struct FoundLetter {
    pub(super) id: Uuid,
    pub(super) title: Option<String>,
    pub(super) recipient: Option<Recipient>,
    status: String,
    status_text: Option<String>,
}

impl FoundLetter {
    /// The outcome of the row: `sent`, unless the letter has been recalled or will not be delivered.
    pub(super) fn outcome(&self, sent: Outcome) -> Outcome {
        by_status(self.id, &self.status, self.status_text.as_deref(), sent)
    }
}

/// Altinn's codes for requests about a letter: none with this id, or one of a different sender.
const NO_SUCH_LETTER: u32 = 1001;
const NO_ACCESS: u32 = 4001;

impl Lookup {
    /// Looks the letter up. Repeated up to `times` times while Altinn finds none, since the request that used the key may still be running there. A different letter counts
    /// only when it is found twice: a faulty proxy can return one request's answer to another request.
    pub(super) async fn look_up(&self, session: Session<'_>, times: u32) -> LookupResult {
        let (client, attempts) = (session.client, session.attempts);
        let (mut empty, mut foreign) = (0, 0);
        loop {
            let find = async |token| client.find(&token, &self.resource, self.key).await;
            let found = match attempts.look_up(|_| true, find).await {
                Ok(ids) => ids.first().copied(),
                Err(end) => return LookupResult::Unseen(end.into_reason()),
            };
            match found {
                Some(id) => match self.verify(id, session).await {
                    LookupResult::Foreign(_) if foreign == 0 => foreign += 1,
                    // It has a key of its own, so the answer was not about this one.
                    LookupResult::Foreign(id) if self.is_of_another_row(id, session).await => {
                        return LookupResult::Unseen(Reason::because(
                            "Altinn's answers name a letter that is another row's",
                        ));
                    }
                    result => return result,
                },
                None => empty += 1,
            }
            if empty == times {
                return LookupResult::NoLetter;
            }
            // Waits longer each time, for a request that Altinn may still be processing.
            attempts.pause(empty + foreign).await;
        }
    }

    /// True when the journal has the correspondence for another row, or cannot tell.
    async fn is_of_another_row(&self, id: Uuid, session: Session<'_>) -> bool {
        let row = session.journal.row_of(id).await;
        row.map_or(true, |row| row.is_some_and(|key| key != self.key))
    }

    /// Checks that the letter with this id is the one looked for: other senders may have used the key, and Altinn's search is not restricted to our letters.
    pub(super) async fn verify(&self, id: Uuid, session: Session<'_>) -> LookupResult {
        let (client, attempts) = (session.client, session.attempts);
        // Checks the id, as a faulty proxy can return the answer to another request.
        let fits = |overview: &Overview| overview.id.is_none_or(|found| found == id);
        let overview = async |token| client.overview(&token, id).await;
        let overview = match attempts.look_up(fits, overview).await {
            // Of a letter that was recalled, or deleted by its recipient, Altinn has only the details.
            Err(Unaccepted::Refused(refusal, _)) if refusal.code == Some(NO_SUCH_LETTER) => {
                let details = async |token| client.details(&token, id).await;
                let details = attempts.look_up(|_| true, details).await;
                details.map(|details| details.overview)
            }
            overview => overview,
        };
        match overview {
            Ok(overview) => self.compare(id, overview),
            // Altinn refuses access to letters of other senders.
            Err(Unaccepted::Refused(refusal, _)) if refusal.code == Some(NO_ACCESS) => {
                LookupResult::Foreign(id)
            }
            Err(end) => LookupResult::Unseen(end.into_reason()),
        }
    }

    /// Looks up an unknown letter and records its outcome. Returns the row's new state, or `None` when the letter stays unknown. `is_final` is true when no request for the
    /// letter can take effect any more; a letter not found then becomes `failed`.
    ///
    /// # Errors
    ///
    /// The inner error is the reason why Altinn could not be asked; the outer one is the journal's.
    pub(super) async fn settle(
        &self,
        session: Session<'_>,
        is_final: impl FnOnce() -> bool,
    ) -> Result<Result<Option<State>, Reason>, JournalError> {
        let outcome = match self.look_up(session, 1).await {
            LookupResult::Ours(found) => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter if is_final() => {
                Outcome::Failed(Reason::because("Altinn has no letter with its key"))
            }
            LookupResult::NoLetter => return Ok(Ok(None)),
            LookupResult::Unseen(reason) => return Ok(Err(reason)),
        };
        let end = LetterEnd {
            outcome,
            // Look-ups do not count as requests of the letter.
            attempts: 0,
            at: Timestamp::now(),
            lost_at: None,
        };
        match session.journal.record(self.key, Entry::Settled(end)).await {
            Ok(state) => Ok(Ok(Some(state))),
            // Stays unknown: the next run looks up both rows.
            Err(JournalError::IdTaken { .. }) => Ok(Ok(None)),
            Err(error) => Err(error),
        }
    }

    /// Compares resource, reference and recipient with those of the letter found. Any that differs makes it foreign; reference or recipient must be known.
    fn compare(&self, id: Uuid, overview: Overview) -> LookupResult {
        let ours = self.senders_reference.as_ref();
        let reference = ours
            .zip(overview.senders_reference.as_ref())
            .map(|(ours, other)| ours == other);
        let recipient = overview.recipient.as_ref();
        // Altinn writes recipients as URNs or plain numbers.
        let recipient = recipient.and_then(|recipient| Recipient::parse(recipient).ok());
        let same = recipient.as_ref().map(|other| self.addressee.is(other));
        // Unknown for an earlier letter of a mailing with several resources.
        let is_known = !self.resource.is_empty();
        let is_of_another = overview.resource_id.as_deref().is_some_and(|other| {
            is_known && !bare_resource_id(other).eq_ignore_ascii_case(&self.resource)
        });
        match (reference, same) {
            _ if is_of_another => LookupResult::Foreign(id),
            (Some(false), _) | (_, Some(false)) => LookupResult::Foreign(id),
            // With neither known, the letter could be a different one.
            (None, None) => LookupResult::Unseen(Reason::because(format!(
                "Altinn does not say whose letter {id} is"
            ))),
            _ => LookupResult::Ours(FoundLetter {
                id,
                title: overview.value["content"]["messageTitle"]
                    .as_str()
                    .map(str::to_owned),
                recipient,
                status: overview.status,
                status_text: overview.status_text,
            }),
        }
    }

    /// The look-up of a letter of an earlier run, from its record.
    pub(super) fn on_record(resource: &str, record: &RowRecord) -> Self {
        Self {
            row: record.row,
            line: record.line,
            key: record.key,
            resource: resource.to_owned(),
            addressee: Addressee::Masked(record.recipient.clone()),
            senders_reference: None,
        }
    }
}

impl Addressee {
    /// True when the recipient is the same. A masked one is compared masked, so that a few different persons match.
    fn is(&self, other: &Recipient) -> bool {
        match self {
            Self::Whole(whole) => other == whole,
            Self::Masked(masked) => other.masked() == *masked,
        }
    }
}

impl From<&Delivery> for Lookup {
    fn from(delivery: &Delivery) -> Self {
        Self {
            row: delivery.row,
            line: delivery.line,
            key: delivery.key,
            resource: delivery.resource().to_owned(),
            addressee: Addressee::Whole(delivery.recipient.clone()),
            senders_reference: Some(delivery.request.correspondence.senders_reference.clone()),
        }
    }
}

/// The outcome of a letter whose key belongs to a different letter: it can never be sent under this key.
pub(super) fn collision(other: Uuid) -> Outcome {
    Outcome::Rejected(Reason {
        status: Some(409),
        code: Some(1034),
        message: format!(
            "the key belongs to another letter, {other}: another recipient, reference or resource had this mailing and row key"
        ),
        trace: None,
    })
}

/// The outcome of a letter that Altinn has with this status: `sent`, unless Altinn has recalled it or will not deliver it.
pub(super) fn by_status(id: Uuid, status: &str, text: Option<&str>, sent: Outcome) -> Outcome {
    let reason = |what: &str| {
        let text = text.filter(|text| *text != status).unwrap_or(status);
        Reason::because(format!("{what}; its key is used: {text}"))
    };
    match status {
        "PurgedByAltinn" => Outcome::Withdrawn { id },
        "Reserved" => Outcome::Reserved(reason(
            "Altinn has the letter and will not deliver it, because its recipient has reserved",
        )),
        // Altinn has no status for a reservation that it finds while publishing; only the text tells.
        "Failed" if text.is_some_and(|text| text.contains("reserved")) => {
            Outcome::Reserved(reason("Altinn has the letter and could not deliver it"))
        }
        // Its key is used, so that sending it again would change nothing.
        "Failed" => Outcome::Rejected(reason("Altinn has the letter and could not publish it")),
        _ => sent,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_letter_of_another_resource_is_another_letter() {
        let recipient = "urn:altinn:organization:identifier-no:310244007";
        let lookup = |resource: &str| Lookup {
            row: 1,
            line: 2,
            key: Uuid::nil(),
            resource: resource.to_owned(),
            addressee: Addressee::Whole(Recipient::parse(recipient).unwrap()),
            senders_reference: None,
        };
        let overview = |resource: Option<&str>| Overview {
            id: None,
            status: "Published".to_owned(),
            status_text: None,
            status_changed: None,
            recipient: Some(recipient.to_owned()),
            resource_id: resource.map(str::to_owned),
            senders_reference: None,
            published: None,
            value: Value::Null,
        };
        for (ours, found, is_ours) in [
            ("a", Some("a"), true),
            ("a", None, true),
            ("a", Some("urn:altinn:resource:A"), true),
            ("", Some("a"), true),
            ("a", Some("b"), false),
        ] {
            let result = lookup(ours).compare(Uuid::nil(), overview(found));
            assert_eq!(matches!(result, LookupResult::Ours(_)), is_ours, "{ours}");
        }
    }
}
