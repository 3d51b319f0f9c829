//! Local files of letters: their sizes and digests, and which of them belong to one letter only.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use md5::{Digest as _, Md5};

use super::digest::{keep_repeated, read_in_pieces};
use super::{Digest, Digester};
use crate::correspondence::Attachment;
use crate::correspondence::rules::STREAM_FILE_LIMIT;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{as_seen, difference};
use crate::plain_file::{self, Refused, find_inside};

/// A file on disk as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    pub size: u64,
    pub digest: Digest,
    /// Its MD5 in lower-case hexadecimal: Altinn's checksum.
    pub md5: String,
    /// True when its content begins as a PDF does.
    pub is_pdf: bool,
}

/// A file as one letter has it: its content and its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedFile {
    pub file: Arc<LocalFile>,
    /// The metadata that Altinn gets: name, reference, checksum.
    pub attachment: Attachment,
    /// The digest of content and metadata: uploads with the same identity are one upload.
    pub identity: Digest,
    /// True when it goes in its letter's own request, because no other letter has it. Other files are uploaded once, before their letters.
    ///
    /// Pass 1 cannot know the rows to come: until pass 2, a file that differs between rows counts as one letter's own.
    pub enclosed: bool,
}

impl PlannedFile {
    /// Joins a letter's `attachments` entry with its file; missing members are filled in from the file.
    pub(super) fn new(file: Arc<LocalFile>, mut attachment: Attachment) -> Self {
        if attachment.file_name.is_empty() {
            attachment.file_name = file
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
        }
        // With a checksum Altinn refuses a file that was damaged on the way (2008).
        attachment.checksum.get_or_insert_with(|| file.md5.clone());
        let metadata = serde_json::to_vec(&attachment).unwrap_or_default();
        let mut digester = Digester::default();
        digester.part(&file.digest.0).part(&metadata);
        Self {
            file,
            attachment,
            identity: digester.finish(),
            enclosed: false,
        }
    }
}

/// The fewest files that are remembered, and half of the most. Others are read again when they are named again.
const REMEMBERED: usize = 4096;

type Inspected = Result<Arc<LocalFile>, Unusable>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    /// The end of the sentence "the attachment …".
    pub(super) why: String,
    /// The hint, when it does not depend on the row.
    pub(super) hint: Option<String>,
}

/// Reads the files of a folder and remembers those read last. May be used by several threads at the same time.
#[derive(Debug, Default)]
pub(super) struct FileReader {
    /// The folder as the person named it.
    folder: PathBuf,
    /// The same folder with links resolved.
    real: PathBuf,
    remembered: Mutex<Remembered>,
}

/// Files by name, in two generations. When the recent generation is full it becomes the older one, which is forgotten: nearly the effect of a cache that
/// forgets by last use, without its bookkeeping.
#[derive(Debug, Default)]
struct Remembered {
    recent: HashMap<String, Inspected>,
    older: HashMap<String, Inspected>,
}

impl Remembered {
    fn find(&mut self, name: &str) -> Option<Inspected> {
        if let Some(known) = self.recent.get(name) {
            return Some(known.clone());
        }
        let known = self.older.remove(name)?;
        // A file that is used again moves to the recent generation.
        Some(self.keep(name, known))
    }

    /// Remembers a result. When two threads have read the same file, the first result stays, so that every letter sees the same content.
    fn keep(&mut self, name: &str, found: Inspected) -> Inspected {
        if let Some(known) = self.recent.get(name) {
            return known.clone();
        }
        if self.recent.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(name.to_owned(), found.clone());
        found
    }
}

/// The files of all letters, as pass 1 has counted them.
#[derive(Debug, Clone, Default)]
pub(super) struct LetterFiles {
    /// The first 8 bytes of the identities of files that may be one letter's own; after [`Self::finish`], of those that several letters have, sorted.
    identities: Vec<u64>,
    /// The content of every letter's files, in row order.
    contents: Digester,
}

impl LetterFiles {
    pub(super) fn count(&mut self, planned: &PlannedFile) {
        self.contents.part(&planned.file.digest.0);
        // Files that are the same for all rows are shared without counting.
        if planned.enclosed {
            self.identities.push(planned.identity.short());
        }
    }

    /// Ends the count after the last letter.
    pub(super) fn finish(mut self) -> Self {
        keep_repeated(&mut self.identities);
        self.identities.dedup();
        self
    }

    pub(super) fn digest(&self) -> Digest {
        self.contents.clone().finish()
    }

    /// True when several letters have the file; known only after every letter has been counted.
    pub(super) fn is_shared(&self, planned: &PlannedFile) -> bool {
        let identity = planned.identity.short();
        self.identities.binary_search(&identity).is_ok()
    }
}

