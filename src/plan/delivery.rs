//! One planned letter to one recipient.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{Digest, PlannedFile};
use crate::correspondence::path::{API, INITIALIZE, INITIALIZE_WITH_FILES};
use crate::correspondence::{Recipient, Request, form_fields};
use crate::diagnostic::Problems;

/// The size in bytes that most request bodies do not exceed: their buffer is allocated once.
pub(super) const USUAL_BODY: usize = 4096;

/// One planned letter: a rendered row. It has been checked when it comes from pass 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The row's number, from 1.
    pub row: u64,
    /// The line the row begins on.
    pub line: u64,
    /// The row's own key, as people know the row. May hold an identity number: mask it before showing it.
    pub name: String,
    pub recipient: Recipient,
    pub key: Uuid,
    /// The request, without the ids of files that are still to be uploaded.
    pub request: Request,
    /// The local files of the letter, enclosed and uploaded ones, in the order of the manifest.
    pub files: Vec<Arc<PlannedFile>>,
    /// The digest of the letter's content: everything in the request and in its files.
    pub digest: Digest,
    /// The request as JSON, when it is kept to be sent: it is written once, for the digest.
    pub(super) json: Bytes,
}

impl Delivery {
    /// The request as Altinn gets it: with the ids of the uploaded files in front of those the manifest names, and with the metadata of enclosed files.
    pub(crate) fn request_with(&self, uploaded: &[Uuid]) -> Cow<'_, Request> {
        // Most letters have no files, and their requests are not copied.
        let mut request = Cow::Borrowed(&self.request);
        if !uploaded.is_empty() {
            let existing = &mut request.to_mut().existing_attachments;
            existing.splice(0..0, uploaded.iter().copied());
        }
        if self.has_enclosures() {
            let attachments = self.enclosures().map(|file| file.attachment.clone());
            request.to_mut().correspondence.content.attachments = attachments.collect();
        }
        request
    }

    /// The bytes that go on the wire when no file is enclosed.
    pub(crate) fn body(&self, uploaded: &[Uuid]) -> Result<Bytes, serde_json::Error> {
        if uploaded.is_empty() && !self.has_enclosures() && !self.json.is_empty() {
            return Ok(self.json.clone());
        }
        let mut body = Vec::with_capacity(USUAL_BODY);
        serde_json::to_writer(&mut body, &self.request_with(uploaded))?;
        Ok(body.into())
    }

    /// The path of the request below Altinn's platform: a letter goes as JSON, and as a form when files are enclosed.
    pub(crate) fn path(&self) -> String {
        let endpoint = if self.has_enclosures() {
            INITIALIZE_WITH_FILES
        } else {
            INITIALIZE
        };
        format!("{API}/{endpoint}")
    }

    /// True when at least one file goes in the letter's own request.
    pub(crate) fn has_enclosures(&self) -> bool {
        self.files.iter().any(|file| file.enclosed)
    }

    /// The files that go in the letter's own request, in the order of their metadata: Altinn matches files to metadata by position first.
    pub(crate) fn enclosures(&self) -> impl Iterator<Item = &Arc<PlannedFile>> {
        self.files.iter().filter(|file| file.enclosed)
    }

    /// The files that are uploaded before the letter; their ids are put in front of `existingAttachments`, in this order.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = &Arc<PlannedFile>> {
        self.files.iter().filter(|file| !file.enclosed)
    }

    /// Sends a letter as JSON, and all its files before it, when it has values that form fields cannot express.
    pub(super) fn enclose_only_in_a_form(&mut self) {
        if self.has_enclosures() && form_fields(&self.request_with(&[])).is_none() {
            for file in &mut self.files {
                Arc::make_mut(file).enclosed = false;
            }
        }
    }

    /// The resource id the letter is sent for, without its optional prefix.
    pub(crate) fn resource(&self) -> &str {
        crate::correspondence::bare_resource_id(&self.request.correspondence.resource_id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Planned {
    Delivery(Box<Delivery>),
    Skipped(Skip),
    /// No letter, because of these problems.
    Invalid(Problems),
    /// A letter that was not asked for: it has not been rendered.
    LeftOut,
}

/// A row that gets no letter, on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The row's number, from 1.
    pub row: u64,
    /// The line the row begins on.
    pub line: u64,
    /// The row's own key. May hold an identity number.
    pub name: String,
    /// The key the letter would have had.
    pub key: Uuid,
    /// `where` or `excluded`.
    pub reason: &'static str,
}
