//! The rows as the journal has them: one at a time, in pages for a run that goes on with them, and as a snapshot that stands still for reports.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Error, OptionalExtension, params};
use uuid::Uuid;

use super::record::{RowRecord, columns, count, find, id, instant, line, named, time, whole};
use super::store::Store;
use super::{DigestHead, EndedRun, Header, JournalError, Run, State};

/// Rows of a snapshot that are read at a time.
const SNAPSHOT_PAGE: u32 = 1000;

/// Everything as it was at one instant.
#[derive(Debug)]
pub(crate) struct Snapshot {
    store: Store,
    header: Header,
    began: Timestamp,
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

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The instant the mailing was first sent.
    pub(crate) fn began(&self) -> Timestamp {
        self.began
    }

    pub(crate) fn run(&self) -> Result<Option<Run>, JournalError> {
        latest_run(&self.store)
    }

    /// Rows by state; states without rows are left out.
    pub(crate) fn counts(&self) -> Result<Vec<(State, u64)>, JournalError> {
        self.count().map_err(|source| self.store.read_error(source))
    }

    fn count(&self) -> rusqlite::Result<Vec<(State, u64)>> {
        let sql = "SELECT state, count(*) FROM deliveries GROUP BY state";
        let mut counts = self.store.connection.prepare(sql)?;
        let counts = counts.query_map([], |row| Ok((named(row, 0)?, count(row, 1)?)))?;
        let mut counts: BTreeMap<State, u64> = counts.collect::<rusqlite::Result<_>>()?;
        for letter in self.store.open_letters()? {
            if letter.number.is_some() {
                let before = counts.entry(letter.before).or_default();
                *before = before.saturating_sub(1);
            }
            *counts.entry(State::InFlight).or_default() += 1;
        }
        counts.retain(|_, count| *count > 0);
        Ok(counts.into_iter().collect())
    }

    /// Every row, in the order of the recipients file.
    pub(crate) fn lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "1", true)
    }

    /// The rows whose letters Altinn has.
    pub(crate) fn sent_lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "state IN ('sent', 'already-sent')", false)
    }

    /// The rows that are neither sent nor skipped.
    pub(crate) fn unsettled_lines(&self) -> RowRecords<'_> {
        RowRecords::new(
            self,
            "state NOT IN ('sent', 'already-sent', 'skipped')",
            true,
        )
    }
}

/// Rows, read a page at a time: memory does not grow with their number. Letters of open blocks are in flight, whatever their rows say.
#[derive(Debug)]
pub(crate) struct RowRecords<'a> {
    snapshot: &'a Snapshot,
    sql: String,
    page: VecDeque<RowRecord>,
    /// Letters in flight that are still to come, in the order of their rows; `None` before they have been read.
    open: Option<VecDeque<RowRecord>>,
    open_keys: HashSet<Uuid>,
    /// The row and number of the last line read.
    last: (i64, i64),
    ended: bool,
    with_open: bool,
}

impl<'a> RowRecords<'a> {
    fn new(snapshot: &'a Snapshot, which: &str, with_open: bool) -> Self {
        let columns = columns(snapshot.store.format());
        let sql = format!(
            "SELECT {columns} FROM deliveries WHERE (row, n) > (?1, ?2) AND {which} ORDER BY row, n LIMIT {SNAPSHOT_PAGE}"
        );
        Self {
            snapshot,
            sql,
            page: VecDeque::new(),
            open: None,
            open_keys: HashSet::new(),
            last: (-1, -1),
            ended: false,
            with_open,
        }
    }

    fn read(&mut self) -> rusqlite::Result<Option<RowRecord>> {
        if self.open.is_none() {
            let open = self.snapshot.store.open_letters()?;
            self.open_keys = open.iter().map(|letter| letter.record.key).collect();
            let mut open: Vec<_> = open.into_iter().map(|letter| letter.record).collect();
            open.retain(|_| self.with_open);
            open.sort_by_key(|record| record.row);
            self.open = Some(open.into());
        }
        while self.page.is_empty() && !self.ended {
            self.next_page()?;
        }
        let open = self.open.get_or_insert_default();
        match (open.front(), self.page.front()) {
            (Some(open), Some(row)) if open.row > row.row => Ok(self.page.pop_front()),
            (None, _) => Ok(self.page.pop_front()),
            (Some(_), _) => Ok(open.pop_front()),
        }
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.snapshot.store.connection.prepare_cached(&self.sql)?;
        let (row, n) = self.last;
        self.ended = true;
        for line in page.query_map(params![row, n], line)? {
            let (n, line) = line?;
            self.last = advances(self.last, (whole(line.row), n))?;
            self.ended = false;
            if !self.open_keys.contains(&line.key) {
                self.page.push_back(line);
            }
        }
        Ok(())
    }
}

