//! Files that follow letters: each is uploaded once for the whole mailing and reused by its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::attempt::{Attempts, End};
use super::verdict::Verdict;
use super::{Event, SendError};
use crate::altinn::{AttachmentStatus, Client};
use crate::journal::{Journal, JournalError, Reason, SharedAttachment, UploadState};
use crate::maskinporten::TokenError;
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
    /// Altinn will not take it.
    Refused {
        reason: Reason,
        /// Whether the same holds for every other letter.
        fatal: bool,
    },
    /// Out of tries or time.
    GaveUp(Reason),
    /// There is no token.
    NoToken(TokenError),
    /// The journal cannot be written.
    Journal(SendError),
}

impl Uploads<'_> {
    /// The id of the published attachment for a file; uploads it when no letter before has.
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
        cell.get_or_try_init(|| self.obtain(shared, planned))
            .await
            .copied()
    }

    async fn obtain(
        &self,
        shared: SharedAttachment,
        planned: &PlannedFile,
    ) -> Result<Uuid, UploadEnd> {
        let name = &planned.attachment.file_name;
        if let Some((id, _)) = self.journal.attachment(&shared)? {
            if self.published(id).await? {
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
        Err(UploadEnd::GaveUp(last))
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
            // Broken storage, a wrong checksum, or an upload that Altinn has seen more of than we know: the next look tells.
            End::Refused(refusal, _) if matches!(refusal.code, Some(2002 | 2005 | 2008 | 2009)) => {
            }
            end => return accepted(end).map(|_| Err(Reason::default())),
        }
        if self.published(id).await? {
            return Ok(Ok(id));
        }
        let message = format!("the upload of {} did not succeed", attachment.file_name);
        Ok(Err(Reason {
            message,
            ..Reason::default()
        }))
    }

    /// Waits until an attachment is published; `false` when it never will be.
    async fn published(&self, id: Uuid) -> Result<bool, UploadEnd> {
        let began = Instant::now();
        let mut wait = FIRST_POLL;
        loop {
            let looked = self
                .attempts
                .settle(async |token| self.client.attachment(&token, id).await)
                .await;
            let overview = match looked.end {
                End::Refused(refusal, _) if refusal.status == 404 => return Ok(false),
                end => accepted(end)?,
            };
            match overview.status {
                AttachmentStatus::Published => return Ok(true),
                AttachmentStatus::UploadProcessing if began.elapsed() < SCAN_LIMIT => {}
                _ => return Ok(false),
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
    match end {
        End::Accepted(value) => Ok(value),
        End::Refused(refusal, verdict) => Err(UploadEnd::Refused {
            fatal: verdict == Verdict::Stop,
            reason: refusal.into(),
        }),
        End::GaveUp(reason) => Err(UploadEnd::GaveUp(reason)),
        End::NoToken(error) => Err(UploadEnd::NoToken(error)),
    }
}
