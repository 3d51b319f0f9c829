//! One letter from its first try to its end in the journal.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::adaptive_concurrency::Begun;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempted, Attempts, Unaccepted};
use super::delivery_end::DeliveryEnd;
use super::letters::Letter;
use super::lookup::{FoundLetter, Lookup, LookupResult};
use super::outcome::{by_status, collision, in_doubt, stopped};
use super::reconcile::may_still_arrive;
use super::run_end::Recovered;
use super::signals::RefusedResources;
use super::verdict::Verdict;
use super::{RunEnd, SendError};
use crate::altinn::{CheckedFile, Client, Enclosure, Initialized};
use crate::correspondence::{Recipient, form_fields};
use crate::journal::{
    Entry, Journal, JournalError, LetterEnd, Outcome, Reason, State, StateBefore,
};
use crate::plan::{Delivery, LocalFile};

/// Repetitions of a look-up that finds nothing.
const LOOKUPS: u32 = 4;

/// Codes for attachments that Altinn no longer has: they have to be uploaded again.
const LOST_ATTACHMENTS: [u32; 4] = [1007, 1017, 1018, EXPIRES_SOON];
const EXPIRES_SOON: u32 = 1055;

/// Sends letters one by one; several at a time may be under way.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) attempts: &'a Attempts<'a>,
    pub(super) uploads: &'a Uploads<'a>,
    pub(super) refused: &'a RefusedResources,
}

