//! Files that several letters share: each is uploaded once per resource, reused by later runs, and deleted when the run gives up and no letter has it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::attempt::{Attempts, Session, Unaccepted};
use super::event::Wait;
use super::signals::ServerContact;
use super::{Event, SendError, Stop};
use crate::altinn::{AttachmentOverview, AttachmentStatus, CheckedFile};
use crate::journal::{JournalError, Reason, SharedAttachment};
use crate::plan::{Digest, PlannedFile};

/// The largest number of initialisations of a file. Each interrupted upload needs a new id.
const ROUNDS: u32 = 3;
/// The first wait between two status requests while Altinn scans a file. Doubles up to the interval in the manifest.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// The uploads of one run.
pub(super) struct Uploads<'a> {
    session: Session<'a>,
    /// Limits uploads in parallel, besides the rate limiter.
    slots: Semaphore,
    cells: RefCell<Cells>,
    /// Attachments of letters sent in this run.
    used: RefCell<HashSet<Uuid>>,
}

/// One upload per resource and file; several letters can wait for it.
type Cells = HashMap<(String, Digest), Rc<OnceCell<Uuid>>>;

/// The reason a file cannot be attached.
#[derive(Debug)]
pub(super) enum UploadEnd {
    /// The upload was not accepted, or the run was stopped first. The next run can repeat it.
    Unaccepted(Box<Unaccepted>),
    /// The upload cannot be recorded.
    Journal(SendError),
}

/// Altinn's codes of an upload that failed, or whose state differs from the expected one. A status request decides whether a new id is needed.
const RECHECKED_CODES: [u32; 7] = [2001, 2002, 2003, 2005, 2006, 2008, 2009];
/// Altinn's codes of an attachment that no longer exists: unknown, purged, expired.
const MISSING_CODES: [u32; 3] = [2001, 2006, 2018];

impl<'a> Uploads<'a> {
    pub(super) fn new(session: Session<'a>) -> Self {
        Self {
            session,
            slots: Semaphore::new(session.options.attachments.parallel.get()),
            cells: RefCell::default(),
            used: RefCell::default(),
        }
    }

    /// The id of the published attachment of a file. Uploads the file unless an earlier letter or run has. A stop ends the wait at once, since the letter has not been sent.
    pub(super) async fn id(
        &self,
        resource: &str,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let key = (resource.to_owned(), planned.identity);
        // Cloned, so that the map is not borrowed during the upload.
        let cell = Rc::clone(self.cells.borrow_mut().entry(key).or_default());
        let shared = shared(resource, planned);
        tokio::select! {
            biased;
            () = self.session.attempts.stop.wait() => Err(Unaccepted::NotStarted.into()),
            // One upload for all letters that wait; after an error the next letter tries again.
            id = cell.get_or_try_init(|| self.obtain(shared, planned)) => id.copied(),
        }
    }

