//! The check report: the result of pass 1, which pass 2, the plan and the commands rely on.

use std::sync::Arc;

use jiff::Timestamp;

use super::digest::keep_repeated;
use super::files::LetterFiles;
use super::fingerprint::Fingerprint;
use super::proof::Proving;
use super::{Digest, Input, PlannedFile};
use crate::correspondence::{Moment, deadline_text};
use crate::diagnostic::Problems;

#[derive(Debug, Clone, Default)]
pub(crate) struct CheckReport {
    /// Errors and warnings, in the order in which they were found.
    pub problems: Problems,
    /// The number of rows to be accounted for: those in the file, valid or not; of proofs, those that are proven.
    pub rows: u64,
    pub letters: u64,
    /// The number of rows that get no letter on purpose.
    pub skipped: u64,
    /// The earliest and the latest deadline of letters that have one.
    pub(super) due: Option<(Timestamp, Timestamp)>,
    /// The digest over everything the mailing is made of. An approval of it covers exactly these inputs.
    pub plan: Digest,
    /// The value of `now()`; `None` when no template uses it.
    pub now: Option<Timestamp>,
    /// The parts that `plan` is the digest of, and their members.
    pub inputs: Vec<Input>,
    /// The files that the first letter shares with others, which are uploaded before it.
    pub shared: Vec<Arc<PlannedFile>>,
    /// One fingerprint per row, in order: 16 bytes a row.
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) files: LetterFiles,
    pub(super) proving: Option<Proving>,
}

impl CheckReport {
    pub(super) fn add_due(&mut self, due: Option<Moment>) {
        if let Some(due) = due.map(Moment::timestamp) {
            let (first, last) = self.due.unwrap_or((due, due));
            self.due = Some((first.min(due), last.max(due)));
        }
    }

    /// The deadlines of the letters, in words; `None` when no letter has one.
    pub(crate) fn due_text(&self) -> Option<String> {
        let (first, last) = self.due?;
        let (first, last) = (deadline_text(first), deadline_text(last));
        Some(if first == last {
            first
        } else {
            format!("from {first} to {last}")
        })
    }

    /// True when a file is the same for every row.
    pub(crate) fn is_shared(&self, file: &PlannedFile) -> bool {
        self.shared
            .iter()
            .any(|shared| shared.identity == file.identity)
    }

    /// The letters in row order, each as the first 8 bytes of its key and of its content's digest.
    pub(crate) fn letter_heads(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.fingerprints
            .iter()
            .filter(|print| print.is_letter())
            .map(|print| (print.key, print.letter))
    }

    /// For every row in order, true when it becomes a letter.
    pub(crate) fn letters_by_position(&self) -> impl Iterator<Item = bool> + '_ {
        self.fingerprints.iter().map(|print| print.is_letter())
    }

    /// The number of rows that share their key with another row, all but one of each key. They are skipped rows: letters that share a key are refused.
    pub(crate) fn shared_keys(&self) -> u64 {
        // Sorting millions of keys is spared for most mailings.
        if self.skipped == 0 {
            return 0;
        }
        let mut keys: Vec<u64> = self.fingerprints.iter().map(|print| print.key).collect();
        keep_repeated(&mut keys);
        keys.len() as u64
    }
}
