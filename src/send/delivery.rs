//! One letter from its first try to its end in the journal.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::SendError;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempts, End, Settled};
use super::verdict::Verdict;
use crate::altinn::{Client, Initialized};
use crate::journal::{End as Last, Entry, Journal, Outcome, Reason, Start, State};
use crate::maskinporten::TokenError;
use crate::plan::{Delivery, PlannedFile};
use crate::secret::redact;

/// How often a look-up that finds nothing is asked again: the request behind the key may still be running at Altinn.
const LOOKUPS: u32 = 4;

/// Sends letters one by one; several at a time may be under way.
pub(super) struct Courier<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) attempts: &'a Attempts<'a>,
    pub(super) uploads: &'a Uploads<'a>,
}

/// How a letter ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) state: State,
    pub(super) outcome: Outcome,
    /// Why every other letter would end the same way.
    pub(super) fatal: Option<Fatal>,
    /// What is needed to look the letter up again, when its end is not known.
    pub(super) unsettled: Option<Sought>,
}

/// Why a run cannot go on.
#[derive(Debug)]
pub(super) enum Fatal {
    /// Altinn refuses what all letters have in common.
    Refused(Reason),
    /// No token is to be had.
    NoToken(TokenError),
}

/// A letter that may or may not be at Altinn.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) key: Uuid,
    resource: String,
    recipient: String,
    senders_reference: String,
}

/// What a look-up by key found.
enum Found {
    Ours(Uuid),
    Foreign(Uuid),
    Nothing,
}

