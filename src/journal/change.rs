//! Changes to the file: every entry goes through the one transition function, every row is written under a checksum, and no identity number comes past here.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::checksum::{insert, seal};
use super::rows::{RowRecord, id, numbered_record, row_with_correspondence, whole, write_record};
use super::run::record_inputs;
use super::{
    EndedRun, Entry, IllegalStep, Input, JournalError, LetterEnd, Run, SharedAttachment, Start,
    State, UploadState, transition,
};
use crate::secret::redact;

#[derive(Debug)]
pub(super) enum Change {
    Entry(Uuid, Entry),
    BeginRun(Run, Vec<Input>),
    EndRun(EndedRun),
    /// The run goes on: what is cut off later was on its way after this.
    Alive(Timestamp),
    Attachment(SharedAttachment, Uuid, UploadState),
    ForgetAttachment(Uuid),
}

/// The states an entry leads from and to, or the error that refuses it.
pub(super) type Answer = Result<Option<Moved>, JournalError>;

/// The state of a row before and after an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) from: State,
    pub(super) to: State,
    /// Time of an earlier lost request that may still take effect.
    pub(super) lost_at: Option<Timestamp>,
}

/// The reason of letters that were in flight when the process died.
const CUT_OFF: &str = "the program ended before the answer came";
/// The reason of letters whose retry was withdrawn.
const NOT_LEFT: &str = "the run was stopped before it was tried again";
/// The reason of letters whose answer belonged to another letter.
const DISPUTED: &str = "the answer to it named a letter that is another row's";

/// Rows on their way with their numbers, as the file has them: for their ends it need not be asked.
#[derive(Debug, Default)]
pub(super) struct InFlightRows(HashMap<Uuid, (i64, RowRecord)>);

/// Applies one change. The outer error is the file's: then nothing of the group may stand, and nothing may follow it.
pub(super) fn apply(
    file: &Connection,
    in_flight: &mut InFlightRows,
    change: &Change,
) -> rusqlite::Result<Answer> {
    match change {
        Change::Entry(key, entry) => {
            return Ok(record(file, in_flight, *key, entry)?.map(Some));
        }
        Change::BeginRun(run, inputs) => begin_run(file, run, inputs)?,
        Change::EndRun(ended) => end_run(file, ended)?,
        Change::Alive(at) => keep_alive(file, *at)?,
        Change::Attachment(attachment, id, state) => {
            keep_attachment(file, attachment, *id, *state)?;
        }
        Change::ForgetAttachment(id) => {
            let sql = "DELETE FROM attachments WHERE id = ?1";
            file.prepare_cached(sql)?.execute([id.as_bytes()])?;
        }
    }
    Ok(Ok(None))
}

/// Turns every row that a dead process has left on its way into an unknown one, and says how many.
pub(super) fn cut_off(file: &Connection) -> rusqlite::Result<usize> {
    let alive: Option<i64> =
        file.query_row("SELECT max(alive_at) FROM runs", [], |row| row.get(0))?;
    let alive = alive.and_then(|alive| Timestamp::from_millisecond(alive).ok());
    let sql = "SELECT key FROM deliveries WHERE state = ?1";
    let mut found = file.prepare(sql)?;
    let keys = found.query_map([State::InFlight.name()], |row| id(row, 0))?;
    let keys: Vec<_> = keys.collect::<rusqlite::Result<_>>()?;
    let entry = Entry::CutOff(alive.unwrap_or_default());
    for key in keys.iter().flatten() {
        // An in-flight row can always be cut off.
        let _ = record(file, &mut InFlightRows::default(), *key, &entry)?;
    }
    Ok(keys.len())
}

fn record(
    file: &Connection,
    in_flight: &mut InFlightRows,
    key: Uuid,
    entry: &Entry,
) -> rusqlite::Result<Result<Moved, JournalError>> {
    let current = match in_flight.0.remove(&key) {
        Some(current) => Some(current),
        None => numbered_record(file, key)?,
    };
    let (from, body) = current
        .as_ref()
        .map_or((State::Pending, None), |(_, current)| {
            (current.state, current.body.as_ref())
        });
    let to = match transition(from, body, entry) {
        Ok(to) => to,
        Err(step) => return Ok(Err(refusal(step, key, from, current, entry, in_flight))),
    };
    let number = current.as_ref().map(|(number, _)| *number);
    if to == State::Pending {
        let sql = "DELETE FROM deliveries WHERE n = ?1";
        file.prepare_cached(sql)?.execute([number])?;
        return Ok(Ok(Moved {
            from,
            to,
            lost_at: None,
        }));
    }
    let before = current.as_ref().map(|(_, before)| before.clone());
    let record = after(before, key, to, entry);
    match write_record(file, number, &record) {
        Ok(()) => {}
        // Only the correspondence can be another row's: the number comes from the key.
        Err(error) if is_taken(&error) => {
            in_flight.0.extend(current.map(|current| (key, current)));
            let id = record.correspondence.unwrap_or_default();
            let other = row_with_correspondence(file, id)?.unwrap_or_default();
            return Ok(Err(JournalError::IdTaken { key, id, other }));
        }
        Err(error) => return Err(error),
    }
    if to == State::InFlight {
        let number = number.unwrap_or_else(|| file.last_insert_rowid());
        in_flight.0.insert(key, (number, record));
    }
    let lost_at = current.and_then(|(_, before)| before.lost_at);
    Ok(Ok(Moved { from, to, lost_at }))
}

