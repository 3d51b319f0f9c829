//! What pass 1 found: everything that pass 2, the plan and the commands go by.

use std::sync::Arc;

use jiff::Timestamp;

use super::files::LetterFiles;
use super::fingerprint::Fingerprint;
use super::proof::Proving;
use super::{Digest, Input, PlannedFile};
use crate::correspondence::{Moment, deadline_text};
use crate::diagnostic::Problems;

/// What pass 1 found.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckReport {
    /// Everything that is wrong or worth knowing.
    pub problems: Problems,
    /// Rows to be accounted for: those in the file, valid or not; of proofs, those that are proven.
    pub rows: u64,
    pub letters: u64,
    /// Rows that get no letter, on purpose.
    pub skipped: u64,
    /// When the first and the last letter are due, of those that are.
    pub(super) due: Option<(Timestamp, Timestamp)>,
    /// The digest over everything the mailing is made of: who approves it approves exactly this.
    pub plan: Digest,
    /// What `now()` was, when a template asked for it.
    pub now: Option<Timestamp>,
    /// The same part by part.
    pub inputs: Vec<Input>,
    /// Files that the first letter shares with others, to be uploaded before it.
    pub shared: Vec<Arc<PlannedFile>>,
    /// Per row, in order: the heads of its key and of its letter's digest. 16 bytes a row.
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) files: LetterFiles,
    /// Of which rows there are proofs, when that is what the letters are.
    pub(super) proving: Option<Proving>,
}

impl CheckReport {
    /// Adds when a letter is due.
    pub(super) fn add_due(&mut self, due: Option<Moment>) {
        if let Some(due) = due.map(Moment::timestamp) {
            let (first, last) = self.due.unwrap_or((due, due));
            self.due = Some((first.min(due), last.max(due)));
        }
    }

    /// When the letters are due, in words.
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

    /// The letters, each as the heads of its key and of its content's digest, in row order.
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

    /// Rows that share their key with another row, all but one of each key. They are skipped ones: letters that share a key are refused.
    pub(crate) fn shared_keys(&self) -> u64 {
        if self.skipped == 0 {
            return 0;
        }
        let mut keys: Vec<u64> = self.fingerprints.iter().map(|print| print.key).collect();
        keys.sort_unstable();
        keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
    }
}
