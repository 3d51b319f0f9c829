//! A letter looked up at Altinn by its key: the hit must be what was sent.

use uuid::Uuid;

use super::attempt::{Attempts, End};
use super::outcome::stopped;
use crate::altinn::{Client, Overview};
use crate::correspondence::Recipient;
use crate::journal::{Reason, RowRecord};
use crate::plan::Delivery;

/// A letter that may or may not be at Altinn.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) key: Uuid,
    resource: String,
    addressee: Addressee,
    /// Of a letter of an earlier run it is not known any more.
    senders_reference: Option<String>,
}

/// Who gets a letter, as well as it is known.
#[derive(Debug, Clone)]
enum Addressee {
    /// As it was sent.
    Whole(Recipient),
    /// As the journal keeps it.
    Masked(String),
}

/// What a look-up by key found.
#[derive(Debug)]
pub(super) enum LookupResult {
    /// The letter.
    Ours(Uuid),
    /// Another letter with the same key.
    Foreign(Uuid),
    /// Altinn has no letter with the key, or none yet.
    NoLetter,
    /// Altinn could not be asked, or did not say enough.
    Unseen(Reason),
}

/// The refusals of an overview that are about the letter.
const NO_SUCH_LETTER: u32 = 1001;
const NO_ACCESS: u32 = 4001;

impl Lookup {
    /// Looks it up; an empty answer is asked again shortly, `times` in all: the request behind the key may still be running at Altinn.
    pub(super) async fn look_up(
        &self,
        client: &Client,
        attempts: &Attempts<'_>,
        times: u32,
    ) -> LookupResult {
        for time in 1..=times {
            let found =
                attempts.look_up(async |token| client.find(&token, &self.resource, self.key).await);
            match found.await {
                End::Accepted(ids) => {
                    if let Some(id) = ids.first() {
                        return self.verify(*id, client, attempts).await;
                    }
                }
                end => return LookupResult::Unseen(end.into_reason()),
            }
            if time < times {
                attempts.pause(time).await;
            }
        }
        LookupResult::NoLetter
    }

    /// Keys are shared by all senders, and a look-up is not restricted to our own letters.
    async fn verify(&self, id: Uuid, client: &Client, attempts: &Attempts<'_>) -> LookupResult {
        let overview = attempts
            .look_up(async |token| client.overview(&token, id).await)
            .await;
        match overview {
            End::Accepted(overview) => self.compare(id, &overview),
            End::Refused(refusal, _) if refusal.code == Some(NO_ACCESS) => {
                LookupResult::Foreign(id)
            }
            // Withdrawn since: nobody else makes our keys.
            End::Refused(refusal, _) if refusal.code == Some(NO_SUCH_LETTER) => {
                LookupResult::Ours(id)
            }
            end => LookupResult::Unseen(end.into_reason()),
        }
    }

    fn compare(&self, id: Uuid, overview: &Overview) -> LookupResult {
        let ours = self.senders_reference.as_ref();
        let reference = ours
            .zip(overview.senders_reference.as_ref())
            .map(|(ours, told)| ours == told);
        let recipient = overview.recipient.as_ref();
        let recipient = recipient.and_then(|told| self.addressee.is(told));
        match (reference, recipient) {
            (Some(false), _) | (_, Some(false)) => LookupResult::Foreign(id),
            (None, None) => LookupResult::Unseen(Reason {
                message: format!("Altinn does not say whose letter {id} is"),
                ..Reason::default()
            }),
            _ => LookupResult::Ours(id),
        }
    }
}

impl Lookup {
    /// A letter of an earlier run, as far as the journal knows it.
    pub(super) fn on_record(resource: &str, line: RowRecord) -> Self {
        Self {
            row: line.row,
            line: line.line,
            key: line.key,
            resource: resource.to_owned(),
            addressee: Addressee::Masked(line.recipient),
            senders_reference: None,
        }
    }
}

impl Addressee {
    /// Whether Altinn means the same one; nothing when that cannot be told.
    fn is(&self, told: &str) -> Option<bool> {
        match self {
            Self::Whole(whole) => Some(match Recipient::parse(told) {
                Ok(told) => told == *whole,
                Err(_) => told.eq_ignore_ascii_case(&whole.urn()),
            }),
            Self::Masked(masked) => Some(Recipient::parse(told).ok()?.masked() == *masked),
        }
    }
}

impl<T> End<T> {
    /// Why it was not accepted.
    fn into_reason(self) -> Reason {
        match self {
            Self::Accepted(_) => Reason::default(),
            Self::Refused(refusal, _) => refusal.into(),
            Self::GaveUp(reason)
            | Self::Away(reason)
            | Self::Untrusted(reason, _)
            | Self::Unreachable(reason)
            | Self::NoFile(reason) => reason,
            Self::NoToken(error) => (&error).into(),
            Self::Stopped => stopped(),
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