impl Iterator for RowRecords<'_> {
    type Item = Result<RowRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.ended = true;
            self.page.clear();
            self.open = Some(VecDeque::new());
        }
        read.map_err(|source| self.snapshot.store.read_error(source))
            .transpose()
    }
}

/// The row with a key.
pub(super) fn line_of(store: &Store, key: Uuid) -> rusqlite::Result<Option<RowRecord>> {
    let open = store.open_letters()?;
    if let Some(letter) = open.into_iter().find(|letter| letter.record.key == key) {
        return Ok(Some(letter.record));
    }
    let found = find(&store.connection, store.format(), key)?;
    Ok(found.map(|(_, line)| line))
}

/// A page that does not go on after the one before is damage: it would be read for ever.
fn advances<T: PartialOrd + Copy>(last: T, next: T) -> rusqlite::Result<T> {
    if next > last {
        Ok(next)
    } else {
        Err(Error::IntegralValueOutOfRange(0, 0))
    }
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

/// The record of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub key: Uuid,
    /// The row it had in the recipients file when it was last tried, from 1.
    pub row: u64,
    pub state: State,
    pub last_at: Timestamp,
    /// Time of the last request whose effect is not known.
    pub lost_at: Option<Timestamp>,
    /// True when the row was given out on a list of those who get paper.
    pub listed: bool,
    body: Option<DigestHead>,
    accepted: Option<DigestHead>,
}

impl Recorded {
    /// True when the letter that was tried had the digest that begins with these eight bytes.
    pub(crate) fn has_body(&self, head: u64) -> bool {
        self.body == Some(head.to_be_bytes())
    }

    /// True when a person has accepted that the text the letter was sent with stands, though it now has a digest that begins with these eight bytes.
    pub(crate) fn is_accepted(&self, head: u64) -> bool {
        self.accepted == Some(head.to_be_bytes())
    }
}

/// All rows of a journal in the order they came into it, as they were when this was made. Memory does not grow with their number.
#[derive(Debug)]
pub(crate) struct RecordedRows {
    store: Store,
    sql: String,
    page: VecDeque<Recorded>,
    /// Letters of open blocks: in flight, whatever their rows say.
    open: HashMap<Uuid, RowRecord>,
    last: i64,
    ended: bool,
}

impl RecordedRows {
    pub(super) fn new(store: Store) -> Result<Self, JournalError> {
        let failed = |source| store.read_error(source);
        store.connection.execute_batch("BEGIN").map_err(failed)?;
        // The first read fixes the instant.
        let open = store.open_letters().map_err(failed)?;
        let open = open.into_iter().map(|letter| letter.record);
        // An older format that is only read has no such columns.
        let accepted = if store.format() >= 2 {
            "accepted"
        } else {
            "NULL"
        };
        let lost = if store.is_sealed() {
            "lost_at, listed_at IS NOT NULL"
        } else {
            "NULL, 0"
        };
        Ok(Self {
            sql: format!(
                "SELECT n, key, row, state, last_at, substr(body, 1, 8), {accepted}, {lost} FROM deliveries WHERE n > ?1 ORDER BY n LIMIT ?2"
            ),
            page: VecDeque::new(),
            open: open.map(|record| (record.key, record)).collect(),
            store,
            last: -1,
            ended: false,
        })
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.store.connection.prepare_cached(&self.sql)?;
        let mut rows = page.query(params![self.last, RESUME_PAGE])?;
        while let Some(row) = rows.next()? {
            self.last = advances(self.last, row.get(0)?)?;
            let key = id(row, 1)?.unwrap_or_default();
            self.page.push_back(match self.open.remove(&key) {
                Some(record) => record.into(),
                None => Recorded {
                    key,
                    row: count(row, 2)?,
                    state: named(row, 3)?,
                    last_at: time(row, 4)?,
                    body: row.get(5)?,
                    accepted: row.get(6)?,
                    lost_at: instant(row, 7)?,
                    listed: row.get(8)?,
                },
            });
        }
        if self.page.is_empty() {
            self.ended = true;
            let open = std::mem::take(&mut self.open);
            self.page.extend(open.into_values().map(Recorded::from));
        }
        Ok(())
    }
}

impl From<RowRecord> for Recorded {
    fn from(record: RowRecord) -> Self {
        Self {
            key: record.key,
            row: record.row,
            state: record.state,
            last_at: record.last_at,
            lost_at: record.lost_at,
            listed: record.listed_at.is_some(),
            body: record.body.and_then(|body| body.first_chunk().copied()),
            accepted: record.accepted,
        }
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
