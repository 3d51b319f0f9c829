//! One letter from its first try to its end in the journal.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::SendError;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempted, Attempts, Unaccepted};
use super::delivery_end::{DeliveryEnd, Recovered, StepResult};
use super::lookup::{FoundLetter, Lookup, LookupResult};
use super::outcome::{Fatal, Judged, by_status, collision, in_doubt, refused, stopped};
use super::rate_limiter::Departure;
use super::reconcile::may_still_arrive;
use super::signals::RefusedResources;
use super::verdict::Verdict;
use crate::altinn::{CheckedFile, Client, Enclosure, Initialized};
use crate::correspondence::{Recipient, form_fields};
use crate::journal::{Entry, Journal, JournalError, LetterEnd, Outcome, Reason, Start, State};
use crate::plan::{Delivery, LocalFile};
use crate::secret::redact;

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

/// The state of a letter's row before this run.
#[derive(Debug, Clone, Copy)]
struct Before {
    state: State,
    /// An earlier request may have taken effect, or may still.
    doubt: bool,
}

/// The outcome of a letter before it is written down.
struct Judgement {
    outcome: Outcome,
    fatal: Option<Fatal>,
    requests: u32,
    lost_at: Option<Timestamp>,
    network: bool,
    recovered: Option<Recovered>,
    /// True when the correspondence was found by the letter's key: no answer can have been another letter's.
    by_key: bool,
}

impl Judgement {
    fn new((outcome, fatal): Judged) -> Self {
        Self {
            outcome,
            fatal,
            requests: 0,
            lost_at: None,
            network: false,
            recovered: None,
            by_key: false,
        }
    }
}

