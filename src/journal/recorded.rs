//! What the journal has of every row, a page at a time, for the run that goes on with it.

use std::collections::VecDeque;

use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::column::{count, id, named, time};
use super::store::Store;
use super::{Head, JournalError, State};

/// How many rows are read at a time.
const PAGE: u32 = 4096;

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
    body: Option<Head>,
    accepted: Option<Head>,
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
        let mut rows = page.query(params![self.last, PAGE])?;
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
