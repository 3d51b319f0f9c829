//! Reading rows: a consistent snapshot with its rows in pages, for reports and for a run that resumes; one row by its key; the latest run.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Error, OptionalExtension, Row};
use uuid::Uuid;

use super::block::{self, OpenLetter};
use super::record::{LINE, RowRecord, instant, line, numbered_record, time, whole};
use super::store::Store;
use super::{DigestHead, EndedRun, Header, JournalError, Run, State};

/// The journal as it was at one instant: a read transaction that stays open.
#[derive(Debug)]
pub(crate) struct Snapshot {
    store: Store,
    header: Header,
    began: Timestamp,
    /// The letters of open blocks, in the order of their rows.
    open: Vec<OpenLetter>,
}

impl Snapshot {
    pub(super) fn take(path: &Path) -> Result<Self, JournalError> {
        let store = Store::open_for_reading(path)?;
        let failed = |source| store.read_error(source);
        store.connection.execute_batch("BEGIN").map_err(failed)?;
        // SQLite begins the read transaction with the first read, not with `BEGIN`.
        let mut open = block::read(&store.connection).map_err(failed)?;
        open.sort_by_key(|letter| letter.record.row);
        Ok(Self {
            header: store.header()?,
            began: store.began()?,
            store,
            open,
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Time of the first send.
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
        // Counted here: SQLite would sort all rows to group them.
        let mut states = self
            .store
            .connection
            .prepare("SELECT state FROM deliveries")?;
        let mut states = states.query([])?;
        let mut counts = BTreeMap::<State, u64>::new();
        while let Some(row) = states.next()? {
            *counts.entry(row.get(0)?).or_default() += 1;
        }
        // The rows of open blocks still have their earlier states; the letters count as in flight.
        for letter in &self.open {
            if letter.number.is_some() {
                let before = counts.entry(letter.before).or_default();
                *before = before.saturating_sub(1);
            }
            *counts.entry(State::InFlight).or_default() += 1;
        }
        counts.retain(|_, count| *count > 0);
        Ok(counts.into_iter().collect())
    }

    /// All rows, in the order of the recipients file.
    pub(crate) fn lines(&self) -> RowRecords<'_> {
        self.records("1", true)
    }

    /// The rows whose letters Altinn has.
    pub(crate) fn sent_lines(&self) -> RowRecords<'_> {
        // Without open blocks: a letter that may be on its way is not known to be at Altinn.
        self.records("state IN ('sent', 'already-sent')", false)
    }

    /// The rows that are neither sent nor skipped.
    pub(crate) fn unsettled_lines(&self) -> RowRecords<'_> {
        self.records("state NOT IN ('sent', 'already-sent', 'skipped')", true)
    }

    fn records(&self, which: &str, with_open: bool) -> RowRecords<'_> {
        let columns = &*LINE;
        let sql = format!(
            "SELECT {columns} FROM deliveries WHERE (row, n) > (?1, ?2) AND {which} ORDER BY row, n LIMIT 1000"
        );
        Rows::new(self, sql, with_open)
    }

    /// All rows, in the order of their first entries, for a run that resumes.
    pub(crate) fn recorded(&self) -> Rows<'_, Recorded> {
        let sql = "SELECT n, key, row, state, last_at, substr(body, 1, 8), accepted, lost_at, listed_at IS NOT NULL
            FROM deliveries WHERE (n, 0) > (?1, ?2) ORDER BY n LIMIT 4096";
        Rows::new(self, sql.to_owned(), true)
    }
}

/// An iterator over rows, read a page at a time: memory does not grow with their number. Letters of open blocks replace their rows, and are in flight.
#[derive(Debug)]
pub(crate) struct Rows<'a, T> {
    snapshot: &'a Snapshot,
    /// Selects the page after a place.
    sql: String,
    page: VecDeque<T>,
    /// Letters of open blocks not returned yet, in the order of their rows.
    open: VecDeque<T>,
    open_keys: HashSet<Uuid>,
    /// The place of the last row read: the next page begins after it.
    last: (i64, i64),
    ended: bool,
}

pub(crate) type RowRecords<'a> = Rows<'a, RowRecord>;

/// A row, or a part of one, as [`Rows`] reads it.
pub(crate) trait Line: From<RowRecord> {
    /// The row and its place in the order in which they are read.
    fn read(row: &Row<'_>) -> rusqlite::Result<((i64, i64), Self)>;
    fn key(&self) -> Uuid;
    /// The row in the recipients file.
    fn row(&self) -> u64;
}

impl Line for RowRecord {
    fn read(row: &Row<'_>) -> rusqlite::Result<((i64, i64), Self)> {
        let (n, line) = line(row)?;
        // Two rows can have the same row number, after rows were inserted in the file; `n` tells them apart.
        Ok(((whole(line.row), n), line))
    }