    /// True when an earlier run has recorded the uploads of all these files.
    pub(super) fn are_on_record(
        &self,
        resource: &str,
        files: &[Arc<PlannedFile>],
    ) -> Result<bool, SendError> {
        for file in files {
            let recorded = self.session.journal.attachment(&shared(resource, file))?;
            if recorded.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets attachments that Altinn no longer has, so that the next letter uploads their files anew. An upload that another letter has renewed meanwhile stays.
    pub(super) async fn forget(&self, dead: &[Uuid]) -> Result<(), SendError> {
        self.cells
            .borrow_mut()
            .retain(|_, cell| cell.get().is_none_or(|id| !dead.contains(id)));
        for id in dead {
            self.session.journal.forget_attachment(*id).await?;
        }
        Ok(())
    }

    /// Records that a letter was sent with these attachments.
    pub(super) fn mark_used(&self, ids: &[Uuid]) {
        self.used.borrow_mut().extend(ids);
    }

    /// Deletes the attachments that no letter of this run has. The mailing may never continue, and Altinn keeps an attachment without a letter for ever.
    pub(super) async fn delete_unused(&self) -> Result<(), SendError> {
        let mut unused: HashSet<Uuid> = self
            .cells
            .borrow()
            .values()
            .filter_map(|cell| cell.get().copied())
            .collect();
        unused.retain(|id| !self.used.borrow().contains(id));
        for id in unused {
            self.discard(id).await?;
        }
        Ok(())
    }

    /// Finds the recorded upload of a file, or uploads it. The journal gets each step before the next one.
    async fn obtain(
        &self,
        shared: SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let (name, journal) = (&planned.attachment.file_name, self.session.journal);
        let notice = |reused| {
            let event = Event::Attachment { name, reused };
            self.session.attempts.observer.notice(&event);
        };
        if let Some(id) = journal.attachment(&shared)? {
            // Recorded does not mean usable: it may be half uploaded, expired or purged.
            if self.published(id, name).await?.is_ok() {
                notice(true);
                return Ok(id);
            }
            // Forgotten even if the deletion fails: an attachment that is not published by now cannot be used.
            journal.forget_attachment(id).await?;
            self.discard(id).await?;
        }
        let mut last = Reason::default();
        for _ in 0..ROUNDS {
            match self.upload(&shared, planned).await? {
                Ok(id) => {
                    journal.record_attachment(shared, id, true).await?;
                    notice(false);
                    return Ok(id);
                }
                Err(reason) => last = reason,
            }
        }
        Err(Unaccepted::NoFile(last).into())
    }

    /// One round: initialises an attachment, uploads the content, and waits until it is published. The inner error is the reason of a failure that a new id may avoid.
    async fn upload(
        &self,
        shared: &SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Result<Uuid, Reason>, UploadEnd> {
        let (client, attempts) = (self.session.client, self.session.attempts);
        let (resource, attachment) = (&shared.resource, &planned.attachment);
        // The semaphore is never closed.
        let slot = self.slots.acquire().await.ok();
        let initialize = async |token| {
            client
                .initialize_attachment(&token, resource, attachment)
                .await
        };
        let id = attempts.settle(initialize).await.result?;
        // Recorded before the content is sent: after a crash the next run finds the id and does not leave it behind at Altinn.
        let recorded = self
            .session
            .journal
            .record_attachment(shared.clone(), id, false);
        recorded.await?;
        let content = CheckedFile::from(&*planned.file);
        let upload = async |token| client.upload(&token, id, &content).await;
        let uploaded = attempts.settle(upload).await;
        // Scanning takes long and needs no slot.
        drop(slot);
        let is_scanned_next = match uploaded.result {
            Ok(overview) if overview.status == AttachmentStatus::Published => {
                return Ok(Ok(id));
            }
            Ok(_) => true,
            Err(Unaccepted::GaveUp { .. } | Unaccepted::NotStarted) => false,
            Err(Unaccepted::Refused(refusal, _)) if is_one_of(refusal.code, &RECHECKED_CODES) => {
                false
            }
            Err(end) => {
                self.discard(id).await?;
                return Err(end.into());
            }
        };
        let file_name = &attachment.file_name;
        let Err(why) = self.published(id, file_name).await? else {
            return Ok(Ok(id));
        };
        let reason = Reason::because(format!("{file_name} was not published: {why}"));
        self.discard(id).await?;
        if is_scanned_next {
            // Altinn received the whole file and rejects it; a new id would not help.
            return Err(Unaccepted::NoFile(reason).into());
        }
        Ok(Err(reason))
    }

    /// Waits until an attachment is published. The inner error is the reason why it never will be, or was not within the time limit.
    async fn published(&self, id: Uuid, name: &str) -> Result<Result<(), String>, UploadEnd> {
        let published = self.poll(id);
        let attempts = self.session.attempts;
        attempts.tell_long(Wait::Scan(name), published).await
    }

    async fn poll(&self, id: Uuid) -> Result<Result<(), String>, UploadEnd> {
        let began = Instant::now();
        let settings = &self.session.options.attachments;
        let limit = settings.scan_limit.duration();
        let slowest = settings.poll_interval.duration();
        let mut wait = FIRST_POLL.min(slowest);
        loop {
            let look = async |token| self.session.client.attachment(&token, id).await;
            let overview = match self.session.attempts.settle(look).await.result {
                // Altinn no longer has the attachment.
                Err(Unaccepted::Refused(refusal, _)) if refusal.status == 404 => {
                    return Ok(Err(refusal.message));
                }
                end => end?,
            };
            match overview.status {
                AttachmentStatus::Published => return Ok(Ok(())),
                // Altinn has no content: the upload was lost.
                AttachmentStatus::Initialized => return Ok(Err(status_text(overview))),
                _ if overview.status.is_lost() => return Ok(Err(status_text(overview))),
                // Being scanned, or in a state that this program does not know.
                _ if began.elapsed() < limit => {}
                _ => return Ok(Err(format!("after {limit:?}: {}", status_text(overview)))),
            }
            sleep(wait).await;
            wait = (wait * 2).min(slowest);
        }
    }

    /// Deletes an attachment that no letter has; Altinn refuses when one has it. A failure is only logged: nothing depends on the deletion.
    async fn discard(&self, id: Uuid) -> Result<(), JournalError> {
        // With a `Stop` of its own, since a run that is being stopped deletes its uploads too.
        let stop = Stop::default();
        let attempts = Attempts {
            stop: &stop,
            contact: ServerContact::default(),
            ..*self.session.attempts
        };
        let delete = async |token| self.session.client.delete_attachment(&token, id).await;
        match attempts.look_up(|()| true, delete).await {
            Err(Unaccepted::Refused(refusal, _)) if is_one_of(refusal.code, &MISSING_CODES) => {}
            Ok(()) => {}
            end => {
                tracing::debug!(%id, ?end, "an attachment is left where it is");
                return Ok(());
            }
        }
        self.session.journal.forget_attachment(id).await
    }
}

impl From<JournalError> for UploadEnd {
    fn from(error: JournalError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<Unaccepted> for UploadEnd {
    fn from(unaccepted: Unaccepted) -> Self {
        Self::Unaccepted(Box::new(unaccepted))
    }
}

/// The identity of an upload in the journal.
fn shared(resource: &str, planned: &PlannedFile) -> SharedAttachment {
    SharedAttachment {
        digest: planned.identity.0,
        resource: resource.to_owned(),
        file_name: planned.attachment.file_name.clone(),
        senders_reference: planned.attachment.senders_reference.clone(),
    }
}

fn is_one_of(code: Option<u32>, codes: &[u32]) -> bool {
    code.is_some_and(|code| codes.contains(&code))
}

/// Altinn's status of an attachment, with its text when that says more.
fn status_text(overview: AttachmentOverview) -> String {
    let name = format!("{:?}", overview.status);
    let status = match overview.status_text {
        Some(text) if text != name => format!("{name} ({text})"),
        _ => name,
    };
    match overview.status {
        AttachmentStatus::Failed => format!(
            "{status}: Altinn found malware in the file or could not process it; replace the file, then run the same command again"
        ),
        _ => status,
    }
}
