//! Files that several letters share: each is uploaded once for the whole mailing, reused by its content, and deleted when no letter comes to have it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::attempt::{Attempts, Unaccepted};
use super::signals::ServerContact;
use super::{Event, SendError, Stop};
use crate::altinn::{AttachmentOverview, AttachmentStatus, CheckedFile, Client};
use crate::journal::{Journal, JournalError, Reason, SharedAttachment, UploadState};
use crate::manifest;
use crate::plan::{Digest, PlannedFile};

/// Initialisations of a file before it is given up: an interrupted upload leaves an id that cannot be used again.
const ROUNDS: u32 = 3;
/// The first wait between two looks at a file that is being scanned; it doubles up to the manifest's.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// The uploads of one run.
pub(super) struct Uploads<'a> {
    client: &'a Client,
    journal: &'a Journal,
    attempts: &'a Attempts<'a>,
    settings: &'a manifest::Uploads,
    slots: Semaphore,
    cells: Mutex<Cells>,
    /// Attachments that letters of this run have.
    used: Mutex<HashSet<Uuid>>,
}

/// One upload for each resource and file, however many letters wait for it.
type Cells = HashMap<(String, Digest), Arc<OnceCell<Uuid>>>;

/// The reason a file cannot be attached.
#[derive(Debug)]
pub(super) enum UploadEnd {
    /// It did not get there, or the run was stopped first: nothing is lost by beginning again.
    Not(Box<Unaccepted>),
    /// The journal cannot be written.
    Journal(SendError),
}

/// Codes of an upload that failed, or whose state differs from ours: the next overview tells, or a new id is needed.
const WORTH_A_LOOK: [u32; 7] = [2001, 2002, 2003, 2005, 2006, 2008, 2009];
/// Codes of an attachment that no longer exists: unknown, purged, expired.
const GONE: [u32; 3] = [2001, 2006, 2018];

impl<'a> Uploads<'a> {
    pub(super) fn new(
        client: &'a Client,
        journal: &'a Journal,
        attempts: &'a Attempts<'a>,
        settings: &'a manifest::Uploads,
    ) -> Self {
        Self {
            client,
            journal,
            attempts,
            settings,
            slots: Semaphore::new(settings.parallel()),
            cells: Mutex::default(),
            used: Mutex::default(),
        }
    }

    /// The id of the published attachment for a file; uploads it when no letter before has. A stop ends it at once: no letter is on its way yet.
    pub(super) async fn id(
        &self,
        resource: &str,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let key = (resource.to_owned(), planned.identity);
        let cell = Arc::clone(self.cells().entry(key).or_default());
        let shared = shared(resource, planned);
        tokio::select! {
            biased;
            () = self.attempts.stop.wait() => Err(Unaccepted::NotStarted.into()),
            id = cell.get_or_try_init(|| self.obtain(shared, planned)) => id.copied(),
        }
    }

