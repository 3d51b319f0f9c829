//! One letter from its first try to its end in the journal.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::SendError;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempts, End, Settled};
use super::closed::Closed;
use super::engine::Taken;
use super::lookup::{Found, Sought};
use super::pace::Turn;
use super::verdict::Verdict;
use crate::altinn::{Client, Content, Enclosure, Initialized, Refusal};
use crate::correspondence::form_fields;
use crate::journal::{End as Last, Entry, Journal, Outcome, Reason, Start, State};
use crate::maskinporten::TokenError;
use crate::plan::{Delivery, LocalFile};
use crate::secret::redact;

/// How often a look-up that finds nothing is asked again.
const LOOKUPS: u32 = 4;

/// What Altinn says of attachments that it has not, or not for long: what we have uploaded is to be uploaded anew.
const LOST_ATTACHMENTS: [u32; 4] = [1007, 1017, 1018, EXPIRES_SOON];
const EXPIRES_SOON: u32 = 1055;

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
    /// Altinn is not who it should be: what to do about it.
    Untrusted(Reason, Option<String>),
    /// No token is to be had.
    NoToken(TokenError),
    /// Altinn cannot be reached, and never was in this run.
    Unreachable(Reason),
}

/// What became of a letter, and why the others would fare alike.
pub(super) type Judged = (Outcome, Option<Fatal>);

