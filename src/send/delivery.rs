//! One letter, from its first try to its outcome in the journal.

use jiff::Timestamp;
use uuid::Uuid;

use super::adaptive_concurrency::Slot;
use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempted, Session, Unaccepted};
use super::letters::Letter;
use super::lookup::{FoundLetter, Lookup, LookupResult, by_status, collision};
use super::reconcile::may_still_arrive;
use super::signals::RefusedResources;
use super::verdict::Verdict;
use super::{RunEnd, SendError};
use crate::altinn::{CheckedFile, Enclosure, Initialized};
use crate::correspondence::{Recipient, form_fields};
use crate::journal::{Entry, JournalError, LetterEnd, Outcome, Reason, State, StateBefore};
use crate::plan::{Delivery, LocalFile};

/// Number of look-ups that find no letter before that is believed.
const LOOKUPS: u32 = 4;

/// Altinn's codes for attachments that it no longer has. They must be uploaded again.
const LOST_ATTACHMENTS: [u32; 4] = [1007, 1017, 1018, EXPIRES_SOON];
const EXPIRES_SOON: u32 = 1055;

/// Sends letters, any number of them concurrently.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) session: Session<'a>,
    pub(super) uploads: &'a Uploads<'a>,
    pub(super) refused: &'a RefusedResources,
}

/// The end of a letter, and its consequence for the others.
#[derive(Debug)]
pub(super) struct DeliveryEnd {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) outcome: Outcome,
    /// Number of requests in this run.
    requests: u32,
    /// Time of the last request without an answer.
    lost_at: Option<Timestamp>,
    pub(super) consequence: Consequence,
    /// True when the correspondence was found by the letter's key, so that it certainly belongs to this letter.
    by_key: bool,
    /// Set when Altinn had the letter and the journal did not, so that its text could not be compared: true when its title differs from the present one, as far as Altinn tells.
    pub(super) recovered: Option<bool>,
    /// Letters to look up after the others: this one when unknown, and one that had this one's correspondence.
    pub(super) unsettled: Vec<Lookup>,
}

/// The consequence of a letter's end for the other letters.
#[derive(Debug)]
pub(super) enum Consequence {
    None,
    /// The last try got no connection.
    NoNetwork,
    /// Altinn refuses all letters of the resource, and the mailing has other resources.
    ClosesResource,
    /// Every other letter would end the same way.
    Stops(RunEnd),
}

impl From<Outcome> for DeliveryEnd {
    /// Without its row, which is known when the end is recorded.
    fn from(outcome: Outcome) -> Self {
        Self {
            row: 0,
            line: 0,
            outcome,
            requests: 0,
            lost_at: None,
            consequence: Consequence::None,
            by_key: false,
            recovered: None,
            unsettled: Vec::new(),
        }
    }
}

