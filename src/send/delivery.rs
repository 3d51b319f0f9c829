//! One letter from its first try to its end in the journal.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::SendError;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempts, End, Settled};
use super::closed::Closed;
use super::lookup::{Found, Sought};
use super::pace::Turn;
use super::verdict::Verdict;
use crate::altinn::{Client, Initialized, Refusal};
use crate::journal::{End as Last, Entry, Journal, Outcome, Reason, Start, State};
use crate::maskinporten::TokenError;
use crate::plan::{Delivery, PlannedFile};
use crate::secret::redact;

/// How often a look-up that finds nothing is asked again.
const LOOKUPS: u32 = 4;

/// What Altinn says of attachments that it has not, or not for long: what we have uploaded is to be uploaded anew.
const LOST_ATTACHMENTS: [u32; 4] = [1007, 1017, 1018, 1055];

/// Sends letters one by one; several at a time may be under way.
pub(super) struct Courier<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) attempts: &'a Attempts<'a>,
    pub(super) uploads: &'a Uploads<'a>,
    pub(super) closed: &'a Closed,
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
    /// Altinn refuses what all letters of one resource have in common, and there are others: the run goes on with those.
    Resource,
    /// Altinn wants to be left alone for a long time.
    Away(Reason),
    /// No token is to be had.
    NoToken(TokenError),
    /// Altinn cannot be reached, and never was in this run.
    Unreachable(Reason),
}

/// What became of a letter, and why the others would fare alike.
pub(super) type Judged = (Outcome, Option<Fatal>);

