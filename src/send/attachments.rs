//! Files that follow letters: each is uploaded once for the whole mailing and reused by its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::attempt::{Attempts, End};
use super::delivery::{Fatal, Judged};
use super::verdict::Verdict;
use super::{Event, SendError};
use crate::altinn::{AttachmentOverview, AttachmentStatus, Client};
use crate::journal::{Journal, JournalError, Outcome, Reason, SharedAttachment, UploadState};
use crate::plan::{Digest, PlannedFile};

/// How often a file is initialised anew before it is given up: an upload that broke off leaves an id that is dead for good.
const ROUNDS: u32 = 3;
/// The first wait between two looks at a file that is being scanned; it doubles up to [`SLOWEST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(100);
const SLOWEST_POLL: Duration = Duration::from_secs(2);
/// The scan for malware usually takes seconds; after so long it is not coming.
const SCAN_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The uploads of one run.
pub(super) struct Uploads<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) attempts: &'a Attempts<'a>,
    pub(super) cells: Cells,
}

/// One upload for each resource and file, however many letters wait for it.
type Cells = Mutex<HashMap<(String, Digest), Arc<OnceCell<Uuid>>>>;

/// Why a file is not there for its letters.
#[derive(Debug)]
pub(super) enum UploadEnd {
    /// It did not get there: what that makes of its letter, and why the others would fare alike.
    Not(Box<Judged>),
    /// The run was stopped; nothing is lost by beginning again.
    Stopped,
    /// The journal cannot be written.
    Journal(SendError),
}

/// What is said of an upload that is dead, or that Altinn has seen more or less of than we know: the next look tells, and else there is another id.
const WORTH_A_LOOK: [u32; 7] = [2001, 2002, 2003, 2005, 2006, 2008, 2009];

impl Uploads<'_> {
    /// The id of the published attachment for a file; uploads it when no letter before has. A stop ends it at once: no letter is on its way yet.
    pub(super) async fn id(
        &self,
        resource: &str,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                cells
                    .entry((resource.to_owned(), planned.identity))
                    .or_default(),
            )
        };
        let shared = SharedAttachment {
            digest: planned.identity.0,
            resource: resource.to_owned(),
            file_name: planned.attachment.file_name.clone(),
            senders_reference: planned.attachment.senders_reference.clone(),
        };
        tokio::select! {
            biased;
            () = self.attempts.stop.wait() => Err(UploadEnd::Stopped),
            id = cell.get_or_try_init(|| self.obtain(shared, planned)) => id.copied(),
        }
    }

    async fn obtain(
        &self,
        shared: SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let name = &planned.attachment.file_name;
        if let Some((id, _)) = self.journal.attachment(&shared)? {
            if self.published(id).await?.is_ok() {
                self.attempts
                    .observer
                    .notice(&Event::Attachment { name, reused: true });
                return Ok(id);
            }
            self.journal.forget_attachment(id).await?;
        }
        let mut last = Reason::default();
        for _ in 0..ROUNDS {
            match self.upload(&shared, planned).await? {
                Ok(id) => {
                    self.journal
                        .record_attachment(shared, id, UploadState::Published)
                        .await?;
                    self.attempts.observer.notice(&Event::Attachment {
                        name,
                        reused: false,
                    });
                    return Ok(id);
                }
                Err(reason) => last = reason,
            }
        }
        Err(UploadEnd::Not(Box::new((Outcome::Failed(last), None))))
    }

    /// One round: initialise, upload, wait until it is published. The inner error is worth a new round.
    async fn upload(
        &self,
        shared: &SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Result<Uuid, Reason>, UploadEnd> {
        let attachment = &planned.attachment;
        let initialized = self.attempts.settle(async |token| {
            self.client
                .initialize_attachment(&token, &shared.resource, attachment)
                .await
        });
        let id = accepted(initialized.await.end)?;
        self.journal
            .record_attachment(shared.clone(), id, UploadState::Initialized)
            .await?;
        let uploaded = self
            .attempts
            .settle(async |token| self.client.upload(&token, id, &planned.file.path).await)
            .await;
        match uploaded.end {
            End::Accepted(_) | End::GaveUp(_) => {}
            End::Refused(refusal, _) if is_worth_a_look(refusal.code) => {}
            end => return accepted(end).map(|_| Err(Reason::default())),
        }
        let published = self.published(id).await?;
        Ok(published.map(|()| id).map_err(|why| Reason {
            message: format!(
                "the upload of {} did not succeed: {why}",
                attachment.file_name
            ),
            ..Reason::default()
        }))
    }

    /// Waits until an attachment is published; the inner error is why it never will be.
    async fn published(&self, id: Uuid) -> Result<Result<(), String>, UploadEnd> {
        let began = Instant::now();
        let mut wait = FIRST_POLL;
        loop {
            let looked = self
                .attempts
                .settle(async |token| self.client.attachment(&token, id).await)
                .await;
            let overview = match looked.end {
                End::Refused(refusal, _) if refusal.status == 404 => {
                    return Ok(Err(refusal.message));
                }
                end => accepted(end)?,
            };
            match overview.status {
                AttachmentStatus::Published => return Ok(Ok(())),
                AttachmentStatus::Initialized => return Ok(Err(told(overview))),
                _ if overview.status.is_lost() => return Ok(Err(told(overview))),
                // Being scanned, or something new to us that may pass.
                _ if began.elapsed() < SCAN_LIMIT => {}
                _ => return Ok(Err(format!("after {SCAN_LIMIT:?}: {}", told(overview)))),
            }
            sleep(wait).await;
            wait = (wait * 2).min(SLOWEST_POLL);
        }
    }
}

impl From<JournalError> for UploadEnd {
    fn from(error: JournalError) -> Self {
        Self::Journal(error.into())
    }
}

fn accepted<T>(end: End<T>) -> Result<T, UploadEnd> {
    let not = match end {
        End::Accepted(value) => return Ok(value),
        End::Refused(refusal, Verdict::Stop) => {
            let reason = Reason::from(refusal);
            let fatal = Fatal::Refused(reason.clone());
            (Outcome::Failed(reason), Some(fatal))
        }
        End::Refused(refusal, _) => (Outcome::Rejected(refusal.into()), None),
        End::GaveUp(reason) => (Outcome::Failed(reason), None),
        End::Away(reason) => (Outcome::Failed(reason.clone()), Some(Fatal::Away(reason))),
        End::NoToken(error) => (
            Outcome::Failed((&error).into()),
            Some(Fatal::NoToken(error)),
        ),
        End::Unreachable(reason) => (
            Outcome::Failed(reason.clone()),
            Some(Fatal::Unreachable(reason)),
        ),
    };
    Err(UploadEnd::Not(Box::new(not)))
}

fn is_worth_a_look(code: Option<u32>) -> bool {
    code.is_some_and(|code| WORTH_A_LOOK.contains(&code))
}

/// Altinn's own words for how far an attachment has come.
fn told(overview: AttachmentOverview) -> String {
    let name = format!("{:?}", overview.status);
    overview
        .status_text
        .map_or(name.clone(), |text| format!("{name} ({text})"))
}
