//! Changes as `SQL`: every entry goes through the one transition function, and no identity number comes past here.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::run::record_inputs;
use super::{
    Digest, Dropped, EndedRun, Entry, IllegalStep, Input, JournalError, LetterEnd, Reason, Run,
    SharedAttachment, Skip, Start, State, UploadState, transition,
};
use crate::secret::redact;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Change {
    Entry(Uuid, Entry),
    BeginRun(Run, Vec<Input>),
    EndRun(EndedRun),
    Attachment(SharedAttachment, Uuid, UploadState),
    ForgetAttachment(Uuid),
}

/// What a refused change is answered with, or the states an entry leads from and to.
pub(super) type Answer = Result<Option<Moved>, JournalError>;

/// Where a row stood, and stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) from: State,
    pub(super) to: State,
}

/// Why a letter is unknown that the process did not live to see answered.
const CUT_OFF: &str = "the program ended before the answer came";
/// Why a letter that was to be tried again stands where it stood.
const WITHDRAWN: &str = "the run was stopped before it was tried again";

/// Rows on their way, as the file has them: for their ends it need not be asked.
#[derive(Debug, Default)]
pub(super) struct InFlightRows(HashMap<Uuid, CurrentRow>);

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
pub(super) fn cut_off(file: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let Ok(to) = transition(State::InFlight, None, &Entry::CutOff) else {
        return Ok(0);
    };
    let sql = "UPDATE deliveries SET state = ?1, message = ?2, last_at = ?3 WHERE state = ?4";
    file.execute(
        sql,
        params![
            to.name(),
            CUT_OFF,
            now.as_millisecond(),
            State::InFlight.name()
        ],
    )
}

/// Where a row stands now.
#[derive(Debug, Clone, Copy)]
struct CurrentRow {
    n: i64,
    state: State,
    body: Option<Digest>,
    row: i64,
}

fn record(
    file: &Connection,
    in_flight: &mut InFlightRows,
    key: Uuid,
    entry: &Entry,
) -> rusqlite::Result<Result<Moved, JournalError>> {
    let current = match in_flight.0.get(&key) {
        Some(current) => Some(*current),
        None => find_row(file, key)?,
    };
    let (from, body) = current.as_ref().map_or((State::Pending, None), |current| {
        (current.state, current.body.as_ref())
    });
    let to = match transition(from, body, entry) {
        Ok(to) => to,
        Err(misstep) => return Ok(Err(refusal(misstep, key, from, current.as_ref(), entry))),
    };
    let n = current.map(|current| current.n);
    if to != State::InFlight {
        in_flight.0.remove(&key);
    }
    match entry {
        Entry::Started(start) => {
            started(file, n, key, start, to)?;
            let current = CurrentRow {
                n: n.unwrap_or_else(|| file.last_insert_rowid()),
                state: to,
                body: Some(start.body),
                row: whole(start.row),
            };
            in_flight.0.insert(key, current);
        }
        Entry::Ended(end) | Entry::Settled(end) => ended(file, n, end, to)?,
        Entry::Skipped(skip) => skipped(file, key, skip, to)?,
        Entry::Withdrawn(_) if to == State::Pending => {
            let sql = "DELETE FROM deliveries WHERE n = ?1";
            file.prepare_cached(sql)?.execute([n])?;
        }
        Entry::Withdrawn(_) => {
            let sql = "UPDATE deliveries SET state = ?2, message = ?3 WHERE n = ?1";
            file.prepare_cached(sql)?
                .execute(params![n, to.name(), WITHDRAWN])?;
        }
        Entry::CutOff => {
            let sql = "UPDATE deliveries SET state = ?2, message = ?3 WHERE n = ?1";
            file.prepare_cached(sql)?
                .execute(params![n, to.name(), CUT_OFF])?;
        }
        Entry::Accepted(head) => {
            let sql = "UPDATE deliveries SET accepted = ?2 WHERE n = ?1";
            file.prepare_cached(sql)?.execute(params![n, head])?;
        }
        Entry::Dropped(drop) => dropped(file, n, drop, to)?,
    }
    Ok(Ok(Moved { from, to }))
}

fn find_row(file: &Connection, key: Uuid) -> rusqlite::Result<Option<CurrentRow>> {
    let sql = "SELECT n, state, body, row FROM deliveries WHERE key = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(CurrentRow {
            n: row.get(0)?,
            state: row.get_ref(1)?.as_str()?.parse().map_err(conversion)?,
            body: row.get(2)?,
            row: row.get(3)?,
        })
    };
    file.prepare_cached(sql)?
        .query_row([key.as_bytes()], read)
        .optional()
}

