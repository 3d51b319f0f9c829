//! The journal's other tables: the runs of the mailing, the inputs of each, and the attachments that letters share.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::checksum::{insert, seal};
use super::record::{instant, time, whole};
use super::{Digest, Journal, JournalError};
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
    /// `finished` when every row was tried; `stopped` by itself: too many failures, a refused canary, a fatal code; `interrupted`; or `broken-off`, because it could not
    /// continue: no token, no network, no journal.
    pub how: String,
    pub reason: Option<String>,
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
    fn identity(&self) -> Uuid {
        let mut all = self.digest.to_vec();
        for part in [&self.resource, &self.file_name, &self.senders_reference] {
            // With its length, so that different parts never give the same bytes.
            all.extend((part.len() as u64).to_be_bytes());
            all.extend(part.as_bytes());
        }
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &all)
    }
}

/// The parts of a mailing, by kind (a word such as `template`) and name (a path relative to the manifest's folder, or a member of the manifest; identity numbers are masked
/// in the journal), with the digests of their contents.
pub(crate) type Inputs = BTreeMap<(String, String), Digest>;

impl Journal {
    /// Records that a run begins, with its inputs. Durable when it returns.
    pub(crate) async fn begin_run(&self, run: Run, inputs: Inputs) -> Result<(), JournalError> {
        self.write(move |file| {
            let started_at = Value::from(run.started_at.as_millisecond());
            insert(
                file,
                "runs",
                &[
                    Value::Null,
                    whole(run.rows).into(),
                    whole(run.earlier).into(),
                    whole(run.skipped).into(),
                    whole(run.invalid).into(),
                    run.plan.into(),
                    started_at.clone(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    // `alive_at`: the run has not reported since it started.
                    started_at,
                ],
            )?;
            record_inputs(file, inputs)
        })
        .await
    }

    /// Records the end of the latest run. Durable when it returns.
    pub(crate) async fn end_run(&self, ended: EndedRun) -> Result<(), JournalError> {
        // Reasons quote Altinn's messages, which may contain identity numbers.
        let reason = ended.reason.map(|reason| redact(&reason).into_owned());
        self.write(move |file| {
            let sql = "UPDATE runs SET ended_at = ?1, ending = ?2, reason = ?3 WHERE n = (SELECT max(n) FROM runs)";
            file.execute(sql, params![ended.at.as_millisecond(), ended.how, reason])?;
            seal_latest_run(file)
        })
        .await
    }

    /// Records that the run is alive at this time. When the process dies, its lost requests are dated no earlier.
    pub(crate) async fn keep_alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.write(move |file| {
            let sql = "UPDATE runs SET alive_at = ?1 WHERE n = (SELECT max(n) FROM runs)";
            file.execute(sql, [at.as_millisecond()])?;
            seal_latest_run(file)
        })
        .await
    }

    /// The latest run; `None` before the first.
    pub(crate) fn run(&self) -> Result<Option<Run>, JournalError> {
        self.reader().read(latest_run)
    }

    /// The inputs of the latest run; empty for format 1, which does not record them.
    pub(crate) fn inputs(&self) -> Result<Inputs, JournalError> {
        self.reader().read(known_inputs)
    }

    /// The id at Altinn of a recorded upload of an attachment, which need not be published.
    pub(crate) fn attachment(
        &self,
        attachment: &SharedAttachment,
    ) -> Result<Option<Uuid>, JournalError> {
        let sql = "SELECT id FROM attachments WHERE identity = ?1";
        let identity = attachment.identity();
        self.reader()
            .read(|file| file.query_row(sql, [identity], |row| row.get(0)).optional())
    }

    /// Records an attachment's upload. Durable when it returns.
    pub(crate) async fn record_attachment(
        &self,
        attachment: SharedAttachment,
        id: Uuid,
        is_published: bool,
    ) -> Result<(), JournalError> {
        // For a person who looks into the file; a run asks Altinn.
        let state = if is_published {
            "published"
        } else {
            "initialized"
        };
        let masked = |text: &str| Value::from(redact(text).into_owned());
        let values = [
            attachment.identity().into(),
            id.into(),
            state.to_owned().into(),
            attachment.digest.to_vec().into(),
            attachment.resource.into(),
            masked(&attachment.file_name),
            masked(&attachment.senders_reference),
        ];
        self.write(move |file| insert(file, "attachments", &values))
            .await
    }

    /// Deletes the record of an attachment that Altinn no longer has.
    pub(crate) async fn forget_attachment(&self, id: Uuid) -> Result<(), JournalError> {
        let sql = "DELETE FROM attachments WHERE id = ?1";
        self.write(move |file| file.execute(sql, [id]).map(drop))
            .await
    }
}

/// `UPDATE` does not renew the checksum.
fn seal_latest_run(file: &Connection) -> rusqlite::Result<()> {
    seal(file, "runs", "n = (SELECT max(n) FROM runs)")
}

pub(super) fn latest_run(file: &Connection) -> rusqlite::Result<Option<Run>> {
    let sql = "SELECT rows, earlier, skipped, invalid, plan, started_at, ended_at, ending, reason
        FROM runs ORDER BY n DESC LIMIT 1";
    let run = file.query_row(sql, [], |row| {
        let ended = match instant(row, 6)? {
            None => None,
            Some(at) => Some(EndedRun {
                at,
                how: row.get(7)?,
                reason: row.get(8)?,
            }),
        };
        Ok(Run {
            rows: row.get(0)?,
            earlier: row.get(1)?,
            skipped: row.get(2)?,
            invalid: row.get(3)?,
            plan: row.get(4)?,
            started_at: time(row, 5)?,
            ended,
        })
    });
    run.optional()
}

/// The inputs of the latest run. A run records only changes; an input that it no longer has is recorded with a null digest.
const LATEST: &str = "SELECT kind, name, digest FROM inputs AS this
    WHERE digest IS NOT NULL AND run = (SELECT max(run) FROM inputs WHERE kind = this.kind AND name = this.name)";

/// Records the inputs of the latest run that differ from those of the run before.
fn record_inputs(file: &Connection, inputs: Inputs) -> rusqlite::Result<()> {
    let mut known = known_inputs(file)?;
    let run: i64 = file.query_row("SELECT max(n) FROM runs", [], |row| row.get(0))?;
    let write = |kind: String, name: String, digest: Option<Digest>| {
        let digest = digest.map(|digest| digest.to_vec());
        let values = [kind.into(), name.into(), run.into(), digest.into()];
        insert(file, "inputs", &values)
    };
    for ((kind, name), digest) in inputs {
        // Masked before the comparison, as the earlier ones are.
        let name = redact(&name).into_owned();
        if known.remove(&(kind.clone(), name.clone())) != Some(digest) {
            write(kind, name, Some(digest))?;
        }
    }
    // Inputs of the run before that this one does not have.
    for (kind, name) in known.into_keys() {
        write(kind, name, None)?;
    }
    Ok(())
}

fn known_inputs(file: &Connection) -> rusqlite::Result<Inputs> {
    let mut latest = file.prepare(LATEST)?;
    let latest = latest.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    latest.collect()
}
