//! The rows as the journal has them: one at a time, in pages for a run that goes on with them, and as a snapshot that stands still for reports.

use std::collections::VecDeque;
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Error, OptionalExtension, Row, params, params_from_iter};
use uuid::Uuid;

use super::checksum::of_cells;
use super::format::FORMAT;
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

/// `SQLite` counts in 63 bits.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows of a snapshot that are read at a time.
const SNAPSHOT_PAGE: u32 = 1000;

/// Everything as it was at one instant.
#[derive(Debug)]
pub(crate) struct Snapshot {
    store: Store,
    header: Header,
    began: Timestamp,
}

/// Everything the journal knows of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowRecord {
    pub key: Uuid,
    /// The row in the recipients file, from 1.
    pub row: u64,
    /// The line it begins on.
    pub line: u64,
    pub name: String,
    pub recipient: String,
    /// The digest of the letter, when one has left.
    pub body: Option<Digest>,
    pub state: State,
    pub correspondence: Option<Uuid>,
    /// Number of requests in all runs.
    pub attempts: u64,
    /// The HTTP status of the last answer, when it was no success.
    pub status: Option<u16>,
    pub code: Option<u32>,
    /// The reason it was not sent.
    pub message: Option<String>,
    pub trace: Option<String>,
    pub first_at: Option<Timestamp>,
    pub last_at: Timestamp,
    /// The first bytes of the digest of a later text, for which a person has accepted that the earlier one stands.
    pub accepted: Option<DigestHead>,
    /// Time of the last request whose effect is not known: while the row is unknown, it may take effect some minutes later.
    pub lost_at: Option<Timestamp>,
    /// Time of the last status request for an accepted letter.
    pub asked_at: Option<Timestamp>,
    pub delivery: Option<String>,
    /// Time at which the row was put on a paper list.
    pub listed_at: Option<Timestamp>,
}

impl RowRecord {
    /// A row of which nothing is known yet.
    pub(super) fn new(key: Uuid) -> Self {
        Self {
            key,
            row: 0,
            line: 0,
            name: String::new(),
            recipient: String::new(),
            body: None,
            state: State::Pending,
            correspondence: None,
            attempts: 0,
            status: None,
            code: None,
            message: None,
            trace: None,
            first_at: None,
            last_at: Timestamp::UNIX_EPOCH,
            accepted: None,
            lost_at: None,
            asked_at: None,
            delivery: None,
            listed_at: None,
        }
    }
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
        let failed = |source| self.store.read_error(source);
        let sql = "SELECT state, count(*) FROM deliveries GROUP BY state";
        let mut counts = self.store.connection.prepare(sql).map_err(failed)?;
        let counts = counts
            .query_map([], |row| Ok((named(row, 0)?, count(row, 1)?)))
            .map_err(failed)?;
        counts.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    /// Every row, in the order of the recipients file.
    pub(crate) fn lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "1")
    }

    /// The rows whose letters Altinn has.
    pub(crate) fn sent_lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "state IN ('sent', 'already-sent')")
    }

    /// The rows that are neither sent nor skipped.
    pub(crate) fn unsettled_lines(&self) -> RowRecords<'_> {
        RowRecords::new(self, "state NOT IN ('sent', 'already-sent', 'skipped')")
    }
}

/// Rows, read a page at a time: memory does not grow with their number.
#[derive(Debug)]
pub(crate) struct RowRecords<'a> {
    snapshot: &'a Snapshot,
    sql: String,
    page: VecDeque<(i64, RowRecord)>,
    /// The row and number of the last line read.
    last: (i64, i64),
    ended: bool,
}