impl Sender<'_> {
    /// Sends a letter of an open block. Its outcome is in the journal when this returns. `None` when nothing was sent, because the run is stopped or the letter's resource
    /// closed: the row then keeps its state.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written. The letter may have been sent.
    pub(super) async fn deliver(
        &self,
        letter: Letter,
        begun: Slot<'_>,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        // The resource may have been closed after the block was opened.
        if self.refused.holds(letter.delivery.resource()) {
            return Ok(None);
        }
        let mut ids = Vec::new();
        let end = match self.upload(&letter.delivery).await {
            Ok(uploaded) => {
                ids = uploaded;
                self.send(&letter, &mut ids).await?
            }
            Err(end) => self.end_without_files(&letter, end, None)?,
        };
        // Another letter may begin while the outcome is written.
        drop(begun);
        match end {
            Some(end) => self.finish(&letter, &ids, end).await.map(Some),
            None => Ok(None),
        }
    }

    /// Records a letter that Altinn already had. No request for it was sent in this run.
    pub(super) async fn record_found(
        &self,
        letter: &Letter,
        found: &FoundLetter,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        let end = recover(letter, found);
        self.finish(letter, &[], end).await.map(Some)
    }

    /// Records a letter's outcome. When the journal has the correspondence for a different row, one of the two got the answer to the other's request; Altinn is asked which.
    async fn finish(
        &self,
        letter: &Letter,
        ids: &[Uuid],
        mut end: DeliveryEnd,
    ) -> Result<DeliveryEnd, SendError> {
        let (delivery, journal) = (&*letter.delivery, self.session.journal);
        // Usually ends in the first round; the others resolve a correspondence that two rows claim.
        let mut unsettled = Vec::new();
        let mut asked_again = false;
        loop {
            let entry = LetterEnd {
                outcome: end.outcome.clone(),
                attempts: end.requests,
                at: Timestamp::now(),
                lost_at: end.lost_at,
            };
            let recorded = journal.record(delivery.key, Entry::Ended(entry));
            let other = match recorded.await {
                Ok(_) => break,
                Err(JournalError::IdTaken { other, .. }) => other,
                Err(error) => return Err(error.into()),
            };
            if end.by_key {
                // Found by its key, the correspondence is this letter's. The other row becomes unknown, and is looked up after the run.
                journal.record(other, Entry::Disputed).await?;
                if let Some(record) = journal.line(other)? {
                    unsettled.push(Lookup::on_record(delivery.resource(), &record));
                }
            } else if asked_again {
                end.outcome = Outcome::Unknown(Reason::because(
                    "Altinn's answers name a letter that is another row's",
                ));
                end.lost_at = Some(Timestamp::now());
            } else {
                // The request once more: either Altinn did not have the letter and takes it now, or it answers that the key is used and the letter is found by it.
                asked_again = true;
                let lost_at = Some(Timestamp::now());
                let mut again = Box::pin(self.exchange(letter, ids)).await?;
                again.requests += end.requests;
                again.lost_at = again.lost_at.or(lost_at);
                end = Box::pin(self.conclude(letter, again)).await;
            }
        }
        // Looked up once more after all other letters, when more time has passed.
        if matches!(end.outcome, Outcome::Unknown(_)) {
            unsettled.push(delivery.into());
        }
        Ok(DeliveryEnd {
            row: delivery.row,
            line: delivery.line,
            unsettled,
            ..end
        })
    }

    /// Uploads a letter's shared files, unless that is done. The ids are in the order of the files.
    async fn upload(&self, delivery: &Delivery) -> Result<Vec<Uuid>, UploadEnd> {
        let mut ids = Vec::new();
        // One after the other: letters run concurrently, and shared files are usually uploaded already.
        for file in delivery.uploads() {
            ids.push(Box::pin(self.uploads.id(delivery.resource(), file)).await?);
        }
        Ok(ids)
    }

    /// The end of a letter whose files could not be uploaded. `tried` is an earlier exchange of the letter with other uploads.
    fn end_without_files(
        &self,
        letter: &Letter,
        end: UploadEnd,
        tried: Option<&Attempted<Initialized>>,
    ) -> Result<Option<DeliveryEnd>, SendError> {
        let unaccepted = match end {
            UploadEnd::Unaccepted(unaccepted) => *unaccepted,
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

    /// Sends a letter with its uploaded files; once more with new uploads, when Altinn no longer has these. `None` when the run is stopped before the first request.
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
        // Recorded uploads of an earlier run may have expired or been purged since.
        let dead = lost_attachments(delivery, ids, &attempted);
        if !dead.is_empty() {
            Box::pin(self.uploads.forget(&dead)).await?;
            match self.upload(delivery).await {
                Ok(others) => {
                    let mut again = Box::pin(self.exchange(letter, &others)).await?;
                    // A lost request of the first exchange may still take effect.
                    again.lost_at = again.lost_at.or(attempted.lost_at);
                    again.requests += attempted.requests;
                    // When the run was stopped in between, the first exchange's refusal stands.
                    if !matches!(again.result, Err(Unaccepted::NotStarted)) {
                        (*ids, attempted) = (others, again);
                    }
                    // New uploads were refused too: no third exchange, but the next run uploads once more.
                    let dead = lost_attachments(delivery, ids, &attempted);
                    self.uploads.forget(&dead).await?;
                }
                Err(end) => {
                    if let Some(end) = self.end_without_files(letter, end, Some(&attempted))? {
                        return Ok(Some(end));
                    }
                }
            }
        }
        let end = self.conclude(letter, attempted).await;
        if end.outcome.id().is_some() {
            self.uploads.mark_used(ids);
        }
        Ok(Some(end))
    }

    /// Sends one letter, as JSON or as a form with its own files. When two requests of the same letter race at Altinn, the losing form may leave copies of its files there:
    /// the refusal does not name them, so they cannot be deleted.
    async fn exchange(
        &self,
        letter: &Letter,
        ids: &[Uuid],
    ) -> Result<Attempted<Initialized>, SendError> {
        let delivery = &*letter.delivery;
        let attempts = self.session.attempts;
        let client = self.session.client;
        let fits = |answer: &Initialized| is_for(answer, &delivery.recipient);
        let may_leave = || self.may_leave(letter);
        if !delivery.has_enclosures() {
            // Every try sends these bytes: a key must never come with a second content.
            let body = delivery.body(ids)?;
            let send = async |token| client.initialize(&token, body.clone()).await;
            return Ok(attempts.settle_letter(may_leave, fits, send).await);
        }
        let Some(fields) = form_fields(&delivery.request_with(ids)) else {
            let reason = Reason::because("a form cannot say what the letter says");
            return Ok(Attempted {
                result: Err(Unaccepted::NoFile(reason)),
                requests: 0,
                lost_at: None,
            });
        };
        let files = delivery.enclosures().map(|file| Enclosure {
            file_name: file.attachment.file_name.clone(),
            content: CheckedFile::from(&*file.file),
        });
        let files: Vec<_> = files.collect();
        let send = async |token| client.initialize_with_files(&token, &fields, &files).await;
        // Boxed, so that letters without files do not carry this future.
        let settled = Box::pin(attempts.settle_letter(may_leave, fits, send));
        Ok(settled.await)
    }

    /// True unless an answer to another letter has stopped the run or closed the letter's resource meanwhile. Called directly before the first request.
    fn may_leave(&self, letter: &Letter) -> bool {
        let may =
            self.session.attempts.may_begin() && !self.refused.holds(letter.delivery.resource());
        if may {
            letter.depart();
        }
        may
    }

    /// The end of a letter after all its attempts, with a look-up where the answer does not decide.
    async fn conclude(&self, letter: &Letter, attempted: Attempted<Initialized>) -> DeliveryEnd {
        let (requests, lost_at) = (attempted.requests, attempted.lost_at);
        let end = match attempted.result {
            Ok(Initialized { id, status, .. }) => {
                // Altinn may accept a letter and answer at once that it will not deliver it.
                by_status(id, &status, None, Outcome::Sent { id }).into()
            }
            Err(Unaccepted::Refused(_, Verdict::AlreadySent)) => {
                self.already_sent(letter, lost_at.is_some()).await
            }
            Err(unaccepted) => {
                // A refusal without Altinn's code, as from a gateway.
                let bare = matches!(&unaccepted, Unaccepted::Refused(refusal, _) if refusal.code.is_none());
                let end = self.unaccepted(&letter.delivery, unaccepted);
                let doubt = is_doubtful(letter.before) || lost_at.is_some();
                self.check_refusal(letter, end, (doubt, bare)).await
            }
        };
        DeliveryEnd {
            requests,
            lost_at,
            ..end
        }
    }

    /// The end of a letter that was not accepted, when no lost request is in doubt. Closes the resource, or lets no more letters begin, when the refusal concerns them all.
    fn unaccepted(&self, delivery: &Delivery, unaccepted: Unaccepted) -> DeliveryEnd {
        let failed = |reason, consequence| DeliveryEnd {
            consequence,
            ..Outcome::Failed(reason).into()
        };
        let stopping = |reason, ending| {
            // Before the outcome is durable: other letters must not begin meanwhile.
            self.session.attempts.close();
            failed(reason, Consequence::Stops(ending))
        };
        match unaccepted {
            Unaccepted::Refused(refusal, verdict) => {
                let reason = Reason::from(refusal);
                match verdict {
                    Verdict::Reserved => Outcome::Reserved(reason).into(),
                    // Not Altinn's refusal, so not final.
                    Verdict::RefreshToken => failed(reason, Consequence::None),
                    // In a mailing with several resources only this one is closed.
                    Verdict::Stop if self.refused.close(delivery.resource(), &reason) => {
                        failed(reason, Consequence::ClosesResource)
                    }
                    Verdict::Stop => {
                        let why =
                            format!("Altinn refuses what all letters have in common: {reason}");
                        stopping(reason, RunEnd::Stopped(why))
                    }
                    _ => Outcome::Rejected(reason).into(),
                }
            }
            Unaccepted::Fatal(reason, ending) => stopping(reason, ending),
            Unaccepted::GaveUp {
                reason,
                network: true,
            } => failed(reason, Consequence::NoNetwork),
            unaccepted => failed(unaccepted.into_reason(), Consequence::None),
        }
    }

    /// The end of a letter whose key has been used. A success only when the letter with the key is this one. `lost` is true when a request of this run got no answer.
    async fn already_sent(&self, letter: &Letter, lost: bool) -> DeliveryEnd {
        let reason = match self.find(letter, LOOKUPS, lost).await {
            Ok(end) => return end,
            Err(None) => Reason::because("there is none with this key"),
            Err(Some(reason)) => reason,
        };
        let message = format!(
            "Altinn has used the letter's key, but the letter cannot be seen: {}",
            reason.message
        );
        Outcome::Unknown(Reason { message, ..reason }).into()
    }

    /// Looks a refused letter up when the refusal does not prove that it was not sent: a lost request (`doubt`) may have taken effect or may still, whatever the later ones
    /// were answered; and a refusal without a code (`bare`) is not Altinn's, so an earlier run may have sent the letter.
    async fn check_refusal(
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
        // A person who interrupts the run does not wait for more answers: the next run looks the letter up.
        let found = if self.session.attempts.stop.is_set() {
            Err(Some(Reason::because("the run was stopped")))
        } else {
            self.find(letter, times, doubt).await
        };
        match found {
            // The letter was sent, but the refusal's consequence for the other letters remains.
            Ok(found) => DeliveryEnd {
                consequence: end.consequence,
                ..found
            },
            Err(unseen) => {
                let outcome = match end.outcome {
                    // A rejected row is not tried again, so it must not rest on a refusal that could not be checked.
                    Outcome::Rejected(reason) if unseen.is_some() => Outcome::Unknown(reason),
                    outcome => in_doubt(outcome, doubt),
                };
                DeliveryEnd { outcome, ..end }
            }
        }
    }

    /// The end of a letter that is looked up by its key. `lost` is true when a request whose answer was lost can have sent it. The error is the reason why the letter cannot be
    /// seen, or `None` when there is none.
    async fn find(
        &self,
        letter: &Letter,
        times: u32,
        lost: bool,
    ) -> Result<DeliveryEnd, Option<Reason>> {
        let lookup = Lookup::from(&*letter.delivery);
        let outcome = match Box::pin(lookup.look_up(self.session, times)).await {
            LookupResult::Ours(found) if lost => found.outcome(Outcome::Sent { id: found.id }),
            LookupResult::Ours(found) => return Ok(recover(letter, &found)),
            LookupResult::Foreign(id) => collision(id),
            LookupResult::NoLetter => return Err(None),
            LookupResult::Unseen(reason) => return Err(Some(reason)),
        };
        Ok(DeliveryEnd {
            by_key: true,
            ..outcome.into()
        })
    }
}

