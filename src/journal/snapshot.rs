//! A look at the journal that stands still while a run goes on: its rows in order, its counts, its latest run.

use std::collections::VecDeque;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::column::{count, id, instant, named, time};
use super::store::Store;
use super::{Digest, Ended, Header, JournalError, Run, State};

/// How many rows are read at a time.
const PAGE: u32 = 1000;

/// Everything as it was at one instant.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    header: Header,
    began: Timestamp,
}

/// Everything the journal knows of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
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
    pub fn lines(&self) -> Lines<'_> {
        Lines::new(self, "1")
    }

    /// The rows whose letters Altinn has.
    pub fn sent_lines(&self) -> Lines<'_> {
        Lines::new(self, "state IN ('sent', 'already-sent')")
    }

    /// The rows that are neither sent nor skipped.
    pub fn unsettled_lines(&self) -> Lines<'_> {
        Lines::new(self, "state NOT IN ('sent', 'already-sent', 'skipped')")
    }
}

/// Rows, read a page at a time: memory does not grow with their number.
#[derive(Debug)]
pub struct Lines<'a> {
    snapshot: &'a Snapshot,
    sql: String,
    page: VecDeque<(i64, Line)>,
    /// The row and number of the last line read.
    last: (i64, i64),
    ended: bool,
}

impl<'a> Lines<'a> {
    fn new(snapshot: &'a Snapshot, which: &str) -> Self {
        let sql = format!(
            "SELECT {COLUMNS} FROM deliveries WHERE (row, n) > (?1, ?2) AND {which} ORDER BY row, n LIMIT {PAGE}"
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

impl Iterator for Lines<'_> {
    type Item = Result<Line, JournalError>;

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
pub(super) fn line_of(file: &Connection, key: Uuid) -> rusqlite::Result<Option<Line>> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE key = ?1");
    let mut found = file.prepare_cached(&sql)?;
    let found = found.query_row([key.as_bytes()], line).optional()?;
    Ok(found.map(|(_, line)| line))
}

fn line(row: &Row<'_>) -> rusqlite::Result<(i64, Line)> {
    let line = Line {
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
                Some(at) => Some(Ended {
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
