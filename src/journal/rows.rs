//! Reading rows: one by its key, all in pages for a run that resumes, and a consistent snapshot for reports.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Error, OptionalExtension, params};
use uuid::Uuid;

use super::block;
use super::record::{LINE, RowRecord, instant, line, numbered_record, time, whole};
use super::store::Store;
use super::{DigestHead, EndedRun, Header, JournalError, Run, State};

/// Number of rows in a page of a snapshot.
const SNAPSHOT_PAGE: u32 = 1000;

/// The journal as it was at one instant: a read transaction that stays open.
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
        // SQLite begins the read transaction with the first read, not with `BEGIN`.
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
        let sql = "SELECT state, count(*) FROM deliveries GROUP BY state";
        let mut counts = self.store.connection.prepare(sql)?;
        let counts = counts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut counts: BTreeMap<State, u64> = counts.collect::<rusqlite::Result<_>>()?;
        // The rows of open blocks still have their earlier states; the letters count as in flight.
        for letter in block::read(&self.store.connection)? {
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
        RowRecords::new(self, "1", true)
    }

    /// The rows whose letters Altinn has.
    pub(crate) fn sent_lines(&self) -> RowRecords<'_> {
        // Without open blocks: a letter that may be on its way is not known to be at Altinn.
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

/// An iterator over rows, read a page at a time: memory does not grow with their number. Letters of open blocks replace their rows, and are in flight.
#[derive(Debug)]
pub(crate) struct RowRecords<'a> {
    snapshot: &'a Snapshot,
    sql: String,
    page: VecDeque<RowRecord>,
    /// Letters of open blocks not returned yet, in the order of their rows; `None` before the first read.
    open: Option<VecDeque<RowRecord>>,
    open_keys: HashSet<Uuid>,
    /// The row and number of the last line read: the next page begins after it.
    last: (i64, i64),
    ended: bool,
    /// True when letters of open blocks are returned too.
    with_open: bool,
}

impl<'a> RowRecords<'a> {
    fn new(snapshot: &'a Snapshot, which: &str, with_open: bool) -> Self {
        let columns = &*LINE;
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
            let open = block::read(&self.snapshot.store.connection)?;
            self.open_keys = open.iter().map(|letter| letter.record.key).collect();
            let mut open: Vec<_> = open.into_iter().map(|letter| letter.record).collect();
            // `open_keys` keeps them all: the rows of open letters are skipped in any case.
            open.retain(|_| self.with_open);
            open.sort_by_key(|record| record.row);
            self.open = Some(open.into());
        }
        while self.page.is_empty() && !self.ended {
            self.next_page()?;
        }
        // Merges two ordered sequences: the rows and the letters of open blocks.
        let open = self.open.get_or_insert_default();
        match (open.front(), self.page.front()) {
            (Some(open), Some(row)) if open.row > row.row => Ok(self.page.pop_front()),
            (None, _) => Ok(self.page.pop_front()),
            (Some(_), _) => Ok(open.pop_front()),
        }
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let mut page = self.snapshot.store.connection.prepare_cached(&self.sql)?;
        // Keyset pagination: with `OFFSET`, SQLite would read all rows before the page again.
        let (row, n) = self.last;
        self.ended = true;
        for line in page.query_map(params![row, n], line)? {
            let (n, line) = line?;
            // Two rows can have the same row number, after rows were inserted in the file; `n` tells them apart.
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
        // Ends after an error, so that a caller who goes on does not get it for ever.
        if read.is_err() {
            self.ended = true;
            self.page.clear();
            self.open = Some(VecDeque::new());
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

/// Returns `next` when it comes after `last`. A page in any other order is damage, and would be read for ever.
fn advances<T: PartialOrd + Copy>(last: T, next: T) -> rusqlite::Result<T> {
    if next > last {
        Ok(next)
    } else {
        Err(Error::IntegralValueOutOfRange(0, 0))
    }
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

/// Number of rows in a page for a run that resumes.
const RESUME_PAGE: u32 = 4096;

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

/// An iterator over all rows in the order of their first entries, as they were when it was created. Memory does not grow with their number.
#[derive(Debug)]
pub(crate) struct RecordedRows {
    store: Store,
    page: VecDeque<Recorded>,
    /// Letters of open blocks, in flight: they replace their rows.
    open: HashMap<Uuid, RowRecord>,
    last: i64,
    ended: bool,
}

impl RecordedRows {
    pub(super) fn new(store: Store) -> Result<Self, JournalError> {
        let failed = |source| store.read_error(source);
        store.connection.execute_batch("BEGIN").map_err(failed)?;
        // SQLite begins the read transaction with the first read, not with `BEGIN`.
        let open = block::read(&store.connection).map_err(failed)?;
        let open = open.into_iter().map(|letter| letter.record);
        Ok(Self {
            page: VecDeque::new(),
            open: open.map(|record| (record.key, record)).collect(),
            store,
            last: -1,
            ended: false,
        })
    }

    fn next_page(&mut self) -> rusqlite::Result<()> {
        let sql = "SELECT n, key, row, state, last_at, substr(body, 1, 8), accepted, lost_at, listed_at IS NOT NULL
            FROM deliveries WHERE n > ?1 ORDER BY n LIMIT ?2";
        let mut page = self.store.connection.prepare_cached(sql)?;
        let mut rows = page.query(params![self.last, RESUME_PAGE])?;
        while let Some(row) = rows.next()? {
            self.last = advances(self.last, row.get(0)?)?;
            let key: Uuid = row.get(1)?;
            self.page.push_back(match self.open.remove(&key) {
                Some(record) => record.into(),
                None => Recorded {
                    key,
                    row: row.get(2)?,
                    state: row.get(3)?,
                    last_at: time(row, 4)?,
                    body: row.get(5)?,
                    accepted: row.get(6)?,
                    lost_at: instant(row, 7)?,
                    listed: row.get(8)?,
                },
            });
        }
        // Left over are letters in their first block: they have no rows yet.
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