    /// True when all of these were uploaded by an earlier run, or there are none.
    pub(super) fn are_on_record(
        &self,
        resource: &str,
        files: &[Arc<PlannedFile>],
    ) -> Result<bool, SendError> {
        for file in files {
            if self.journal.attachment(&shared(resource, file))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Altinn will not have these any more: who asks for their files next uploads them anew. What another letter has renewed meanwhile stays.
    pub(super) async fn renew(&self, dead: &[Uuid]) -> Result<(), SendError> {
        self.cells()
            .retain(|_, cell| cell.get().is_none_or(|id| !dead.contains(id)));
        for id in dead {
            self.journal.forget_attachment(*id).await?;
        }
        Ok(())
    }

    /// A letter has been sent with these.
    pub(super) fn use_up(&self, ids: &[Uuid]) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.extend(ids);
    }

    /// Deletes what was made ready and no letter of this run has: the mailing may never go on, and an attachment without a letter never expires.
    pub(super) async fn give_up(&self) -> Result<(), SendError> {
        let mut unused: HashSet<Uuid> = self
            .cells()
            .values()
            .filter_map(|cell| cell.get().copied())
            .collect();
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        unused.retain(|id| !used.contains(id));
        for id in unused {
            self.discard(id).await?;
        }
        Ok(())
    }

    async fn obtain(
        &self,
        shared: SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let name = &planned.attachment.file_name;
        let notice = |reused| {
            let event = Event::Attachment { name, reused };
            self.attempts.observer.notice(&event);
        };
        if let Some((id, _)) = self.journal.attachment(&shared)? {
            if self.published(id).await?.is_ok() {
                notice(true);
                return Ok(id);
            }
            self.journal.forget_attachment(id).await?;
            self.discard(id).await?;
        }
        let mut last = Reason::default();
        for _ in 0..ROUNDS {
            match self.upload(&shared, planned).await? {
                Ok(id) => {
                    self.journal
                        .record_attachment(shared, id, UploadState::Published)
                        .await?;
                    notice(false);
                    return Ok(id);
                }
                Err(reason) => last = reason,
            }
        }
        Err(Unaccepted::NoFile(last).into())
    }

    /// One round: initialise, upload, wait until it is published. The inner error is why another id may fare better.
    async fn upload(
        &self,
        shared: &SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Result<Uuid, Reason>, UploadEnd> {
        // The semaphore is never closed.
        let slot = self.slots.acquire().await.ok();
        let initialized = self.attempts.settle(async |token| {
            self.client
                .initialize_attachment(&token, &shared.resource, &planned.attachment)
                .await
        });
        let id = initialized.await.result?;
        self.journal
            .record_attachment(shared.clone(), id, UploadState::Initialized)
            .await?;
        let content = CheckedFile::from(&*planned.file);
        let uploaded = self
            .attempts
            .settle(async |token| self.client.upload(&token, id, &content).await)
            .await;
        drop(slot);
        let is_scanned_next = match uploaded.result {
            Ok(overview) if overview.status == AttachmentStatus::Published => {
                return Ok(Ok(id));
            }
            Ok(_) => true,
            Err(Unaccepted::GaveUp { .. } | Unaccepted::NotStarted) => false,
            Err(Unaccepted::Refused(refusal, _)) if is_worth_a_look(refusal.code) => false,
            Err(end) => {
                self.discard(id).await?;
                return Err(end.into());
            }
        };
        let Err(why) = self.published(id).await? else {
            return Ok(Ok(id));
        };
        let reason = Reason {
            message: format!("{} was not published: {why}", planned.attachment.file_name),
            ..Reason::default()
        };
        self.discard(id).await?;
        if is_scanned_next {
            // It got there whole, and what is wrong with it stays wrong.
            return Err(Unaccepted::NoFile(reason).into());
        }
        Ok(Err(reason))
    }

    /// Waits until an attachment is published; the inner error is why it never will be.
    async fn published(&self, id: Uuid) -> Result<Result<(), String>, UploadEnd> {
        let began = Instant::now();
        let limit = self.settings.scan_limit.duration();
        let slowest = self.settings.poll_interval.duration();
        let mut wait = FIRST_POLL.min(slowest);
        loop {
            let looked = self
                .attempts
                .settle(async |token| self.client.attachment(&token, id).await)
                .await;
            let overview = match looked.result {
                Err(Unaccepted::Refused(refusal, _)) if refusal.status == 404 => {
                    return Ok(Err(refusal.message));
                }
                end => end?,
            };
            match overview.status {
                AttachmentStatus::Published => return Ok(Ok(())),
                AttachmentStatus::Initialized => return Ok(Err(told(overview))),
                _ if overview.status.is_lost() => return Ok(Err(told(overview))),
                // Being scanned, or something new to us that may pass.
                _ if began.elapsed() < limit => {}
                _ => return Ok(Err(format!("after {limit:?}: {}", told(overview)))),
            }
            sleep(wait).await;
            wait = (wait * 2).min(slowest);
        }
    }

    /// Deletes an attachment that no letter is to have; Altinn itself refuses when one has it. What cannot be deleted now is left: nothing hangs on it.
    async fn discard(&self, id: Uuid) -> Result<(), JournalError> {
        // Also in a run that is being stopped.
        let calm = Stop::default();
        let attempts = Attempts {
            stop: &calm,
            contact: ServerContact::default(),
            ..*self.attempts
        };
        let deleted = attempts
            .look_up(async |token| self.client.delete_attachment(&token, id).await)
            .await;
        match deleted {
            Ok(()) => {}
            Err(Unaccepted::Refused(refusal, _))
                if refusal.code.is_some_and(|code| GONE.contains(&code)) => {}
            end => {
                tracing::debug!(%id, ?end, "an attachment is left where it is");
                return Ok(());
            }
        }
        self.journal.forget_attachment(id).await
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<JournalError> for UploadEnd {
    fn from(error: JournalError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<Unaccepted> for UploadEnd {
    fn from(unaccepted: Unaccepted) -> Self {
        Self::Not(Box::new(unaccepted))
    }
}

/// The identity of an upload.
fn shared(resource: &str, planned: &PlannedFile) -> SharedAttachment {
    SharedAttachment {
        digest: planned.identity.0,
        resource: resource.to_owned(),
        file_name: planned.attachment.file_name.clone(),
        senders_reference: planned.attachment.senders_reference.clone(),
    }
}

fn is_worth_a_look(code: Option<u32>) -> bool {
    code.is_some_and(|code| WORTH_A_LOOK.contains(&code))
}

/// Altinn's own words for how far an attachment has come.
fn told(overview: AttachmentOverview) -> String {
    let name = format!("{:?}", overview.status);
    match overview.status_text {
        Some(text) if text != name => format!("{name} ({text})"),
        _ => name,
    }
}