impl Courier<'_> {
    /// Sends one letter. The start is durable before a request leaves, the end before anybody hears of it.
    pub(super) async fn deliver(&self, delivery: Delivery) -> Result<Ended, SendError> {
        let start = Start {
            row: delivery.row,
            line: delivery.line,
            name: redact(&delivery.name).into_owned(),
            recipient: delivery.recipient.masked(),
            body: delivery.digest.0,
            at: Timestamp::now(),
        };
        self.journal
            .record(delivery.key, Entry::Started(start))
            .await?;
        let (outcome, attempts, fatal) =
            match self.upload(delivery.resource(), &delivery.files).await {
                Ok(ids) => self.send(&delivery, &ids).await?,
                Err(UploadEnd::Journal(error)) => return Err(error),
                Err(end) => without_files(end),
            };
        let last = Last {
            outcome: outcome.clone(),
            attempts,
            at: Timestamp::now(),
        };
        let state = self
            .journal
            .record(delivery.key, Entry::Ended(last))
            .await?;
        let unsettled = matches!(outcome, Outcome::Unknown(_)).then(|| Sought::from(&delivery));
        Ok(Ended {
            row: delivery.row,
            line: delivery.line,
            state,
            outcome,
            fatal,
            unsettled,
        })
    }

    /// Asks once more for a letter whose end is not known.
    pub(super) async fn settle(&self, sought: &Sought) -> Result<Option<State>, SendError> {
        match self.look_up(sought, 1).await {
            Found::Ours(id) => {
                let last = Last {
                    outcome: Outcome::Sent { id },
                    attempts: 0,
                    at: Timestamp::now(),
                };
                Ok(Some(
                    self.journal
                        .record(sought.key, Entry::Settled(last))
                        .await?,
                ))
            }
            Found::Foreign(_) | Found::Nothing => Ok(None),
        }
    }

    async fn upload(
        &self,
        resource: &str,
        files: &[Arc<PlannedFile>],
    ) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::with_capacity(files.len());
        for file in files {
            ids.push(self.uploads.id(resource, file).await?);
        }
        Ok(ids)
    }

    async fn send(
        &self,
        delivery: &Delivery,
        files: &[Uuid],
    ) -> Result<(Outcome, u32, Option<Fatal>), SendError> {
        let body = delivery.body(files)?;
        let settled = self
            .attempts
            .settle(async |token| self.client.initialize(&token, body.clone()).await)
            .await;
        let attempts = settled.attempts;
        let (outcome, fatal) = self.judge(delivery, settled).await;
        Ok((outcome, attempts, fatal))
    }

    async fn judge(
        &self,
        delivery: &Delivery,
        settled: Settled<Initialized>,
    ) -> (Outcome, Option<Fatal>) {
        let uncertain = settled.uncertain;
        match settled.end {
            End::Accepted(initialized) => (Outcome::Sent { id: initialized.id }, None),
            End::Refused(refusal, verdict) => match verdict {
                Verdict::AlreadySent => (self.already_sent(delivery, uncertain).await, None),
                Verdict::Reserved => (Outcome::Reserved(refusal.into()), None),
                Verdict::Stop => {
                    let reason = Reason::from(refusal);
                    (
                        Outcome::Failed(reason.clone()),
                        Some(Fatal::Refused(reason)),
                    )
                }
                _ => (Outcome::Rejected(refusal.into()), None),
            },
            End::GaveUp(reason) if uncertain => (self.find_out(delivery, reason).await, None),
            End::GaveUp(reason) => (Outcome::Failed(reason), None),
            End::NoToken(error) => {
                let reason = Reason {
                    message: error.to_string(),
                    ..Reason::default()
                };
                let outcome = if uncertain {
                    Outcome::Unknown(reason)
                } else {
                    Outcome::Failed(reason)
                };
                (outcome, Some(Fatal::NoToken(error)))
            }
        }
    }

    /// The key has been used: success, unless the letter behind it is somebody else's.
    async fn already_sent(&self, delivery: &Delivery, uncertain: bool) -> Outcome {
        match self.look_up(&Sought::from(delivery), LOOKUPS).await {
            // A try of this run whose answer was lost had succeeded.
            Found::Ours(id) if uncertain => Outcome::Sent { id },
            Found::Ours(id) => Outcome::AlreadySent { id: Some(id) },
            Found::Nothing => Outcome::AlreadySent { id: None },
            Found::Foreign(id) => Outcome::Failed(Reason {
                status: Some(409),
                code: Some(1034),
                message: format!("key collision: the key belongs to another letter, {id}"),
                trace: None,
            }),
        }
    }

    async fn find_out(&self, delivery: &Delivery, reason: Reason) -> Outcome {
        match self.look_up(&Sought::from(delivery), LOOKUPS).await {
            Found::Ours(id) => Outcome::Sent { id },
            Found::Foreign(_) | Found::Nothing => Outcome::Unknown(reason),
        }
    }

    /// Looks a letter up by its key; an empty answer is asked again shortly.
    async fn look_up(&self, sought: &Sought, times: u32) -> Found {
        for time in 1..=times {
            let found = self
                .attempts
                .settle(async |token| self.client.find(&token, &sought.resource, sought.key).await)
                .await;
            match found.end {
                End::Accepted(ids) => {
                    if let Some(id) = ids.first() {
                        return self.verify(*id, sought).await;
                    }
                }
                _ => return Found::Nothing,
            }
            if time < times {
                self.attempts.pause(time).await;
            }
        }
        Found::Nothing
    }

    /// Keys are shared by all senders, and a look-up is not restricted to our own letters: the hit must be what was sent.
    async fn verify(&self, id: Uuid, sought: &Sought) -> Found {
        let overview = self
            .attempts
            .settle(async |token| self.client.overview(&token, id).await)
            .await;
        match overview.end {
            End::Accepted(overview) => {
                let ours = overview.senders_reference.as_deref() == Some(&sought.senders_reference)
                    && overview.recipient.as_deref() == Some(&sought.recipient);
                if ours {
                    Found::Ours(id)
                } else {
                    Found::Foreign(id)
                }
            }
            // Withdrawn since, or not ours to read: the key is proof enough that it was sent.
            _ => Found::Ours(id),
        }
    }
}

impl From<&Delivery> for Sought {
    fn from(delivery: &Delivery) -> Self {
        Self {
            row: delivery.row,
            line: delivery.line,
            key: delivery.key,
            resource: delivery.resource().to_owned(),
            recipient: delivery.recipient.urn(),
            senders_reference: delivery.request.correspondence.senders_reference.clone(),
        }
    }
}

/// The letter never left: its files did not get there.
fn without_files(end: UploadEnd) -> (Outcome, u32, Option<Fatal>) {
    match end {
        UploadEnd::Refused {
            reason,
            fatal: true,
        } => (
            Outcome::Failed(reason.clone()),
            0,
            Some(Fatal::Refused(reason)),
        ),
        UploadEnd::Refused {
            reason,
            fatal: false,
        } => (Outcome::Rejected(reason), 0, None),
        UploadEnd::GaveUp(reason) => (Outcome::Failed(reason), 0, None),
        UploadEnd::NoToken(error) => {
            let reason = Reason {
                message: error.to_string(),
                ..Reason::default()
            };
            (Outcome::Failed(reason), 0, Some(Fatal::NoToken(error)))
        }
        UploadEnd::Journal(error) => {
            let reason = Reason {
                message: error.to_string(),
                ..Reason::default()
            };
            (Outcome::Failed(reason), 0, None)
        }
    }
}
