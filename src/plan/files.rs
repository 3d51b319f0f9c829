//! Local files that follow letters: what they are, and which of them only one letter has.

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::digest::read_in_pieces;
use super::{Digest, Digester};
use crate::correspondence::Attachment;

/// A file on disk as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// Its content.
    pub digest: Digest,
    /// Its MD5 in lower-case hexadecimal: Altinn's checksum.
    pub md5: String,
}

/// A file as one letter carries it: content and what Altinn is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// The content.
    pub file: Arc<LocalFile>,
    /// Name, reference and the rest.
    pub attachment: Attachment,
    /// Tells equal uploads from different ones: content and everything Altinn is told.
    pub identity: Digest,
    /// Whether it goes in the same request as its letter, the only one that has it. Others are uploaded once, before their letters.
    ///
    /// Pass 1 has not seen the rows to come: until pass 2, a file that is not the same for all rows is taken for one letter's own.
    pub enclosed: bool,
}

impl PlannedFile {
    /// What a letter's `attachments` entry and its file make together; missing members are filled in from the file.
    pub(super) fn new(file: Arc<LocalFile>, mut attachment: Attachment) -> Self {
        if attachment.file_name.is_empty() {
            attachment.file_name = file
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
        }
        attachment.checksum.get_or_insert_with(|| file.md5.clone());
        let told = serde_json::to_vec(&attachment).unwrap_or_default();
        let mut digester = Digester::default();
        digester.part(&file.digest.0).part(&told);
        Self {
            file,
            attachment,
            identity: digester.finish(),
            enclosed: false,
        }
    }
}

/// So many files are remembered at least, and twice as many at most; others are looked at again when they are named again.
const REMEMBERED: usize = 4096;

type Inspected = Result<Arc<LocalFile>, String>;

/// The files of a mailing. Any number of threads look at them at a time.
#[derive(Debug, Default)]
pub(super) struct Files {
    folder: PathBuf,
    remembered: Mutex<Remembered>,
    /// After pass 1, the heads of those that several letters have, in order.
    shared: Vec<u64>,
    /// The content of every letter's files, in row order.
    met: Digester,
}

/// What was looked at lately, and before that.
#[derive(Debug, Default)]
struct Remembered {
    recent: HashMap<String, Inspected>,
    older: HashMap<String, Inspected>,
}

/// The files that pass 1 has seen so far, in row order.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The heads of those that may be one letter's own; 8 bytes each.
    named: Vec<u64>,
    met: Digester,
}

impl Seen {
    /// A letter has this file.
    pub(super) fn count(&mut self, planned: &PlannedFile) {
        self.met.part(&planned.file.digest.0);
        if planned.enclosed {
            self.named.push(planned.identity.short());
        }
    }
}

impl Remembered {
    fn find(&mut self, name: &str) -> Option<Inspected> {
        if let Some(known) = self.recent.get(name) {
            return Some(known.clone());
        }
        let known = self.older.remove(name)?;
        Some(self.keep(name, known))
    }

    /// What was found first stays, should two have looked at the same time.
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

impl Files {
    /// Files are named relative to `folder`, the manifest's.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..Self::default()
        }
    }

    /// Looks at a file; what is wrong with it is said in words.
    pub(super) fn look(&self, name: &str) -> Inspected {
        let known = self.remembered().find(name);
        known.unwrap_or_else(|| {
            let found = self.examine(name);
            self.remembered().keep(name, found)
        })
    }

    /// Begins pass 1.
    pub(super) fn begin_count(&mut self) {
        self.shared = Vec::new();
    }

    /// Every letter has been seen.
    pub(super) fn end_count(&mut self, seen: Seen) {
        self.shared = seen.named;
        keep_repeated(&mut self.shared);
        self.met = seen.met;
    }

    /// The digest of the files of all letters, for the digest of the plan.
    pub(super) fn met(&self) -> Digest {
        self.met.clone().finish()
    }

    /// Whether several letters have a file, as far as is known by now.
    pub(super) fn are_sharing(&self, planned: &PlannedFile) -> bool {
        self.shared.binary_search(&planned.identity.short()).is_ok()
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn examine(&self, name: &str) -> Result<Arc<LocalFile>, String> {
        let relative = Path::new(name);
        let inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if name.trim().is_empty() || !inside {
            return Err("is not a path inside the manifest's folder".to_owned());
        }
        let path = self.folder.join(relative);
        let kind = std::fs::metadata(&path).map_err(|error| in_words(&error))?;
        if !kind.is_file() {
            return Err("is not a file".to_owned());
        }
        let (mut sha, mut md5) = (Sha256::new(), Md5::new());
        let size = read_in_pieces(&path, |piece| {
            sha.update(piece);
            md5.update(piece);
        })
        .map_err(|error| in_words(&error))?;
        let md5 = md5
            .finalize()
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Ok(Arc::new(LocalFile {
            path,
            size,
            digest: Digest(sha.finalize().into()),
            md5,
        }))
    }
}

/// Leaves each number that stands there more than once, one time.
fn keep_repeated(numbers: &mut Vec<u64>) {
    numbers.sort_unstable();
    let mut kept = 0;
    let mut at = 0;
    while at < numbers.len() {
        let number = numbers[at];
        let same = numbers[at..].partition_point(|other| *other == number);
        if same > 1 {
            numbers[kept] = number;
            kept += 1;
        }
        at += same;
    }
    numbers.truncate(kept);
    numbers.shrink_to_fit();
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_numbers_are_kept_once_and_in_order() {
        for (numbers, repeated) in [
            (vec![], vec![]),
            (vec![1], vec![]),
            (vec![2, 1, 2], vec![2]),
            (vec![3, 1, 3, 2, 1, 3, 4], vec![1, 3]),
        ] {
            let mut kept = numbers.clone();
            keep_repeated(&mut kept);
            assert_eq!(kept, repeated, "{numbers:?}");
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_files_and_a_forgotten_one_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.pdf"), "one").unwrap();
        std::fs::write(folder.path().join("same.pdf"), "same").unwrap();
        let files = Files::new(folder.path());
        let first = files.look("a.pdf").unwrap();
        files.look("same.pdf").unwrap();
        std::fs::write(folder.path().join("a.pdf"), "two").unwrap();
        std::fs::write(folder.path().join("same.pdf"), "other").unwrap();
        assert_eq!(files.look("a.pdf").unwrap(), first, "remembered");
        for number in 0..3 * REMEMBERED {
            assert!(files.look(&format!("{number}.pdf")).is_err());
            assert_eq!(files.look("same.pdf").unwrap().size, 4, "in use");
        }
        let remembered = files.remembered();
        assert!(remembered.recent.len() + remembered.older.len() <= 2 * REMEMBERED);
        drop(remembered);
        assert_ne!(files.look("a.pdf").unwrap(), first, "forgotten");
    }

    #[test]
    fn a_file_is_one_letters_own_until_another_has_it() {
        let planned = |content: &[u8], reference: &str| {
            let file = LocalFile {
                path: "a.pdf".into(),
                size: 1,
                digest: Digest::sha256(content),
                md5: String::new(),
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
        let mut files = Files::default();
        for _ in 0..2 {
            files.begin_count();
            let mut seen = Seen::default();
            for file in &all {
                seen.count(file);
            }
            files.end_count(seen);
            let shared = all.iter().map(|file| files.are_sharing(file));
            assert_eq!(shared.collect::<Vec<_>>(), [true, true, false, false]);
        }
    }
}
