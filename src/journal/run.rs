//! The rest of the journal beside the rows: the runs of the mailing, what each was made of, and the attachments its letters share.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::checksum::insert;
use super::store::Store;
use super::{Digest, UnknownName};
use crate::secret::redact;

/// One run of a mailing: what there was to do, and how it ended.
///
/// All rows the mailing is answerable for are `rows + earlier`; each is recorded under its key, counted in `skipped` or `invalid`, or still pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The rows of the recipients file.
    pub rows: u64,
    /// The rows that the journal has from earlier runs and that are not in this file. 0 when the file has not lost rows.
    pub earlier: u64,
    /// The rows of the file that the mailing does not apply to and that have no entry of their own.
    pub skipped: u64,
    /// The rows of the file that a rule has stopped and that have no entry of their own.
    pub invalid: u64,
    /// The digest of the plan.
    pub plan: String,
    pub started_at: Timestamp,
    /// Its end. `None` while it runs, and when the process died.
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
    /// Every row was gone through.
    Finished,
    /// It stopped itself: too many failures, the canary, a fatal code.
    Stopped,
    Interrupted,
    /// It could not go on: token, network, journal.
    Broken,
}

impl HowEnded {
    const ALL: [Self; 4] = [
        Self::Finished,
        Self::Stopped,
        Self::Interrupted,
        Self::Broken,
    ];

    /// Its name, as people and files see it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken-off",
        }
    }
}

impl fmt::Display for HowEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for HowEnded {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|ending| ending.name() == name)
            .ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// The identity of an attachment: an upload is reused only for the same bytes under the same name in the same resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedAttachment {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The resource it belongs to.
    pub resource: String,
    /// The name it is shown with.
    pub file_name: String,
    pub senders_reference: String,
}

impl SharedAttachment {
    /// Its identity in the journal. The names go in whole, though the journal keeps them masked.
    pub(super) fn identity(&self) -> Uuid {
        let mut all = self.digest.to_vec();
        for part in [&self.resource, &self.file_name, &self.senders_reference] {
            all.extend((part.len() as u64).to_be_bytes());
            all.extend(part.as_bytes());
        }
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &all)
    }
}

/// The state of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// Altinn has given it an id.
    Initialized,
    /// Its bytes have been sent.
    Uploaded,
    /// Altinn has checked it: letters may use it.
    Published,
}

impl UploadState {
    const ALL: [Self; 3] = [Self::Initialized, Self::Uploaded, Self::Published];

    /// Its name, as files see it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Initialized => "initialized",
            Self::Uploaded => "uploaded",
            Self::Published => "published",
        }
    }
}

impl FromStr for UploadState {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// A part of what a mailing is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    /// The kind of input: a word such as `template`.
    pub kind: String,
    /// A path relative to the manifest's folder, or a member of the manifest. Identity numbers are masked in it.
    pub name: String,
    /// The digest of its content.
    pub digest: Digest,
}

type Known = BTreeMap<(String, String), Digest>;

/// The latest of each, as `run` left it. A file that was not part of it has no digest.
const LATEST: &str = "SELECT kind, name, digest FROM inputs AS this
    WHERE digest IS NOT NULL AND run = (SELECT max(run) FROM inputs WHERE kind = this.kind AND name = this.name)";

/// The inputs of the latest run, in order; empty when they were not recorded.
pub(super) fn latest_inputs(store: &Store) -> rusqlite::Result<Vec<Input>> {
    let input = |((kind, name), digest)| Input { kind, name, digest };
    Ok(known(&store.connection)?.into_iter().map(input).collect())
}

/// Writes down what the latest run is made of, as far as it differs from the one before.
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
        let name = redact(&input.name);
        let earlier = known.remove(&(input.kind.clone(), name.to_string()));
        if earlier != Some(input.digest) {
            write(&input.kind, &name, Some(input.digest))?;
        }
    }
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