impl Sender<'_> {
    /// Sends one letter. The start is durable before a request leaves, the end before it is reported. When the run is stopped, or the
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
        let judgement = match files {
            Ok((mut ids, seat, turn)) => {
                let left = self.leave(delivery, &mut ids, turn, before).await?;
                // Another letter takes the slot while this end is written down.
                drop(seat);
                match left {
                    Some(judgement) => return self.finish(delivery, &ids, before, judgement).await,
                    None => return self.hold_back(delivery, before).await,
                }
            }
            // The letter never left in this run: its files did not get there.
            Err((outcome, fatal)) => {
                let outcome = in_doubt(outcome, before.doubt);
                Judgement::new((outcome, self.close(delivery, fatal)))
            }
        };
        self.finish(delivery, &[], before, judgement).await
    }

    /// Writes down that a letter was at Altinn all the time: nothing of it has left in this run.
    pub(super) async fn record_found(
        &self,
        delivery: &Delivery,
        found: &FoundLetter,
    ) -> Result<StepResult, SendError> {
        let before = self.record_start(delivery).await?;
        let judgement = Self::recover(delivery, found, before);
        self.finish(delivery, &[], before, judgement).await
    }

    /// The letter of a delivery by its key, asked once.
    pub(super) async fn find(&self, delivery: &Delivery) -> LookupResult {
        let lookup = Lookup::from(delivery);
        lookup.look_up(self.client, self.attempts, 1).await
    }

    /// Writes down how a letter ended. An id that another row has is found out here: one of the two answers was not its own letter's.
    async fn finish(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        before: Before,
        mut judgement: Judgement,
    ) -> Result<StepResult, SendError> {
        let mut unsettled = Vec::new();
        let mut asked_again = false;
        let state = loop {
            let end = LetterEnd {
                outcome: judgement.outcome.clone(),
                attempts: judgement.requests,
                at: Timestamp::now(),
                lost_at: judgement.lost_at,
            };
            let recorded = self.journal.record(delivery.key, Entry::Ended(end)).await;
            let other = match recorded {
                Ok(state) => break state,
                Err(JournalError::IdTaken { other, .. }) => other,
                Err(error) => return Err(error.into()),
            };
            if judgement.by_key {
                // The other row has it from an answer that was not its own.
                self.journal.record(other, Entry::Disputed).await?;
                if let Some(record) = self.journal.line(other)? {
                    unsettled.push(Lookup::on_record(delivery.resource(), record));
                }
            } else if asked_again {
                judgement.outcome = Outcome::Unknown(Reason {
                    message: "Altinn's answers name a letter that is another row's".to_owned(),
                    ..Reason::default()
                });
                judgement.lost_at = Some(Timestamp::now());
            } else {
                // The same key once more tells: it is sent now, or it is found by its key.
                asked_again = true;
                let lost_at = Some(Timestamp::now());
                let again = Box::pin(self.exchange(delivery, ids, None)).await?;
                let requests = judgement.requests + again.requests;
                let again = Attempted {
                    requests,
                    lost_at: again.lost_at.or(lost_at),
                    ..again
                };
                judgement = Box::pin(self.judge(delivery, again, before)).await;
            }
        };
        if matches!(judgement.outcome, Outcome::Unknown(_)) {
            unsettled.push(delivery.into());
        }
        Ok(StepResult::Ended(Box::new(DeliveryEnd {
            row: delivery.row,
            line: delivery.line,
            state,
            outcome: judgement.outcome,
            fatal: judgement.fatal,
            unsettled,
            network: judgement.network,
            recovered: judgement.recovered,
        })))
    }

    /// Asks once more for a letter whose end is not known, and gives the state it has then; an error is why Altinn cannot be asked.
    pub(super) async fn settle(
        &self,
        lookup: &Lookup,
    ) -> Result<Result<Option<State>, Reason>, SendError> {
        let outcome = match lookup.look_up(self.client, self.attempts, 1).await {
            LookupResult::Ours(found) => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter => return Ok(Ok(None)),
            LookupResult::Unseen(reason) => return Ok(Err(reason)),
        };
        let end = LetterEnd {
            outcome,
            attempts: 0,
            at: Timestamp::now(),
            lost_at: None,
        };
        let settled = self.journal.record(lookup.key, Entry::Settled(end));
        match settled.await {
            Ok(state) => Ok(Ok(Some(state))),
            // The next run finds out which of the two rows it is.
            Err(JournalError::IdTaken { .. }) => Ok(Ok(None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends it when there is a place in flight; nothing when it has not left.
    async fn leave(
        &self,
        delivery: &Delivery,
        ids: &mut Vec<Uuid>,
        turn: Departure<'_>,
        before: Before,
    ) -> Result<Option<Judgement>, SendError> {
        match self.attempts.enter(turn).await {
            Some(turn) if !self.refused.holds(delivery.resource()) => {
                self.send(delivery, ids, turn, before).await
            }
            _ => Ok(None),
        }
    }

    /// It has not left, and stands where it stood.
    async fn hold_back(
        &self,
        delivery: &Delivery,
        before: Before,
    ) -> Result<StepResult, SendError> {
        let entry = Entry::NotLeft(before.state);
        self.journal.record(delivery.key, entry).await?;
        Ok(if self.refused.holds(delivery.resource()) {
            StepResult::NoLetter
        } else {
            StepResult::NotStarted
        })
    }

    async fn record_start(&self, delivery: &Delivery) -> Result<Before, SendError> {
        let start = Start {
            row: delivery.row,
            line: delivery.line,
            name: redact(&delivery.name).into_owned(),
            recipient: delivery.recipient.masked(),
            body: delivery.digest.0,
            at: Timestamp::now(),
        };
        let (state, lost_at) = self.journal.start(delivery.key, start).await?;
        let doubt = state == State::Unknown && may_still_arrive(lost_at, Timestamp::now());
        Ok(Before { state, doubt })
    }

    async fn upload(&self, delivery: &Delivery) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::new();
        for file in delivery.uploads() {
            ids.push(Box::pin(self.uploads.id(delivery.resource(), file)).await?);
        }
        Ok(ids)
    }

    /// Sends a letter with the files that were uploaded for it; once more with others, when Altinn will not have these any more. Nothing when the run is stopped
    /// before it has left.
    async fn send(
        &self,
        delivery: &Delivery,
        ids: &mut Vec<Uuid>,
        turn: Departure<'_>,
        before: Before,
    ) -> Result<Option<Judgement>, SendError> {
        let mut attempted = self.exchange(delivery, ids, Some(turn)).await?;
        if matches!(attempted.result, Err(Unaccepted::NotStarted)) {
            return Ok(None);
        }
        let dead = lost_attachments(delivery, ids, &attempted);
        if !dead.is_empty() {
            Box::pin(self.uploads.renew(&dead)).await?;
            match self.upload(delivery).await {
                Ok(others) => {
                    let mut again = Box::pin(self.exchange(delivery, &others, None)).await?;
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
                Err(UploadEnd::Not(judged)) => {
                    let (outcome, fatal) = *judged;
                    let doubt = before.doubt || attempted.lost_at.is_some();
                    return Ok(Some(Judgement {
                        requests: attempted.requests,
                        lost_at: attempted.lost_at,
                        ..Judgement::new((in_doubt(outcome, doubt), self.close(delivery, fatal)))
                    }));
                }
                Err(UploadEnd::Journal(error)) => return Err(error),
                Err(UploadEnd::Stopped) => {}
            }
        }
        let judgement = self.judge(delivery, attempted, before).await;
        if judgement.outcome.id().is_some() {
            self.uploads.use_up(ids);
        }
        Ok(Some(judgement))
    }

    /// One letter, as JSON or as a form with its own files. A letter that loses the race for its key to itself may leave copies of its own files at Altinn: the
    /// answer does not name them, so that they cannot be deleted, and no letter has them.
    async fn exchange(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        turn: Option<Departure<'_>>,
    ) -> Result<Attempted<Initialized>, SendError> {
        if !delivery.has_enclosures() {
            let body = Bytes::from(delivery.body(ids)?);
            let send = async |token| self.client.initialize(&token, body.clone()).await;
            let fits = |letter: &Initialized| is_for(letter, &delivery.recipient);
            return Ok(self.attempts.settle_from(turn, fits, send).await);
        }
        Box::pin(self.exchange_form(delivery, ids, turn)).await
    }

    /// A letter with files of its own.
    async fn exchange_form(
        &self,
        delivery: &Delivery,
        ids: &[Uuid],
        turn: Option<Departure<'_>>,
    ) -> Result<Attempted<Initialized>, SendError> {
        let Some(fields) = form_fields(&delivery.request_with(ids)) else {
            let message = "a form cannot say what the letter says".to_owned();
            return Ok(Attempted {
                result: Err(Unaccepted::NoFile(Reason {
                    message,
                    ..Reason::default()
                })),
                requests: 0,
                lost_at: None,
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
        let fits = |letter: &Initialized| is_for(letter, &delivery.recipient);
        Ok(self.attempts.settle_from(turn, fits, send).await)
    }

    async fn judge(
        &self,
        delivery: &Delivery,
        attempted: Attempted<Initialized>,
        before: Before,
    ) -> Judgement {
        let Attempted {
            result,
            requests,
            lost_at,
        } = attempted;
        let doubt = before.doubt || lost_at.is_some();
        let network = matches!(result, Err(Unaccepted::GaveUp { network: true, .. }));
        // A final word that is not Altinn's own.
        let bare =
            matches!(&result, Err(Unaccepted::Refused(refusal, _)) if refusal.code.is_none());
        let judged = match result {
            Ok(Initialized { id, status, .. }) => {
                let outcome = by_status(id, &status, None, Outcome::Sent { id });
                return Judgement {
                    requests,
                    lost_at,
                    ..Judgement::new((outcome, None))
                };
            }
            Err(Unaccepted::Refused(_, Verdict::AlreadySent)) => {
                let found = self.already_sent(delivery, lost_at.is_some(), before);
                return Judgement {
                    requests,
                    ..found.await
                };
            }
            Err(Unaccepted::Refused(refusal, verdict)) => refused(refusal, verdict),
            Err(Unaccepted::NotStarted) => (Outcome::Failed(stopped()), None),
            Err(Unaccepted::GaveUp { reason, .. } | Unaccepted::NoFile(reason)) => {
                (Outcome::Failed(reason), None)
            }
            Err(Unaccepted::Fatal(fatal)) => (Outcome::Failed(fatal.reason()), Some(fatal)),
        };
        let (outcome, fatal) = judged;
        let fatal = self.close(delivery, fatal);
        Judgement {
            fatal,
            requests,
            lost_at,
            network,
            ..self
                .find_out(delivery, outcome, (doubt, bare), before)
                .await
        }
    }

    /// Records a reason that stops the run, or a resource.
    fn close(&self, delivery: &Delivery, fatal: Option<Fatal>) -> Option<Fatal> {
        let fatal = self.refused.close(delivery.resource(), fatal?);
        if !matches!(fatal, Fatal::Resource) {
            self.attempts.close();
        }
        Some(fatal)
    }

    /// The key has been used: success, once the letter behind it has been seen to be ours.
    async fn already_sent(&self, delivery: &Delivery, lost: bool, before: Before) -> Judgement {
        let unseen = |reason: Reason| {
            Outcome::Unknown(Reason {
                message: format!(
                    "Altinn has used the letter's key, but the letter cannot be seen: {}",
                    reason.message
                ),
                ..reason
            })
        };
        let outcome = match Box::pin(self.look_up(delivery, LOOKUPS)).await {
            // A try of this run whose answer was lost had succeeded.
            LookupResult::Ours(found) if lost => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Ours(found) => return Self::recover(delivery, &found, before),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::Unseen(reason) => unseen(reason),
            LookupResult::NoLetter => unseen(Reason {
                message: "there is none with this key".to_owned(),
                ..Reason::default()
            }),
        };
        Judgement {
            by_key: true,
            ..Judgement::new((outcome, None))
        }
    }

    /// A letter that an earlier request has sent, whether the journal knew of that or not.
    fn recover(delivery: &Delivery, found: &FoundLetter, before: Before) -> Judgement {
        let id = Some(found.id);
        let title = &delivery.request.correspondence.content.message_title;
        let other = found.title.as_ref().is_some_and(|other| other != title);
        let recovered = match before.state {
            State::Pending if other => Some(Recovered::OtherTitle),
            State::Pending => Some(Recovered::SameTitle),
            _ => None,
        };
        Judgement {
            by_key: true,
            recovered,
            ..Judgement::new((found.outcome(Outcome::AlreadySent { id }), None))
        }
    }

    /// A request whose answer was lost may have taken effect, or may still, whatever was said to later ones. And a final word that is not Altinn's own, because it
    /// has no code, says nothing of a letter that another run has sent.
    async fn find_out(
        &self,
        delivery: &Delivery,
        otherwise: Outcome,
        (doubt, bare): (bool, bool),
        before: Before,
    ) -> Judgement {
        let times = match (doubt, bare) {
            (true, _) => LOOKUPS,
            (false, true) => 1,
            (false, false) => return Judgement::new((otherwise, None)),
        };
        let outcome = match Box::pin(self.look_up(delivery, times)).await {
            LookupResult::Ours(found) if !doubt => return Self::recover(delivery, &found, before),
            LookupResult::Ours(found) => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter => in_doubt(otherwise, doubt),
            LookupResult::Unseen(_) => match otherwise {
                // It would never be tried again.
                Outcome::Rejected(reason) => Outcome::Unknown(reason),
                otherwise => in_doubt(otherwise, doubt),
            },
        };
        Judgement {
            by_key: true,
            ..Judgement::new((outcome, None))
        }
    }

    async fn look_up(&self, delivery: &Delivery, times: u32) -> LookupResult {
        Lookup::from(delivery)
            .look_up(self.client, self.attempts, times)
            .await
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
            md5: file.md5.clone(),
        }
    }
}