impl Courier<'_> {
    /// Sends one letter. The start is durable before a request leaves, the end before anybody hears of it. Nothing when the run is stopped before
    /// it is the letter's turn: then it stands where it stood.
    pub(super) async fn deliver(&self, delivery: Delivery) -> Result<Option<Ended>, SendError> {
        let files = match self.upload(delivery.resource(), &delivery.files).await {
            Ok(ids) => match self.attempts.turn().await {
                Some(turn) => Ok((ids, turn)),
                None => return Ok(None),
            },
            Err(UploadEnd::Stopped) => return Ok(None),
            Err(UploadEnd::Journal(error)) => return Err(error),
            Err(UploadEnd::Not(judged)) => Err(*judged),
        };
        self.record_start(&delivery).await?;
        let ((outcome, fatal), requests) = match files {
            Ok((ids, turn)) => self.send(&delivery, &ids, turn).await?,
            // The letter never left: its files did not get there.
            Err((outcome, fatal)) => ((outcome, self.close(&delivery, fatal)), 0),
        };
        let last = Last {
            outcome: outcome.clone(),
            attempts: requests,
            at: Timestamp::now(),
        };
        let state = self
            .journal
            .record(delivery.key, Entry::Ended(last))
            .await?;
        let unsettled = matches!(outcome, Outcome::Unknown(_)).then(|| Sought::from(&delivery));
        Ok(Some(Ended {
            row: delivery.row,
            line: delivery.line,
            state,
            outcome,
            fatal,
            unsettled,
        }))
    }

    /// Asks once more for a letter whose end is not known, and gives the state it has then; an error is why Altinn cannot be asked.
    pub(super) async fn settle(
        &self,
        sought: &Sought,
    ) -> Result<Result<Option<State>, Reason>, SendError> {
        let outcome = match sought.look_up(self.client, self.attempts, 1).await {
            Found::Ours(id) => Outcome::Sent { id },
            Found::Foreign(id) => collision(id),
            Found::Nothing => return Ok(Ok(None)),
            Found::Unseen(reason) => return Ok(Err(reason)),
        };
        let last = Last {
            outcome,
            attempts: 0,
            at: Timestamp::now(),
        };
        let settled = self.journal.record(sought.key, Entry::Settled(last));
        Ok(Ok(Some(settled.await?)))
    }

    async fn record_start(&self, delivery: &Delivery) -> Result<(), SendError> {
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
        Ok(())
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
        turn: Turn<'_>,
    ) -> Result<(Judged, u32), SendError> {
        let body = delivery.body(files)?;
        let settled = self
            .attempts
            .settle_now(turn, async |token| {
                self.client.initialize(&token, body.clone()).await
            })
            .await;
        let requests = settled.requests;
        let judged = self.judge(delivery, settled).await;
        if let (
            _,
            Some(Fatal::Refused(Reason {
                code: Some(code), ..
            })),
        ) = &judged
            && LOST_ATTACHMENTS.contains(code)
        {
            for id in files {
                self.journal.forget_attachment(*id).await?;
            }
        }
        Ok((judged, requests))
    }

    async fn judge(&self, delivery: &Delivery, settled: Settled<Initialized>) -> Judged {
        let uncertain = settled.uncertain;
        let (outcome, fatal) = match settled.end {
            End::Accepted(initialized) => return (Outcome::Sent { id: initialized.id }, None),
            End::Refused(_, Verdict::AlreadySent) => {
                return (self.already_sent(delivery, uncertain).await, None);
            }
            End::Refused(refusal, verdict) => refused(refusal, verdict, uncertain),
            End::GaveUp(reason) => (not_sent(reason, uncertain), None),
            End::Away(reason) => (
                not_sent(reason.clone(), uncertain),
                Some(Fatal::Away(reason)),
            ),
            End::NoToken(error) => (
                not_sent((&error).into(), uncertain),
                Some(Fatal::NoToken(error)),
            ),
            End::Unreachable(reason) => (
                not_sent(reason.clone(), uncertain),
                Some(Fatal::Unreachable(reason)),
            ),
        };
        let fatal = self.close(delivery, fatal);
        if uncertain {
            (self.find_out(delivery, outcome).await, fatal)
        } else {
            (outcome, fatal)
        }
    }

    /// What stops the run, or a resource, lets no other letter begin.
    fn close(&self, delivery: &Delivery, fatal: Option<Fatal>) -> Option<Fatal> {
        let fatal = self.closed.close(delivery.resource(), fatal?);
        if !matches!(fatal, Fatal::Resource) {
            self.attempts.close();
        }
        Some(fatal)
    }

    /// The key has been used: success, once the letter behind it has been seen to be ours.
    async fn already_sent(&self, delivery: &Delivery, uncertain: bool) -> Outcome {
        let unseen = |reason: Reason| {
            Outcome::Unknown(Reason {
                message: format!(
                    "Altinn has used the letter's key, but the letter cannot be seen: {}",
                    reason.message
                ),
                ..reason
            })
        };
        match self.look_up(delivery).await {
            // A try of this run whose answer was lost had succeeded.
            Found::Ours(id) if uncertain => Outcome::Sent { id },
            Found::Ours(id) => Outcome::AlreadySent { id: Some(id) },
            Found::Foreign(id) => collision(id),
            Found::Unseen(reason) => unseen(reason),
            Found::Nothing => unseen(Reason {
                message: "there is none with this key".to_owned(),
                ..Reason::default()
            }),
        }
    }

    /// A request whose answer was lost may have taken effect, whatever was said to later ones.
    async fn find_out(&self, delivery: &Delivery, otherwise: Outcome) -> Outcome {
        match self.look_up(delivery).await {
            Found::Ours(id) => Outcome::Sent { id },
            Found::Foreign(id) => collision(id),
            Found::Nothing | Found::Unseen(_) => otherwise,
        }
    }

    async fn look_up(&self, delivery: &Delivery) -> Found {
        Sought::from(delivery)
            .look_up(self.client, self.attempts, LOOKUPS)
            .await
    }
}

/// A refusal. After a lost answer it is Altinn's own only when it has a code: keys are looked at before anything that has one.
fn refused(refusal: Refusal, verdict: Verdict, uncertain: bool) -> Judged {
    let reason = Reason::from(refusal);
    let fatal = (verdict == Verdict::Stop).then(|| Fatal::Refused(reason.clone()));
    let outcome = match verdict {
        _ if uncertain && reason.code.is_none() => Outcome::Unknown(reason),
        Verdict::Reserved => Outcome::Reserved(reason),
        Verdict::Stop => Outcome::Failed(reason),
        _ => Outcome::Rejected(reason),
    };
    (outcome, fatal)
}

fn not_sent(reason: Reason, uncertain: bool) -> Outcome {
    if uncertain {
        Outcome::Unknown(reason)
    } else {
        Outcome::Failed(reason)
    }
}

/// The key belongs to another letter: this one cannot be sent under it, now or later.
fn collision(other: Uuid) -> Outcome {
    Outcome::Rejected(Reason {
        status: Some(409),
        code: Some(1034),
        message: format!(
            "the key belongs to another letter, {other}: another recipient or reference had this mailing and row key"
        ),
        trace: None,
    })
}