fn refusal(
    misstep: IllegalStep,
    key: Uuid,
    state: State,
    current: Option<&CurrentRow>,
    entry: &Entry,
) -> JournalError {
    match misstep {
        IllegalStep::Illegal => JournalError::Illegal {
            key,
            state,
            entry: entry.name(),
        },
        IllegalStep::Drift => JournalError::Drift {
            key,
            row: current.map_or(0, |current| current.row.unsigned_abs()),
            state,
        },
    }
}

fn conversion(cause: super::UnknownName) -> rusqlite::Error {
    let text = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(1, text, Box::new(cause))
}

fn started(
    file: &Connection,
    n: Option<i64>,
    key: Uuid,
    start: &Start,
    to: State,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO deliveries (n, key, row, line, name, recipient, body, state, first_at, last_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
        ON CONFLICT (n) DO UPDATE SET row = ?3, line = ?4, name = ?5, recipient = ?6, body = ?7, state = ?8,
            first_at = coalesce(first_at, ?9), last_at = ?9, status = NULL, code = NULL, message = NULL, trace = NULL, accepted = NULL";
    file.prepare_cached(sql)?.execute(params![
        n,
        key.as_bytes(),
        whole(start.row),
        whole(start.line),
        redact(&start.name),
        redact(&start.recipient),
        start.body,
        to.name(),
        start.at.as_millisecond(),
    ])?;
    Ok(())
}

fn ended(file: &Connection, n: Option<i64>, end: &LetterEnd, to: State) -> rusqlite::Result<()> {
    let nothing = Reason::default();
    let reason = end.outcome.reason();
    let Reason {
        status,
        code,
        message,
        trace,
    } = reason.unwrap_or(&nothing);
    let sql = "UPDATE deliveries SET state = ?2, correspondence = coalesce(?3, correspondence), attempts = attempts + ?4,
        status = ?5, code = ?6, message = ?7, trace = ?8, last_at = ?9 WHERE n = ?1";
    file.prepare_cached(sql)?.execute(params![
        n,
        to.name(),
        end.outcome.id().map(Uuid::into_bytes),
        end.attempts,
        status,
        code,
        reason.map(|_| redact(message)),
        trace.as_deref().map(redact),
        end.at.as_millisecond(),
    ])?;
    Ok(())
}

fn skipped(file: &Connection, key: Uuid, skip: &Skip, to: State) -> rusqlite::Result<()> {
    let sql = "INSERT INTO deliveries (key, row, line, name, recipient, state, message, last_at)
        VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7)";
    file.prepare_cached(sql)?.execute(params![
        key.as_bytes(),
        whole(skip.row),
        whole(skip.line),
        redact(&skip.name),
        to.name(),
        redact(&skip.reason),
        skip.at.as_millisecond(),
    ])?;
    Ok(())
}

/// What it came to before stays readable.
fn dropped(file: &Connection, n: Option<i64>, drop: &Dropped, to: State) -> rusqlite::Result<()> {
    let sql = "UPDATE deliveries SET state = ?2, message = ?3 || ' (was ' || state || coalesce(': ' || message, '') || ')', last_at = ?4 WHERE n = ?1";
    let reason = redact(&drop.reason);
    let at = drop.at.as_millisecond();
    file.prepare_cached(sql)?
        .execute(params![n, to.name(), reason, at])?;
    Ok(())
}

fn begin_run(file: &Connection, run: &Run, inputs: &[Input]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO runs (rows, earlier, skipped, invalid, plan, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    file.execute(
        sql,
        params![
            whole(run.rows),
            whole(run.earlier),
            whole(run.skipped),
            whole(run.invalid),
            run.plan,
            run.started_at.as_millisecond(),
        ],
    )?;
    record_inputs(file, inputs)?;
    match &run.ended {
        Some(ended) => end_run(file, ended),
        None => Ok(()),
    }
}

fn end_run(file: &Connection, ended: &EndedRun) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET ended_at = ?1, ending = ?2, reason = ?3 WHERE n = (SELECT max(n) FROM runs)";
    let reason = ended.reason.as_deref().map(redact);
    let ending = ended.how.name();
    file.execute(sql, params![ended.at.as_millisecond(), ending, reason])?;
    Ok(())
}

fn keep_attachment(
    file: &Connection,
    attachment: &SharedAttachment,
    id: Uuid,
    state: UploadState,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO attachments VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    file.execute(
        sql,
        params![
            attachment.identity().as_bytes(),
            id.as_bytes(),
            state.name(),
            attachment.digest,
            attachment.resource,
            redact(&attachment.file_name),
            redact(&attachment.senders_reference),
        ],
    )?;
    Ok(())
}

/// `SQLite` counts in 63 bits.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
