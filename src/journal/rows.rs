//! The rows as the journal has them: one at a time, in pages for a run that goes on with them, and as a snapshot that stands still for reports.

use std::collections::VecDeque;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};
use uuid::Uuid;

use super::store::Store;
use super::{Digest, DigestHead, EndedRun, Header, JournalError, Run, State, UnknownName};

/// One of our names: a state, an ending.
pub(super) fn named<T: FromStr<Err = UnknownName>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let cell = row.get_ref(column)?;
    let text = cell.as_str().map_err(Error::from)?;
    text.parse().map_err(|cause: UnknownName| {
        Error::FromSqlConversionFailure(column, cell.data_type(), Box::new(cause))
    })
}

/// A count: `SQLite` has them with a sign.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// An id, if there is one.
pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

/// A time in milliseconds, if there is one.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| {
            Timestamp::from_millisecond(value)
                .map_err(|_| Error::IntegralValueOutOfRange(column, value))
        })
        .transpose()
}

/// A time that is always there.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let missing = || Error::IntegralValueOutOfRange(column, 0);
    instant(row, column)?.ok_or_else(missing)
}

/// Rows of a snapshot that are read at a time.
const SNAPSHOT_PAGE: u32 = 1000;

/// Everything as it was at one instant.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    header: Header,
    began: Timestamp,
}

/// Everything the journal knows of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRecord {
    /// The idempotency key.
    pub key: Uuid,
    /// The row in the recipients file, from 1.
    pub row: u64,
    /// The line it begins on.
    pub line: u64,
    /// What the row is called.
    pub name: String,
    /// The recipient, masked.
    pub recipient: String,
    /// The digest of the letter, when one has left.
    pub body: Option<Digest>,
    /// Where it stands.
    pub state: State,
    /// The correspondence in Altinn.
    pub correspondence: Option<Uuid>,
    /// How many requests it has taken, in all runs.
    pub attempts: u64,
    /// The HTTP status of the last answer, when it was no success.
    pub status: Option<u16>,
    /// Altinn's error code.
    pub code: Option<u32>,
    /// Why it was not sent.
    pub message: Option<String>,
    /// Altinn's trace id.
    pub trace: Option<String>,
    /// When it first left.
    pub first_at: Option<Timestamp>,
    /// When anything last happened.
    pub last_at: Timestamp,
}

impl Snapshot {
    pub(super) fn take(path: &Path) -> Result<Self, JournalError> {
        let store = Store::open_for_reading(path)?;
        store
            .connection
            .execute_batch("BEGIN")
            .map_err(|source| store.read_error(source))?;
        // The first read fixes the instant.
        let began = store.began()?;
        let header = store.header()?;
        Ok(Self {
            store,
            header,
            began,
        })
    }

    /// Whose journal it is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The journal's file.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// The instant the mailing was first sent.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// The latest run.
    pub fn run(&self) -> Result<Option<Run>, JournalError> {
        latest_run(&self.store)
    }

    /// How many rows stand where. States without rows are left out.
    pub fn counts(&self) -> Result<Vec<(State, u64)>, JournalError> {
        let failed = |source| self.store.read_error(source);
        let sql = "SELECT state, count(*) FROM deliveries GROUP BY state";
        let mut counts = self.store.connection.prepare(sql).map_err(failed)?;
        let counts = counts
            .query_map([], |row| Ok((named(row, 0)?, count(row, 1)?)))
            .map_err(failed)?;
        counts.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    /// Every row, in the order of the recipients file.
    pub fn lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "1")
    }

    /// The rows whose letters Altinn has.
    pub fn sent_lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "state IN ('sent', 'already-sent')")
    }

    /// The rows that are neither sent nor skipped.
    pub fn unsettled_lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "state NOT IN ('sent', 'already-sent', 'skipped')")
    }
}

/// Rows, read a page at a time: memory does not grow with their number.
#[derive(Debug)]
pub struct RowRecords<'a> {
    snapshot: &'a Snapshot,
    sql: String,
    page: VecDeque<(i64, RowRecord)>,
    /// The row and number of the last line read.
    last: (i64, i64),
    ended: bool,
}

impl<'a> RowRecords<'a> {
    fn new(snapshot: &'a Snapshot, which: &str) -> Self {
        let sql = format!(
            "SELECT {COLUMNS} FROM deliveries WHERE (row, n) > (?1, ?2) AND {which} ORDER BY row, n LIMIT {SNAPSHOT_PAGE}"
        );
        Self {
            snapshot,
            sql,
            page: VecDeque::new(),
            last: (-1, -1),
            ended: false,
        }
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.snapshot.store.connection.prepare_cached(&self.sql)?;
        let (row, n) = self.last;
        for line in page.query_map(params![row, n], line)? {
            let (n, line) = line?;
            self.last = (i64::try_from(line.row).unwrap_or(i64::MAX), n);
            self.page.push_back((n, line));
        }
        self.ended = self.page.is_empty();
        Ok(())
    }
}