impl<'a> RowRecords<'a> {
    fn new(snapshot: &'a Snapshot, which: &str) -> Self {
        let columns = columns(snapshot.store.format());
        let sql = format!(
            "SELECT {columns} FROM deliveries WHERE (row, n) > (?1, ?2) AND {which} ORDER BY row, n LIMIT {SNAPSHOT_PAGE}"
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
            self.last = advances(self.last, (whole(line.row), n))?;
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

/// The columns of a row in the order of the table, each with the format it came with.
const COLUMNS: [(&str, u32); 21] = [
    ("n", 1),
    ("key", 1),
    ("row", 1),
    ("line", 1),
    ("name", 1),
    ("recipient", 1),
    ("body", 1),
    ("state", 1),
    ("correspondence", 1),
    ("attempts", 1),
    ("status", 1),
    ("code", 1),
    ("message", 1),
    ("trace", 1),
    ("first_at", 1),
    ("last_at", 1),
    ("accepted", 2),
    ("lost_at", 3),
    ("asked_at", 3),
    ("delivery", 3),
    ("listed_at", 3),
];

/// What [`line`] reads from a file of this format: what it has not is nothing.
fn columns(format: u32) -> String {
    let names = COLUMNS.map(|(name, since)| if since <= format { name } else { "NULL" });
    names.join(", ")
}

/// The row with a key.
pub(super) fn line_of(store: &Store, key: Uuid) -> rusqlite::Result<Option<RowRecord>> {
    let found = find(&store.connection, store.format(), key)?;
    Ok(found.map(|(_, line)| line))
}

/// The row with a key and its number, in a file of the present format.
pub(super) fn numbered_record(
    file: &Connection,
    key: Uuid,
) -> rusqlite::Result<Option<(i64, RowRecord)>> {
    find(file, FORMAT, key)
}

fn find(file: &Connection, format: u32, key: Uuid) -> rusqlite::Result<Option<(i64, RowRecord)>> {
    let sql = format!("SELECT {} FROM deliveries WHERE key = ?1", columns(format));
    let mut found = file.prepare_cached(&sql)?;
    found.query_row([key.as_bytes()], line).optional()
}

/// The key of the row that has a correspondence.
pub(super) fn row_with_correspondence(
    file: &Connection,
    correspondence: Uuid,
) -> rusqlite::Result<Option<Uuid>> {
    let sql = "SELECT key FROM deliveries WHERE correspondence = ?1";
    let mut found = file.prepare_cached(sql)?;
    let found = found.query_row([correspondence.as_bytes()], |row| id(row, 0));
    Ok(found.optional()?.flatten())
}

/// Writes a row under its number, or as a new one, with its checksum.
pub(super) fn write_record(
    file: &Connection,
    number: Option<i64>,
    record: &RowRecord,
) -> rusqlite::Result<()> {
    let number = match number {
        Some(number) => number,
        None => next_number(file)?,
    };
    let cells = record.cells(number);
    let sum = of_cells(cells.iter().map(Into::into));
    let sum = Value::from(sum);
    file.prepare_cached(&WRITE)?
        .execute(params_from_iter(cells.iter().chain([&sum])))?;
    Ok(())
}

/// The number goes into the checksum, so that it is chosen here.
fn next_number(file: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce(max(n), 0) + 1 FROM deliveries";
    file.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// A row with the same number is changed; with the same key or correspondence as another one it is refused.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    let names = COLUMNS.map(|(name, _)| name);
    let places = vec!["?"; names.len()].join(", ");
    let changes = names.map(|name| format!("{name} = excluded.{name}"));
    format!(
        "INSERT INTO deliveries ({}, sum) VALUES ({places}, ?) ON CONFLICT (n) DO UPDATE SET {}, sum = excluded.sum",
        names.join(", "),
        changes.join(", ")
    )
});

impl RowRecord {
    fn cells(&self, number: i64) -> [Value; COLUMNS.len()] {
        let instant = |at: Option<Timestamp>| Value::from(at.map(Timestamp::as_millisecond));
        [
            number.into(),
            self.key.as_bytes().to_vec().into(),
            whole(self.row).into(),
            whole(self.line).into(),
            self.name.clone().into(),
            self.recipient.clone().into(),
            self.body.map(|body| body.to_vec()).into(),
            self.state.name().to_owned().into(),
            self.correspondence.map(|id| id.as_bytes().to_vec()).into(),
            whole(self.attempts).into(),
            self.status.map(i64::from).into(),
            self.code.map(i64::from).into(),
            self.message.clone().into(),
            self.trace.clone().into(),
            instant(self.first_at),
            self.last_at.as_millisecond().into(),
            self.accepted.map(|head| head.to_vec()).into(),
            instant(self.lost_at),
            instant(self.asked_at),
            self.delivery.clone().into(),
            instant(self.listed_at),
        ]
    }
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
        accepted: row.get(16)?,
        lost_at: instant(row, 17)?,
        asked_at: instant(row, 18)?,
        delivery: row.get(19)?,
        listed_at: instant(row, 20)?,
    };
    Ok((row.get(0)?, line))
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
    last: i64,
    ended: bool,
}

impl RecordedRows {
    pub(super) fn new(store: Store) -> Result<Self, JournalError> {
        store
            .connection
            .execute_batch("BEGIN")
            .map_err(|source| store.read_error(source))?;
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
            self.last = advances(self.last, row.get(0)?)?;
            self.page.push_back(Recorded {
                key: id(row, 1)?.unwrap_or_default(),
                row: count(row, 2)?,
                state: named(row, 3)?,
                last_at: time(row, 4)?,
                body: row.get(5)?,
                accepted: row.get(6)?,
                lost_at: instant(row, 7)?,
                listed: row.get(8)?,
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