/// The end of a letter that an earlier run has sent, also when the journal had lost that.
fn recover(letter: &Letter, found: &FoundLetter) -> DeliveryEnd {
    // Altinn returns the title, but not the body.
    let title = &letter.delivery.request.correspondence.content.message_title;
    let other = found.title.as_ref().is_some_and(|other| other != title);
    let outcome = found.outcome(Outcome::AlreadySent { id: Some(found.id) });
    DeliveryEnd {
        recovered: (letter.before.state == State::Pending).then_some(other),
        by_key: true,
        ..outcome.into()
    }
}

/// Makes a refusal `unknown` while a lost request (`doubt`) may still take effect: Altinn checks the key before anything else, but knows only keys of letters already stored.
fn in_doubt(outcome: Outcome, doubt: bool) -> Outcome {
    match outcome {
        Outcome::Failed(reason) | Outcome::Rejected(reason) | Outcome::Reserved(reason)
            if doubt =>
        {
            Outcome::Unknown(reason)
        }
        outcome => outcome,
    }
}

/// True when a request of an earlier run may still take effect.
fn is_doubtful(before: StateBefore) -> bool {
    before.state == State::Unknown && may_still_arrive(before.lost_at, Timestamp::now())
}

/// True when an answer names this recipient, in any of Altinn's notations.
fn is_for(letter: &Initialized, recipient: &Recipient) -> bool {
    let named = letter.recipient.as_ref();
    // An answer without a recipient does not fit: it cannot be told from another letter's.
    named.is_some_and(|named| Recipient::parse(named).is_ok_and(|named| named == *recipient))
}

/// The uploaded attachments that Altinn has refused in a letter. The refusal does not name them: all, or those with an expiry when that is the reason.
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
        // Files without an expiry cannot be the cause.
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