impl Courier<'_> {
    /// Sends one letter. The start is durable before a request leaves, the end before anybody hears of it. When the run is stopped, or the
    /// letter's resource refused, before it is the letter's turn, it stands where it stood.
    pub(super) async fn deliver(&self, delivery: &Delivery) -> Result<Taken, SendError> {
        let files = match self.upload(delivery).await {
            Ok(ids) => match self.attempts.turn().await {
                // Its resource may have been refused meanwhile.
                Some(_) if self.closed.holds(delivery.resource()) => return Ok(Taken::Nothing),
                Some(turn) => Ok((ids, turn)),
                None => return Ok(Taken::Left),
            },
            Err(UploadEnd::Stopped) => return Ok(Taken::Left),
            Err(UploadEnd::Journal(error)) => return Err(error),
            Err(UploadEnd::Not(judged)) => Err(*judged),
        };
        self.record_start(delivery).await?;
        let ((outcome, fatal), requests) = match files {
            Ok((ids, turn)) => self.send(delivery, ids, turn).await?,
            // The letter never left: its files did not get there.
            Err((outcome, fatal)) => ((outcome, self.close(delivery, fatal)), 0),
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
        let unsettled = matches!(outcome, Outcome::Unknown(_)).then(|| Sought::from(delivery));
        Ok(Taken::Ended(Box::new(Ended {
            row: delivery.row,
            line: delivery.line,
            state,
            outcome,
            fatal,
            unsettled,
        })))
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

    async fn upload(&self, delivery: &Delivery) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::new();
        for file in delivery.uploads() {
            ids.push(Box::pin(self.uploads.id(delivery.resource(), file)).await?);
        }
        Ok(ids)
    }

    /// Sends a letter with the files that were uploaded for it; once more with others, when Altinn will not have these any more.
    async fn send(
        &self,
        delivery: &Delivery,
        mut ids: Vec<Uuid>,
        turn: Turn<'_>,
    ) -> Result<(Judged, u32), SendError> {
        let mut settled = self.exchange(delivery, &ids, Some(turn)).await?;
        let mut requests = settled.requests;
        let dead = lost_attachments(delivery, &ids, &settled.end);
        if !dead.is_empty() {
            Box::pin(self.uploads.renew(&dead)).await?;
            match self.upload(delivery).await {
                Ok(others) => {
                    ids = others;
                    settled = Box::pin(self.exchange(delivery, &ids, None)).await?;
                    requests += settled.requests;
                    // What is refused again is to be looked into; the next run begins anew.
                    let dead = lost_attachments(delivery, &ids, &settled.end);
                    self.uploads.renew(&dead).await?;
                }
                Err(UploadEnd::Not(judged)) => return Ok((*judged, requests)),
                Err(UploadEnd::Journal(error)) => return Err(error),
                // The refusal is what is known of the letter.
                Err(UploadEnd::Stopped) => {}
            }
        }
        let judged = self.judge(delivery, settled).await;
        if judged.0.id().is_some() {
            self.uploads.use_up(&ids);
        }
        Ok((judged, requests))
    }

    /// One letter, as JSON or as a form with its own files. A letter that loses the race for its key to itself may leave copies of its own files at Altinn: the
    /// answer does not name them, so nobody can delete them, and no letter has them.
    async fn exchange(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        turn: Option<Turn<'_>>,
    ) -> Result<Settled<Initialized>, SendError> {
        if !delivery.has_enclosures() {
            let body = Bytes::from(delivery.body(ids)?);
            let send = async |token| self.client.initialize(&token, body.clone()).await;
            return Ok(self.attempts.settle_from(turn, send).await);
        }
        Box::pin(self.exchange_form(delivery, ids, turn)).await
    }

    /// A letter with files of its own.
    async fn exchange_form(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        turn: Option<Turn<'_>>,
    ) -> Result<Settled<Initialized>, SendError> {
        let Some(fields) = form_fields(&delivery.request_with(ids)) else {
            let message = "a form cannot say what the letter says".to_owned();
            return Ok(Settled {
                end: End::GaveUp(Reason {
                    message,
                    ..Reason::default()
                }),
                requests: 0,
                uncertain: false,
            });
        };
        let enclosures = delivery.enclosures().map(|file| Enclosure {
            file_name: file.attachment.file_name.clone(),
            content: Content::from(&*file.file),
        });
        let files: Vec<_> = enclosures.collect();
        let send = async |token| {
            self.client
                .initialize_with_files(&token, &fields, &files)
                .await
        };
        Ok(self.attempts.settle_from(turn, send).await)
    }

    async fn judge(&self, delivery: &Delivery, settled: Settled<Initialized>) -> Judged {
        let uncertain = settled.uncertain;
        let (outcome, fatal) = match settled.end {
            End::Accepted(initialized) => return (Outcome::Sent { id: initialized.id }, None),
            End::Refused(_, Verdict::AlreadySent) => {
                return (self.already_sent(delivery, uncertain).await, None);
            }
            End::Refused(refusal, verdict) => refused(refusal, verdict, uncertain),
            End::GaveUp(reason) | End::NoFile(reason) => (not_sent(reason, uncertain), None),
            End::Away(reason) => (
                not_sent(reason.clone(), uncertain),
                Some(Fatal::Away(reason)),
            ),
            End::Untrusted(reason, hint) => (
                not_sent(reason.clone(), uncertain),
                Some(Fatal::Untrusted(reason, hint)),
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
        match Box::pin(self.look_up(delivery)).await {
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
        match Box::pin(self.look_up(delivery)).await {
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

/// The uploaded attachments of a letter that Altinn will not have any more, as far as its refusal tells.
fn lost_attachments(delivery: &Delivery, ids: &[Uuid], end: &End<Initialized>) -> Vec<Uuid> {
    let code = match end {
        End::Refused(refusal, _) => refusal.code,
        _ => None,
    };
    if !code.is_some_and(|code| LOST_ATTACHMENTS.contains(&code)) {
        return Vec::new();
    }
    let expiring = delivery
        .uploads()
        .zip(ids)
        .filter(|(file, _)| file.attachment.expiration_in_days.is_some())
        .map(|(_, id)| *id);
    match expiring.collect::<Vec<_>>() {
        expiring if code == Some(EXPIRES_SOON) && !expiring.is_empty() => expiring,
        _ => ids.to_vec(),
    }
}

impl From<&LocalFile> for Content {
    fn from(file: &LocalFile) -> Self {
        Self {
            path: file.path.clone(),
            size: file.size,
            md5: file.md5.clone(),
        }
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
pub(super) fn collision(other: Uuid) -> Outcome {
    Outcome::Rejected(Reason {
        status: Some(409),
        code: Some(1034),
        message: format!(
            "the key belongs to another letter, {other}: another recipient or reference had this mailing and row key"
        ),
        trace: None,
    })
}