impl Sender<'_> {
    /// Sends a letter whose block is open; its end is durable before it is reported. Nothing when it has not left, because the run is stopped or its resource refused:
    /// then it stands where it stood.
    pub(super) async fn deliver(
        &self,
        letter: Letter,
        begun: Begun<'_>,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        if self.refused.holds(letter.delivery.resource()) {
            return Ok(None);
        }
        let mut ids = Vec::new();
        let end = match self.upload(&letter.delivery).await {
            Ok(uploaded) => {
                ids = uploaded;
                self.send(&letter, &mut ids).await?
            }
            Err(end) => self.without_files(&letter, end, None)?,
        };
        // Another letter begins while this end is written down.
        drop(begun);
        match end {
            Some(end) => self.finish(&letter, &ids, end).await.map(Some),
            None => Ok(None),
        }
    }

    /// Writes down that a letter was at Altinn all the time: nothing of it has left in this run.
    pub(super) async fn record_found(
        &self,
        letter: &Letter,
        found: &FoundLetter,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        let end = recover(letter, found);
        self.finish(letter, &[], end).await.map(Some)
    }

    /// A letter by its key; what is not found is asked again, `times` in all.
    pub(super) async fn look_up(&self, delivery: &Delivery, times: u32) -> LookupResult {
        let lookup = Lookup::from(delivery);
        lookup.look_up(self.client, self.attempts, times).await
    }

    /// Writes down how a letter ended. An id that another row has is found out here: one of the two answers was not its own letter's.
    async fn finish(
        &self,
        letter: &Letter,
        ids: &[Uuid],
        mut end: DeliveryEnd,
    ) -> Result<DeliveryEnd, SendError> {
        let delivery = &*letter.delivery;
        let mut unsettled = Vec::new();
        let mut asked_again = false;
        end.state = loop {
            let entry = LetterEnd {
                outcome: end.outcome.clone(),
                attempts: end.requests,
                at: Timestamp::now(),
                lost_at: end.lost_at,
            };
            let recorded = self.journal.record(delivery.key, Entry::Ended(entry)).await;
            let other = match recorded {
                Ok(state) => break state,
                Err(JournalError::IdTaken { other, .. }) => other,
                Err(error) => return Err(error.into()),
            };
            if end.by_key {
                // The other row has it from an answer that was not its own.
                self.journal.record(other, Entry::Disputed).await?;
                if let Some(record) = self.journal.line(other)? {
                    unsettled.push(Lookup::on_record(delivery.resource(), record));
                }
            } else if asked_again {
                end.outcome = Outcome::Unknown(because(
                    "Altinn's answers name a letter that is another row's",
                ));
                end.lost_at = Some(Timestamp::now());
            } else {
                // The same key once more tells: it is sent now, or it is found by its key.
                asked_again = true;
                let lost_at = Some(Timestamp::now());
                let mut again = Box::pin(self.exchange(letter, ids)).await?;
                again.requests += end.requests;
                again.lost_at = again.lost_at.or(lost_at);
                end = Box::pin(self.judge(letter, again)).await;
            }
        };
        if matches!(end.outcome, Outcome::Unknown(_)) {
            unsettled.push(delivery.into());
        }
        Ok(DeliveryEnd { unsettled, ..end })
    }

    async fn upload(&self, delivery: &Delivery) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::new();
        for file in delivery.uploads() {
            ids.push(Box::pin(self.uploads.id(delivery.resource(), file)).await?);
        }
        Ok(ids)
    }

    /// The end of a letter whose files did not get there, after what was tried without them.
    fn without_files(
        &self,
        letter: &Letter,
        end: UploadEnd,
        tried: Option<&Attempted<Initialized>>,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        let unaccepted = match end {
            UploadEnd::Not(unaccepted) => *unaccepted,
            UploadEnd::Journal(error) => return Err(error),
        };
        if matches!(unaccepted, Unaccepted::NotStarted) {
            return Ok(None);
        }
        let lost_at = tried.and_then(|tried| tried.lost_at);
        let end = self.unaccepted(&letter.delivery, unaccepted);
        Ok(Some(DeliveryEnd {
            outcome: in_doubt(end.outcome, is_doubtful(letter.before) || lost_at.is_some()),
            requests: tried.map_or(0, |tried| tried.requests),
            lost_at,
            ..end
        }))
    }

    /// Sends a letter with the files that were uploaded for it; once more with others, when Altinn will not have these any more. Nothing when the run is stopped
    /// before it has left.
    async fn send(
        &self,
        letter: &Letter,
        ids: &mut Vec<Uuid>,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        let delivery = &*letter.delivery;
        let mut attempted = self.exchange(letter, ids).await?;
        if matches!(attempted.result, Err(Unaccepted::NotStarted)) {
            return Ok(None);
        }
        let dead = lost_attachments(delivery, ids, &attempted);
        if !dead.is_empty() {
            Box::pin(self.uploads.renew(&dead)).await?;
            match self.upload(delivery).await {
                Ok(others) => {
                    let mut again = Box::pin(self.exchange(letter, &others)).await?;
                    again.lost_at = again.lost_at.or(attempted.lost_at);
                    again.requests += attempted.requests;
                    // Else the refusal is what is known of the letter.
                    if !matches!(again.result, Err(Unaccepted::NotStarted)) {
                        (*ids, attempted) = (others, again);
                    }
                    // What is refused again is to be looked into; the next run begins anew.
                    let dead = lost_attachments(delivery, ids, &attempted);
                    self.uploads.renew(&dead).await?;
                }
                Err(end) => {
                    if let Some(end) = self.without_files(letter, end, Some(&attempted))? {
                        return Ok(Some(end));
                    }
                }
            }
        }
        let end = self.judge(letter, attempted).await;
        if end.outcome.id().is_some() {
            self.uploads.use_up(ids);
        }
        Ok(Some(end))
    }

    /// One letter, as JSON or as a form with its own files. A letter that loses the race for its key to itself may leave copies of its own files at Altinn: the
    /// answer does not name them, so that they cannot be deleted, and no letter has them.
    async fn exchange(
        &self,
        letter: &Letter,
        ids: &[Uuid],
    ) -> Result<Attempted<Initialized>, SendError> {
        let delivery = &*letter.delivery;
        if delivery.has_enclosures() {
            return Ok(Box::pin(self.exchange_form(letter, ids)).await);
        }
        let body = Bytes::from(delivery.body(ids)?);
        let send = async |token| self.client.initialize(&token, body.clone()).await;
        let fits = |answer: &Initialized| is_for(answer, &delivery.recipient);
        let may_leave = || self.may_leave(letter);
        Ok(self.attempts.settle_letter(may_leave, fits, send).await)
    }

    /// A letter with files of its own.
    async fn exchange_form(&self, letter: &Letter, ids: &[Uuid]) -> Attempted<Initialized> {
        let delivery = &*letter.delivery;
        let Some(fields) = form_fields(&delivery.request_with(ids)) else {
            let reason = because("a form cannot say what the letter says");
            return Attempted {
                result: Err(Unaccepted::NoFile(reason)),
                requests: 0,
                lost_at: None,
            };
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
        let fits = |answer: &Initialized| is_for(answer, &delivery.recipient);
        let may_leave = || self.may_leave(letter);
        self.attempts.settle_letter(may_leave, fits, send).await
    }

    /// True unless something was heard that stops the run, or the letter's resource, while it waited.
    fn may_leave(&self, letter: &Letter) -> bool {
        let may = self.attempts.may_begin() && !self.refused.holds(letter.delivery.resource());
        if may {
            letter.leave();
        }
        may
    }

    async fn judge(&self, letter: &Letter, attempted: Attempted<Initialized>) -> DeliveryEnd {
        let Attempted {
            result,
            requests,
            lost_at,
        } = attempted;
        let delivery = &*letter.delivery;
        let end = match result {
            Ok(Initialized { id, status, .. }) => {
                let outcome = by_status(id, &status, None, Outcome::Sent { id });
                DeliveryEnd::new(delivery, outcome)
            }
            Err(Unaccepted::Refused(_, Verdict::AlreadySent)) => {
                return DeliveryEnd {
                    requests,
                    ..self.already_sent(letter, lost_at.is_some()).await
                };
            }
            Err(unaccepted) => {
                // A final word that is not Altinn's own.
                let bare = matches!(&unaccepted, Unaccepted::Refused(refusal, _) if refusal.code.is_none());
                let end = self.unaccepted(delivery, unaccepted);
                let doubt = is_doubtful(letter.before) || lost_at.is_some();
                self.find_out(letter, end, (doubt, bare)).await
            }
        };
        DeliveryEnd {
            requests,
            lost_at,
            ..end
        }
    }

    /// What comes of a letter that was not accepted, when nothing is in doubt.
    fn unaccepted(&self, delivery: &Delivery, unaccepted: Unaccepted) -> DeliveryEnd {
        let failed = |reason| DeliveryEnd::new(delivery, Outcome::Failed(reason));
        match unaccepted {
            Unaccepted::Refused(refusal, verdict) => {
                let reason = Reason::from(refusal);
                match verdict {
                    Verdict::Reserved => DeliveryEnd::new(delivery, Outcome::Reserved(reason)),
                    Verdict::Stop if self.refused.close(delivery.resource(), &reason) => {
                        DeliveryEnd {
                            closes_resource: true,
                            ..failed(reason)
                        }
                    }
                    Verdict::Stop => {
                        self.attempts.close();
                        DeliveryEnd {
                            stops: Some(RunEnd::refused(&reason)),
                            ..failed(reason)
                        }
                    }
                    _ => DeliveryEnd::new(delivery, Outcome::Rejected(reason)),
                }
            }
            Unaccepted::NotStarted => failed(stopped()),
            Unaccepted::NoFile(reason) => failed(reason),
            Unaccepted::GaveUp { reason, network } => DeliveryEnd {
                network,
                ..failed(reason)
            },
            Unaccepted::Fatal(reason, stops) => {
                self.attempts.close();
                DeliveryEnd {
                    stops: Some(stops),
                    ..failed(reason)
                }
            }
        }
    }

    /// The key has been used: success, once the letter behind it has been seen to be ours.
    async fn already_sent(&self, letter: &Letter, lost: bool) -> DeliveryEnd {
        let unseen = |reason: Reason| {
            Outcome::Unknown(Reason {
                message: format!(
                    "Altinn has used the letter's key, but the letter cannot be seen: {}",
                    reason.message
                ),
                ..reason
            })
        };
        let outcome = match Box::pin(self.look_up(&letter.delivery, LOOKUPS)).await {
            // A try of this run whose answer was lost had succeeded.
            LookupResult::Ours(found) if lost => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Ours(found) => return recover(letter, &found),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::Unseen(reason) => unseen(reason),
            LookupResult::NoLetter => unseen(because("there is none with this key")),
        };
        DeliveryEnd::by_key(&letter.delivery, outcome)
    }

    /// A request whose answer was lost may have taken effect, or may still, whatever was said to later ones. And a final word that is not Altinn's own, because it
    /// has no code, says nothing of a letter that another run has sent.
    async fn find_out(
        &self,
        letter: &Letter,
        end: DeliveryEnd,
        (doubt, bare): (bool, bool),
    ) -> DeliveryEnd {
        let times = match (doubt, bare) {
            (true, _) => LOOKUPS,
            (false, true) => 1,
            (false, false) => return end,
        };
        let found = match Box::pin(self.look_up(&letter.delivery, times)).await {
            LookupResult::Ours(found) if !doubt => recover(letter, &found),
            LookupResult::Ours(found) => {
                let outcome = found.outcome(Outcome::Sent { id: found.id });
                DeliveryEnd::by_key(&letter.delivery, outcome)
            }
            LookupResult::Foreign(id) => DeliveryEnd::by_key(&letter.delivery, collision(id)),
            LookupResult::NoLetter => {
                let outcome = in_doubt(end.outcome, doubt);
                return DeliveryEnd { outcome, ..end };
            }
            LookupResult::Unseen(_) => {
                let outcome = match end.outcome {
                    // It would never be tried again.
                    Outcome::Rejected(reason) => Outcome::Unknown(reason),
                    outcome => in_doubt(outcome, doubt),
                };
                return DeliveryEnd { outcome, ..end };
            }
        };
        DeliveryEnd {
            stops: end.stops,
            closes_resource: end.closes_resource,
            network: end.network,
            ..found
        }
    }
}

