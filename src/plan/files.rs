//! Local files that follow letters: each is looked at once.

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

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
        }
    }
}

/// The files met so far.
#[derive(Debug, Default)]
pub(super) struct Files {
    folder: PathBuf,
    seen: HashMap<String, Result<Arc<LocalFile>, String>>,
}

impl Files {
    /// Files are named relative to `folder`, the manifest's.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: HashMap::new(),
        }
    }

    /// Looks at a file, once; what is wrong with it is said in words.
    pub(super) fn look(&mut self, name: &str) -> Result<Arc<LocalFile>, String> {
        if let Some(seen) = self.seen.get(name) {
            return seen.clone();
        }
        let found = self.examine(name);
        self.seen.insert(name.to_owned(), found.clone());
        found
    }

    /// Every file met, for the digest of the plan.
    pub(super) fn met(&self) -> impl Iterator<Item = (&str, &LocalFile)> {
        self.seen
            .iter()
            .filter_map(|(name, file)| Some((name.as_str(), &**file.as_ref().ok()?)))
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

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
