//! The journal's other tables: the runs of the mailing, the inputs of each, and the attachments that letters share.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use uuid::Uuid;

use super::Digest;
use super::checksum::insert;
use super::state::by_name;
use crate::secret::redact;

/// One run of a mailing: its numbers of rows and its end.
///
/// The mailing has `rows + earlier` rows in all; each is recorded under its key, counted in `skipped` or `invalid`, or still pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Number of rows in the recipients file.
    pub rows: u64,
    /// Number of rows recorded by earlier runs that are no longer in the recipients file.
    pub earlier: u64,
    /// Number of rows in the file that a condition excludes and that are not recorded.
    pub skipped: u64,
    /// Number of rows in the file that break a rule and that are not recorded.
    pub invalid: u64,
    pub plan: String,
    pub started_at: Timestamp,
    /// `None` while the run continues, and when its process died.
    pub ended: Option<EndedRun>,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedRun {
    pub at: Timestamp,
    pub how: HowEnded,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HowEnded {
    /// Every row was tried.
    Finished,
    /// The run stopped itself: too many failures, a refused canary, a fatal code.
    Stopped,
    Interrupted,
    /// The run could not continue: no token, no network, no journal.
    Broken,
}

impl HowEnded {
    const ALL: [Self; 4] = [
        Self::Finished,
        Self::Stopped,
        Self::Interrupted,
        Self::Broken,
    ];

    /// The name shown to users and stored in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken-off",
        }
    }
}

impl FromSql for HowEnded {
    fn column_result(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        by_name(cell, &Self::ALL, Self::name)
    }
}

/// The identity of an attachment: an upload is reused only for the same bytes under the same name in the same resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedAttachment {
    /// The digest of the file's content.
    pub digest: Digest,
    pub resource: String,
    /// The name that recipients see.
    pub file_name: String,
    pub senders_reference: String,
}

impl SharedAttachment {
    /// The primary key in the journal. Computed from the unmasked names: masked ones could be the same for two attachments.
    pub(super) fn identity(&self) -> Uuid {
        let mut all = self.digest.to_vec();
        for part in [&self.resource, &self.file_name, &self.senders_reference] {
            // With its length, so that different parts never give the same bytes.
            all.extend((part.len() as u64).to_be_bytes());
            all.extend(part.as_bytes());
        }
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &all)
    }
}

/// A part of a mailing: a file, or a member of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    /// The kind of input: a word such as `template`.
    pub kind: String,
    /// A path relative to the manifest's folder, or a member of the manifest. Identity numbers are masked in it.
    pub name: String,
    pub digest: Digest,
}

/// Inputs as last recorded: kind and name, and the digest of the content.
type Known = BTreeMap<(String, String), Digest>;

/// The inputs of the latest run. A run records only changes; an input that it no longer has is recorded with a null digest.
const LATEST: &str = "SELECT kind, name, digest FROM inputs AS this
    WHERE digest IS NOT NULL AND run = (SELECT max(run) FROM inputs WHERE kind = this.kind AND name = this.name)";

/// The inputs of the latest run, in order; empty when none are recorded.
pub(super) fn latest_inputs(file: &Connection) -> rusqlite::Result<Vec<Input>> {
    let input = |((kind, name), digest)| Input { kind, name, digest };
    Ok(known(file)?.into_iter().map(input).collect())
}

/// Records the inputs of the latest run that differ from those of the run before.
pub(super) fn record_inputs(file: &Connection, inputs: &[Input]) -> rusqlite::Result<()> {
    let mut known = known(file)?;
    let run: i64 = file.query_row("SELECT max(n) FROM runs", [], |row| row.get(0))?;
    let write = |kind: &str, name: &str, digest: Option<Digest>| {
        let digest = digest.map(|digest| digest.to_vec());
        let values = [
            kind.to_owned().into(),
            name.to_owned().into(),
            run.into(),
            digest.into(),
        ];
        insert(file, "inputs", &values)
    };
    for input in inputs {
        // Masked before the comparison, as the earlier ones are.
        let name = redact(&input.name);
        let earlier = known.remove(&(input.kind.clone(), name.to_string()));
        if earlier != Some(input.digest) {
            write(&input.kind, &name, Some(input.digest))?;
        }
    }
    // Inputs of the run before that this one does not have.
    for (kind, name) in known.into_keys() {
        write(&kind, &name, None)?;
    }
    Ok(())
}

fn known(file: &Connection) -> rusqlite::Result<Known> {
    let mut latest = file.prepare(LATEST)?;
    let latest = latest.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    latest.collect()
}
