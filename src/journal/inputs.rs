//! What the mailing was made of in each run: digests of its files and of the manifest's members, so that a change can be named.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::Digest;
use super::store::Store;
use crate::secret::redact;

/// A part of what a mailing is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// What it is to the mailing: a word such as `template`.
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

/// What the latest run was made of, in order; nothing when that was not written down yet.
pub(super) fn latest_inputs(store: &Store) -> rusqlite::Result<Vec<Input>> {
    let input = |((kind, name), digest)| Input { kind, name, digest };
    Ok(known(&store.connection)?.into_iter().map(input).collect())
}

/// Writes down what the latest run is made of, as far as it differs from the one before.
pub(super) fn record_inputs(file: &Connection, inputs: &[Input]) -> rusqlite::Result<()> {
    let mut known = known(file)?;
    let sql = "INSERT INTO inputs (kind, name, run, digest) VALUES (?1, ?2, (SELECT max(n) FROM runs), ?3)";
    let mut insert = file.prepare(sql)?;
    for input in inputs {
        let name = redact(&input.name);
        let earlier = known.remove(&(input.kind.clone(), name.to_string()));
        if earlier != Some(input.digest) {
            insert.execute(params![input.kind, name, Some(input.digest)])?;
        }
    }
    for (kind, name) in known.into_keys() {
        insert.execute(params![kind, name, None::<Digest>])?;
    }
    Ok(())
}

fn known(file: &Connection) -> rusqlite::Result<Known> {
    let mut latest = file.prepare(LATEST)?;
    let latest = latest.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    latest.collect()
}
