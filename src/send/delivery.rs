//! One letter from its first try to its end in the journal.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::SendError;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempts, End, Settled};
use super::lookup::{Lookup, LookupResult};
use super::outcome::{
    DeliveryEnd, Fatal, Judged, StepResult, collision, in_doubt, lost_attachments, not_sent,
    refused, stopped,
};
use super::rate_limiter::Departure;
use super::signals::RefusedResources;
use super::verdict::Verdict;
use crate::altinn::{CheckedFile, Client, Enclosure, Initialized};
use crate::correspondence::form_fields;
use crate::journal::{Entry, Journal, LetterEnd, Outcome, Reason, Start, State};
use crate::plan::{Delivery, LocalFile};
use crate::secret::redact;

/// How often a look-up that finds nothing is asked again.
const LOOKUPS: u32 = 4;

/// Sends letters one by one; several at a time may be under way.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) attempts: &'a Attempts<'a>,
    pub(super) uploads: &'a Uploads<'a>,
    pub(super) refused: &'a RefusedResources,
}

impl Sender<'_> {
    /// Sends one letter. The start is durable before a request leaves, the end before anybody hears of it. When the run is stopped, or the
    /// letter's resource refused, before it is the letter's turn, it stands where it stood.
    pub(super) async fn deliver(&self, delivery: &Delivery) -> Result<StepResult, SendError> {
        let files = match self.upload(delivery).await {
            Ok(ids) => match self.attempts.ready().await {
                // Its resource may have been refused meanwhile.
                Some(_) if self.refused.holds(delivery.resource()) => {
                    return Ok(StepResult::NoLetter);
                }
                Some((seat, turn)) => Ok((ids, seat, turn)),
                None => return Ok(StepResult::NotStarted),
            },
            Err(UploadEnd::Stopped) => return Ok(StepResult::NotStarted),
            Err(UploadEnd::Journal(error)) => return Err(error),
            Err(UploadEnd::Not(judged)) => Err(*judged),
        };
        let before = self.record_start(delivery).await?;
        let doubt = before == State::Unknown;
        let ((outcome, fatal), requests) = match files {
            Ok((ids, seat, turn)) => {
                let left = self.leave(delivery, ids, turn, doubt).await?;
                // Its end is written down standing.
                drop(seat);
                match left {
                    Some(judged) => judged,
                    None => return self.withdraw(delivery, before).await,
                }
            }
            // The letter never left in this run: its files did not get there.
            Err((outcome, fatal)) => ((in_doubt(outcome, doubt), self.close(delivery, fatal)), 0),
        };
        let last = LetterEnd {
            outcome: outcome.clone(),
            attempts: requests,
            at: Timestamp::now(),
        };
        let state = self
            .journal
            .record(delivery.key, Entry::Ended(last))
            .await?;
        let unsettled = matches!(outcome, Outcome::Unknown(_)).then(|| Lookup::from(delivery));
        Ok(StepResult::Ended(Box::new(DeliveryEnd {
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
        sought: &Lookup,
    ) -> Result<Result<Option<State>, Reason>, SendError> {
        let outcome = match sought.look_up(self.client, self.attempts, 1).await {
            LookupResult::Ours(id) => Outcome::Sent { id },
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter => return Ok(Ok(None)),
            LookupResult::Unseen(reason) => return Ok(Err(reason)),
        };
        let last = LetterEnd {
            outcome,
            attempts: 0,
            at: Timestamp::now(),
        };
        let settled = self.journal.record(sought.key, Entry::Settled(last));
        Ok(Ok(Some(settled.await?)))
    }

    /// Sends it when there is a place in flight; nothing when it has not left.
    async fn leave(
        &self,
        delivery: &Delivery,
        ids: Vec<Uuid>,
        turn: Departure<'_>,
        doubt: bool,
    ) -> Result<Option<(Judged, u32)>, SendError> {
        match self.attempts.enter(turn).await {
            Some(turn) if !self.refused.holds(delivery.resource()) => {
                self.send(delivery, ids, turn, doubt).await
            }
            _ => Ok(None),
        }
    }

    /// It has not left, and stands where it stood.
    async fn withdraw(&self, delivery: &Delivery, before: State) -> Result<StepResult, SendError> {
        let entry = Entry::Withdrawn(before);
        self.journal.record(delivery.key, entry).await?;
        Ok(if self.refused.holds(delivery.resource()) {
            StepResult::NoLetter
        } else {
            StepResult::NotStarted
        })
    }

    /// Where the row stood before.
    async fn record_start(&self, delivery: &Delivery) -> Result<State, SendError> {
        let start = Start {
            row: delivery.row,
            line: delivery.line,
            name: redact(&delivery.name).into_owned(),
            recipient: delivery.recipient.masked(),
            body: delivery.digest.0,
            at: Timestamp::now(),
        };
        Ok(self.journal.start(delivery.key, start).await?)
    }

    async fn upload(&self, delivery: &Delivery) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::new();
        for file in delivery.uploads() {
            ids.push(Box::pin(self.uploads.id(delivery.resource(), file)).await?);
        }
        Ok(ids)
    }

    /// Sends a letter with the files that were uploaded for it; once more with others, when Altinn will not have these any more. Nothing when the run is stopped
    /// before it has left. `doubt` is whether an earlier run may have sent it.
    async fn send(
        &self,
        delivery: &Delivery,
        mut ids: Vec<Uuid>,
        turn: Departure<'_>,
        doubt: bool,
    ) -> Result<Option<(Judged, u32)>, SendError> {
        let mut settled = self.exchange(delivery, &ids, Some(turn)).await?;
        if matches!(settled.end, End::Stopped) {
            return Ok(None);
        }
        let mut requests = settled.requests;
        let dead = lost_attachments(delivery, &ids, &settled.end);
        if !dead.is_empty() {
            Box::pin(self.uploads.renew(&dead)).await?;
            match self.upload(delivery).await {
                Ok(others) => {
                    let mut again = Box::pin(self.exchange(delivery, &others, None)).await?;
                    again.uncertain |= settled.uncertain;
                    // Else the refusal is what is known of the letter.
                    if !matches!(again.end, End::Stopped) {
                        requests += again.requests;
                        (ids, settled) = (others, again);
                    }
                    // What is refused again is to be looked into; the next run begins anew.
                    let dead = lost_attachments(delivery, &ids, &settled.end);
                    self.uploads.renew(&dead).await?;
                }
                Err(UploadEnd::Not(judged)) => {
                    let (outcome, fatal) = *judged;
                    let fatal = self.close(delivery, fatal);
                    return Ok(Some(((in_doubt(outcome, doubt), fatal), requests)));
                }
                Err(UploadEnd::Journal(error)) => return Err(error),
                Err(UploadEnd::Stopped) => {}
            }
        }
        let judged = self.judge(delivery, settled, doubt).await;
        if judged.0.id().is_some() {
            self.uploads.use_up(&ids);
        }
        Ok(Some((judged, requests)))
    }

    /// One letter, as JSON or as a form with its own files. A letter that loses the race for its key to itself may leave copies of its own files at Altinn: the
    /// answer does not name them, so nobody can delete them, and no letter has them.
    async fn exchange(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        turn: Option<Departure<'_>>,
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
        turn: Option<Departure<'_>>,
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
            content: CheckedFile::from(&*file.file),
        });
        let files: Vec<_> = enclosures.collect();
        let send = async |token| {
            self.client
                .initialize_with_files(&token, &fields, &files)
                .await
        };
        Ok(self.attempts.settle_from(turn, send).await)
    }

    async fn judge(
        &self,
        delivery: &Delivery,
        settled: Settled<Initialized>,
        doubt: bool,
    ) -> Judged {
        let uncertain = settled.uncertain || doubt;
        let (outcome, fatal) = match settled.end {
            End::Accepted(initialized) => return (Outcome::Sent { id: initialized.id }, None),
            End::Refused(_, Verdict::AlreadySent) => {
                return (self.already_sent(delivery, settled.uncertain).await, None);
            }
            End::Stopped => (not_sent(stopped(), uncertain), None),
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
        let fatal = self.refused.close(delivery.resource(), fatal?);
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
            LookupResult::Ours(id) if uncertain => Outcome::Sent { id },
            LookupResult::Ours(id) => Outcome::AlreadySent { id: Some(id) },
            LookupResult::Foreign(id) => collision(id),
            LookupResult::Unseen(reason) => unseen(reason),
            LookupResult::NoLetter => unseen(Reason {
                message: "there is none with this key".to_owned(),
                ..Reason::default()
            }),
        }
    }

    /// A request whose answer was lost may have taken effect, whatever was said to later ones.
    async fn find_out(&self, delivery: &Delivery, otherwise: Outcome) -> Outcome {
        match Box::pin(self.look_up(delivery)).await {
            LookupResult::Ours(id) => Outcome::Sent { id },
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter | LookupResult::Unseen(_) => otherwise,
        }
    }

    async fn look_up(&self, delivery: &Delivery) -> LookupResult {
        Lookup::from(delivery)
            .look_up(self.client, self.attempts, LOOKUPS)
            .await
    }
}

impl From<&LocalFile> for CheckedFile {
    fn from(file: &LocalFile) -> Self {
        Self {
            path: file.path.clone(),
            size: file.size,
            md5: file.md5.clone(),
        }
    }
}