/// The record of a row after an entry that leads to state `to`. Pure: the result is written as it is, under one checksum.
fn after(before: Option<RowRecord>, key: Uuid, to: State, entry: &Entry) -> RowRecord {
    let mut record = before.unwrap_or_else(|| RowRecord::new(key));
    let from = std::mem::replace(&mut record.state, to);
    match entry {
        Entry::Started(start) => record.start(start),
        Entry::Ended(end) | Entry::Settled(end) => record.end(end),
        Entry::Skipped(skip) => {
            record.row = skip.row;
            record.line = skip.line;
            record.name = redact(&skip.name).into_owned();
            record.message = Some(redact(&skip.reason).into_owned());
            record.last_at = skip.at;
        }
        Entry::NotLeft(_) => record.message = Some(NOT_LEFT.to_owned()),
        Entry::CutOff(alive) => {
            record.message = Some(CUT_OFF.to_owned());
            record.last_at = record.last_at.max(*alive);
            record.lost_at = Some(record.last_at);
        }
        Entry::Disputed => {
            record.message = Some(DISPUTED.to_owned());
            record.correspondence = None;
            record.lost_at = Some(record.last_at);
        }
        Entry::Listed(at) => record.listed_at = Some(*at),
        Entry::Accepted(head) => record.accepted = Some(*head),
        // What it came to before stays readable.
        Entry::Dropped(dropped) => {
            let cause = record.message.take();
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            let reason = redact(&dropped.reason);
            record.message = Some(format!("{reason} (was {from}{cause})"));
            record.last_at = dropped.at;
        }
    }
    record
}

impl RowRecord {
    fn start(&mut self, start: &Start) {
        *self = Self {
            row: start.row,
            line: start.line,
            name: redact(&start.name).into_owned(),
            recipient: redact(&start.recipient).into_owned(),
            body: Some(start.body),
            first_at: self.first_at.or(Some(start.at)),
            last_at: start.at,
            correspondence: self.correspondence,
            attempts: self.attempts,
            state: self.state,
            // Until its end is known the letter may have been sent by an earlier try.
            lost_at: self.lost_at,
            listed_at: self.listed_at,
            ..Self::new(self.key)
        };
    }

    fn end(&mut self, end: &LetterEnd) {
        let reason = end.outcome.reason();
        self.correspondence = end.outcome.id().or(self.correspondence);
        self.attempts += u64::from(end.attempts);
        self.status = reason.and_then(|reason| reason.status);
        self.code = reason.and_then(|reason| reason.code);
        self.message = reason.map(|reason| redact(&reason.message).into_owned());
        let trace = reason.and_then(|reason| reason.trace.as_deref());
        self.trace = trace.map(|trace| redact(trace).into_owned());
        self.last_at = end.at;
        let is_unknown = self.state == State::Unknown;
        self.lost_at = end.lost_at.or(self.lost_at).filter(|_| is_unknown);
        if self.state != State::Reserved {
            self.listed_at = None;
        }
    }
}

fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn refusal(
    step: IllegalStep,
    key: Uuid,
    state: State,
    current: Option<(i64, RowRecord)>,
    entry: &Entry,
    in_flight: &mut InFlightRows,
) -> JournalError {
    let row = current.as_ref().map_or(0, |(_, current)| current.row);
    if state == State::InFlight {
        in_flight.0.extend(current.map(|current| (key, current)));
    }
    match step {
        IllegalStep::Illegal => JournalError::Illegal {
            key,
            state,
            entry: entry.name(),
        },
        IllegalStep::Drift => JournalError::Drift { key, row, state },
    }
}

fn begin_run(file: &Connection, run: &Run, inputs: &[Input]) -> rusqlite::Result<()> {
    let ended = run.ended.as_ref();
    insert(
        file,
        "runs",
        &[
            Value::Null,
            whole(run.rows).into(),
            whole(run.earlier).into(),
            whole(run.skipped).into(),
            whole(run.invalid).into(),
            run.plan.clone().into(),
            run.started_at.as_millisecond().into(),
            ended.map(|ended| ended.at.as_millisecond()).into(),
            ended.map(|ended| ended.how.name().to_owned()).into(),
            ended
                .and_then(|ended| ended.reason.as_deref().map(masked))
                .into(),
            run.started_at.as_millisecond().into(),
        ],
    )?;
    record_inputs(file, inputs)
}

fn end_run(file: &Connection, ended: &EndedRun) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET ended_at = ?1, ending = ?2, reason = ?3 WHERE n = (SELECT max(n) FROM runs)";
    let reason = ended.reason.as_deref().map(masked);
    let ending = ended.how.name();
    file.execute(sql, params![ended.at.as_millisecond(), ending, reason])?;
    seal_latest_run(file)
}

fn keep_alive(file: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET alive_at = ?1 WHERE n = (SELECT max(n) FROM runs)";
    file.execute(sql, [at.as_millisecond()])?;
    seal_latest_run(file)
}

fn seal_latest_run(file: &Connection) -> rusqlite::Result<()> {
    seal(file, "runs", "n = (SELECT max(n) FROM runs)")
}

fn keep_attachment(
    file: &Connection,
    attachment: &SharedAttachment,
    id: Uuid,
    state: UploadState,
) -> rusqlite::Result<()> {
    insert(
        file,
        "attachments",
        &[
            attachment.identity().as_bytes().to_vec().into(),
            id.as_bytes().to_vec().into(),
            state.name().to_owned().into(),
            attachment.digest.to_vec().into(),
            attachment.resource.clone().into(),
            masked(&attachment.file_name).into(),
            masked(&attachment.senders_reference).into(),
        ],
    )
}

fn masked(text: &str) -> String {
    redact(text).into_owned()
}