    fn key(&self) -> Uuid {
        self.key
    }

    fn row(&self) -> u64 {
        self.row
    }
}

impl<'a, T: Line> Rows<'a, T> {
    fn new(snapshot: &'a Snapshot, sql: String, with_open: bool) -> Self {
        let open = snapshot.open.iter().map(|letter| &letter.record);
        Self {
            snapshot,
            sql,
            page: VecDeque::new(),
            // All of them, also when they are not returned: their rows are not either.
            open_keys: open.clone().map(|record| record.key).collect(),
            open: open
                .filter(|_| with_open)
                .map(|record| record.clone().into())
                .collect(),
            last: (-1, -1),
            ended: false,
        }
    }

    fn read(&mut self) -> rusqlite::Result<Option<T>> {
        while self.page.is_empty() && !self.ended {
            self.next_page()?;
        }
        // Merges two sequences: the rows and the letters of open blocks.
        match (self.open.front(), self.page.front()) {
            (Some(open), Some(row)) if open.row() > row.row() => Ok(self.page.pop_front()),
            (None, _) => Ok(self.page.pop_front()),
            (Some(_), _) => Ok(self.open.pop_front()),
        }
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.snapshot.store.connection.prepare_cached(&self.sql)?;
        // Keyset pagination: with `OFFSET`, SQLite would read all rows before the page again.
        let mut rows = page.query(self.last)?;
        self.ended = true;
        while let Some(row) = rows.next()? {
            let (place, line) = T::read(row)?;
            // A page in any other order is damage, and would be read for ever.
            if place <= self.last {
                return Err(Error::IntegralValueOutOfRange(0, place.0));
            }
            self.last = place;
            self.ended = false;
            if !self.open_keys.contains(&line.key()) {
                self.page.push_back(line);
            }
        }
        Ok(())
    }
}

impl<T: Line> Iterator for Rows<'_, T> {
    type Item = Result<T, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        // Ends after an error, so that a caller who goes on does not get it for ever.
        if read.is_err() {
            self.ended = true;
            self.page.clear();
            self.open.clear();
        }
        read.map_err(|source| self.snapshot.store.read_error(source))
            .transpose()
    }
}

/// The row with a key, as in flight when its letter is in an open block.
pub(super) fn line_of(store: &Store, key: Uuid) -> rusqlite::Result<Option<RowRecord>> {
    let open = block::read(&store.connection)?;
    if let Some(letter) = open.into_iter().find(|letter| letter.record.key == key) {
        return Ok(Some(letter.record));
    }
    // Not in an open block, so the row has the present state.
    let found = numbered_record(&store.connection, key)?;
    Ok(found.map(|(_, line)| line))
}

/// The latest run; `None` before the first.
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
        })
        .optional()
        .map_err(|source| store.read_error(source))
}

/// The part of a row's record that a run needs to resume. Small: a run reads it for every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub key: Uuid,
    /// The row in the recipients file of the last run that recorded it, from 1.
    pub row: u64,
    pub state: State,
    pub last_at: Timestamp,
    /// Time of the last request without an answer.
    pub lost_at: Option<Timestamp>,
    /// True when the row is on a paper list that was given out.
    pub listed: bool,
    body: Option<DigestHead>,
    accepted: Option<DigestHead>,
}

impl Recorded {
    /// True when the digest of the letter last tried begins with these eight bytes.
    pub(crate) fn has_body(&self, head: u64) -> bool {
        self.body == Some(head.to_be_bytes())
    }

    /// True when a person has accepted the text that was sent, knowing the changed text whose digest begins with these eight bytes.
    pub(crate) fn is_accepted(&self, head: u64) -> bool {
        self.accepted == Some(head.to_be_bytes())
    }
}

impl Line for Recorded {
    fn read(row: &Row<'_>) -> rusqlite::Result<((i64, i64), Self)> {
        let recorded = Self {
            key: row.get(1)?,
            row: row.get(2)?,
            state: row.get(3)?,
            last_at: time(row, 4)?,
            body: row.get(5)?,
            accepted: row.get(6)?,
            lost_at: instant(row, 7)?,
            listed: row.get(8)?,
        };
        Ok(((row.get(0)?, 0), recorded))
    }

    fn key(&self) -> Uuid {
        self.key
    }

    fn row(&self) -> u64 {
        self.row
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