impl FileReader {
    /// Files are named relative to `folder`, the manifest's.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            // The manifest was read from this folder, so that it exists; an empty path would refuse every file.
            real: folder.canonicalize().unwrap_or_default(),
            folder: folder.to_owned(),
            ..Self::default()
        }
    }

    /// Returns a file's size and digests, or the reason why it cannot be attached. Reads the file unless it is remembered.
    pub(super) fn inspect(&self, name: &str) -> Inspected {
        let known = self.remembered().find(name);
        // The lock is not held while a file is read: other threads go on meanwhile.
        known.unwrap_or_else(|| {
            let found = self.read(name);
            self.remembered().keep(name, found)
        })
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a file inside the folder and takes its digests; a file that is too large for Altinn gets its size only.
    fn read(&self, name: &str) -> Inspected {
        let real = find_inside(&self.real, name).map_err(|refused| {
            let (why, hint) = match refused {
                Refused::NotInside => (
                    "is not a path inside the manifest's folder",
                    Some("copy the file into the folder, and name it relative to the manifest"),
                ),
                Refused::LinkOut => (
                    "is a link out of the manifest's folder",
                    Some("copy the file itself into the folder"),
                ),
                Refused::NotAFile => ("is not a file", None),
                Refused::Unreadable(error) => {
                    return Unusable {
                        hint: lookalike(&self.real, name),
                        ..describe(&error)
                    };
                }
            };
            Unusable {
                why: why.to_owned(),
                hint: hint.map(str::to_owned),
            }
        })?;
        // One reading for both digests: SHA-256 for the plan, MD5 because Altinn compares it.
        let (mut sha, mut md5, mut is_pdf) = (Context::new(&SHA256), Md5::new(), None);
        let size = std::fs::metadata(&real).map(|found| found.len());
        let mut size = size.map_err(|error| describe(&error))?;
        // A file that Altinn refuses for its size is not worth reading: 50 GB take minutes.
        if size <= STREAM_FILE_LIMIT {
            size = read_in_pieces(&real, |piece| {
                sha.update(piece);
                md5.update(piece);
                is_pdf.get_or_insert_with(|| begins_as_pdf(piece));
            })
            .map_err(|error| describe(&error))?;
        }
        let md5 = md5
            .finalize()
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Ok(Arc::new(LocalFile {
            path: self.folder.join(name),
            size,
            digest: sha.finish().into(),
            md5,
            // An empty file, or one too large to be read, has a finding of its own.
            is_pdf: is_pdf.unwrap_or(true),
        }))
    }
}

/// The hint for a missing file of a folder: another file whose name looks the same.
pub(super) fn lookalike(folder: &Path, name: &str) -> Option<String> {
    let slashed = name.replace('\\', "/");
    let beside = plain_file::beside(folder, &slashed).into_iter();
    let mut others = beside.filter(|file| file != name);
    let other = others.find(|file| as_seen(file) == as_seen(&slashed))?;
    let difference = difference(name, &other)
        .unwrap_or("upper and lower case differ in names of files, and `\\` is no `/`");
    Some(format!("did you mean {}? {difference}", excerpt(&other)))
}

fn describe(error: &io::Error) -> Unusable {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Unusable { why, hint: None }
}

/// True for the first piece of a PDF: readers accept its mark anywhere in the first 1024 bytes.
fn begins_as_pdf(piece: &[u8]) -> bool {
    let start = &piece[..piece.len().min(1024)];
    start.windows(5).any(|bytes| bytes == b"%PDF-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_does_not_grow_with_the_files_and_a_forgotten_one_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.pdf"), "one").unwrap();
        std::fs::write(folder.path().join("same.pdf"), "same").unwrap();
        let files = FileReader::new(folder.path());
        let first = files.inspect("a.pdf").unwrap();
        files.inspect("same.pdf").unwrap();
        std::fs::write(folder.path().join("a.pdf"), "two").unwrap();
        std::fs::write(folder.path().join("same.pdf"), "other").unwrap();
        assert_eq!(files.inspect("a.pdf").unwrap(), first, "remembered");
        for number in 0..3 * REMEMBERED {
            assert!(files.inspect(&format!("{number}.pdf")).is_err());
            assert_eq!(files.inspect("same.pdf").unwrap().size, 4, "in use");
        }
        let remembered = files.remembered();
        assert!(remembered.recent.len() + remembered.older.len() <= 2 * REMEMBERED);
        drop(remembered);
        assert_ne!(files.inspect("a.pdf").unwrap(), first, "forgotten");
    }

    #[test]
    fn a_file_is_one_letters_own_until_another_has_it() {
        let planned = |content: &[u8], reference: &str| {
            let file = LocalFile {
                path: "a.pdf".into(),
                size: 1,
                digest: Digest::sha256(content),
                md5: String::new(),
                is_pdf: true,
            };
            let attachment = Attachment {
                senders_reference: reference.to_owned(),
                ..Attachment::default()
            };
            PlannedFile {
                enclosed: true,
                ..PlannedFile::new(Arc::new(file), attachment)
            }
        };
        let all = [
            planned(b"a", "1"),
            planned(b"a", "1"),
            planned(b"a", "2"),
            planned(b"b", "1"),
        ];
        let mut files = LetterFiles::default();
        for file in &all {
            files.count(file);
        }
        let files = files.finish();
        let shared = all.iter().map(|file| files.is_shared(file));
        assert_eq!(shared.collect::<Vec<_>>(), [true, true, false, false]);
    }
}