impl Iterator for RowRecords<'_> {
    type Item = Result<RowRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.ended
            && let Err(source) = self.next_page()
        {
            self.ended = true;
            self.page.clear();
            return Some(Err(self.snapshot.store.read_error(source)));
        }
        self.page.pop_front().map(|(_, line)| Ok(line))
    }
}

/// What [`line`] reads.
const COLUMNS: &str = "n, key, row, line, name, recipient, body, state, correspondence, attempts, status, code, message, trace, first_at, last_at";

/// The row with a key.
pub(super) fn line_of(file: &Connection, key: Uuid) -> rusqlite::Result<Option<RowRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE key = ?1");
    let mut found = file.prepare_cached(&sql)?;
    let found = found.query_row([key.as_bytes()], line).optional()?;
    Ok(found.map(|(_, line)| line))
}

fn line(row: &Row<'_>) -> rusqlite::Result<(i64, RowRecord)> {
    let line = RowRecord {
        key: id(row, 1)?.unwrap_or_default(),
        row: count(row, 2)?,
        line: count(row, 3)?,
        name: row.get(4)?,
        recipient: row.get(5)?,
        body: row.get(6)?,
        state: named(row, 7)?,
        correspondence: id(row, 8)?,
        attempts: count(row, 9)?,
        status: row.get(10)?,
        code: row.get(11)?,
        message: row.get(12)?,
        trace: row.get(13)?,
        first_at: instant(row, 14)?,
        last_at: time(row, 15)?,
    };
    Ok((row.get(0)?, line))
}

pub(super) fn latest_run(store: &Store) -> Result<Option<Run>, JournalError> {
    let sql = "SELECT rows, earlier, skipped, invalid, plan, started_at, ended_at, ending, reason
        FROM runs ORDER BY n DESC LIMIT 1";
    store
        .connection
        .query_row(sql, [], |row| {
            let ended = match instant(row, 6)? {
                None => None,
                Some(at) => Some(EndedRun {
                    at,
                    how: named(row, 7)?,
                    reason: row.get(8)?,
                }),
            };
            Ok(Run {
                rows: count(row, 0)?,
                earlier: count(row, 1)?,
                skipped: count(row, 2)?,
                invalid: count(row, 3)?,
                plan: row.get(4)?,
                started_at: time(row, 5)?,
                ended,
            })
        })
        .optional()
        .map_err(|source| store.read_error(source))
}

/// Rows that a run reads at a time.
const RESUME_PAGE: u32 = 4096;

/// What is on record of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Its key.
    pub key: Uuid,
    /// The row it had in the recipients file when it was last tried, from 1.
    pub row: u64,
    /// Where it stands.
    pub state: State,
    /// When anything last happened.
    pub last_at: Timestamp,
    body: Option<DigestHead>,
    accepted: Option<DigestHead>,
}

impl Recorded {
    /// Whether the letter that was tried had the digest that begins with these eight bytes.
    pub fn has_body(&self, head: u64) -> bool {
        self.body == Some(head.to_be_bytes())
    }

    /// Whether somebody has said that the text the letter was sent with stands, though it now has a digest that begins with these eight bytes.
    pub fn is_accepted(&self, head: u64) -> bool {
        self.accepted == Some(head.to_be_bytes())
    }
}

/// All rows of a journal in the order they came into it, as they were when this was made. Memory does not grow with their number.
#[derive(Debug)]
pub struct RecordedRows {
    store: Store,
    sql: String,
    page: VecDeque<Recorded>,
    last: i64,
    ended: bool,
}

impl RecordedRows {
    pub(super) fn new(store: Store) -> Result<Self, JournalError> {
        store
            .connection
            .execute_batch("BEGIN")
            .map_err(|source| store.read_error(source))?;
        // An older format that is only read has no such column.
        let accepted = store.has_column("deliveries", "accepted")?;
        let accepted = if accepted { "accepted" } else { "NULL" };
        Ok(Self {
            sql: format!(
                "SELECT n, key, row, state, last_at, substr(body, 1, 8), {accepted} FROM deliveries WHERE n > ?1 ORDER BY n LIMIT ?2"
            ),
            store,
            page: VecDeque::new(),
            last: -1,
            ended: false,
        })
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.store.connection.prepare_cached(&self.sql)?;
        let mut rows = page.query(params![self.last, RESUME_PAGE])?;
        while let Some(row) = rows.next()? {
            self.last = row.get(0)?;
            self.page.push_back(Recorded {
                key: id(row, 1)?.unwrap_or_default(),
                row: count(row, 2)?,
                state: named(row, 3)?,
                last_at: time(row, 4)?,
                body: row.get(5)?,
                accepted: row.get(6)?,
            });
        }
        self.ended = self.page.is_empty();
        Ok(())
    }
}

impl Iterator for RecordedRows {
    type Item = Result<Recorded, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.ended
            && let Err(source) = self.next_page()
        {
            self.ended = true;
            self.page.clear();
            return Some(Err(self.store.read_error(source)));
        }
        self.page.pop_front().map(Ok)
    }
}