/// A letter that an earlier request has sent, whether the journal knew of that or not.
fn recover(letter: &Letter, found: &FoundLetter) -> DeliveryEnd {
    let delivery = &*letter.delivery;
    let title = &delivery.request.correspondence.content.message_title;
    let other = found.title.as_ref().is_some_and(|other| other != title);
    let recovered = match letter.before.state {
        State::Pending if other => Some(Recovered::OtherTitle),
        State::Pending => Some(Recovered::SameTitle),
        _ => None,
    };
    let outcome = found.outcome(Outcome::AlreadySent { id: Some(found.id) });
    DeliveryEnd {
        recovered,
        ..DeliveryEnd::by_key(delivery, outcome)
    }
}

/// True when an earlier request may have taken effect, or may still.
fn is_doubtful(before: StateBefore) -> bool {
    before.state == State::Unknown && may_still_arrive(before.lost_at, Timestamp::now())
}

fn because(message: &str) -> Reason {
    Reason {
        message: message.to_owned(),
        ..Reason::default()
    }
}

/// True when an answer is about a letter to this recipient, however Altinn writes it.
fn is_for(letter: &Initialized, recipient: &Recipient) -> bool {
    let named = letter.recipient.as_ref();
    named.is_some_and(|named| Recipient::parse(named).is_ok_and(|named| named == *recipient))
}

/// The uploaded attachments of a letter that Altinn will not have any more, as far as its refusal tells.
fn lost_attachments(
    delivery: &Delivery,
    ids: &[Uuid],
    attempted: &Attempted<Initialized>,
) -> Vec<Uuid> {
    let code = match &attempted.result {
        Err(Unaccepted::Refused(refusal, _)) => refusal.code,
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

impl From<&LocalFile> for CheckedFile {
    fn from(file: &LocalFile) -> Self {
        Self {
            path: file.path.clone(),
            size: file.size,
            digest: file.digest.0,
        }
    }
}
