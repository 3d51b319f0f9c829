//! The record of one row: how entries change it, and its columns in the file.

use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Error, OptionalExtension, Row, params_from_iter};
use uuid::Uuid;

use super::checksum::of_cells;
use super::{Digest, DigestHead, Entry, LetterEnd, Start, State};
use crate::secret::redact;

/// Reads a time in milliseconds since 1970; `None` for `NULL`.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| {
            Timestamp::from_millisecond(value)
                .map_err(|_| Error::IntegralValueOutOfRange(column, value))
        })
        .transpose()
}

/// Like [`instant`], for columns that are never `NULL`.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let missing = || Error::IntegralValueOutOfRange(column, 0);
    instant(row, column)?.ok_or_else(missing)
}

/// A count as `SQLite` stores it: limited to 63 bits.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The message of letters that were in flight when the process died.
const CUT_OFF: &str = "the program ended before the answer came";
/// The message of letters whose recorded correspondence belongs to a different row.
const DISPUTED: &str = "the answer to it named a letter that is another row's";

/// Everything the journal knows of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowRecord {
    pub key: Uuid,
    /// The row in the recipients file, from 1.
    pub row: u64,
    /// The line of the CSV file on which the row begins.
    pub line: u64,
    pub name: String,
    pub recipient: String,
    /// The digest of the letter last sent or tried.
    pub body: Option<Digest>,
    pub state: State,
    pub correspondence: Option<Uuid>,
    /// Number of requests in all runs.
    pub attempts: u64,
    /// The HTTP status of the last answer, unless it was a success.
    pub status: Option<u16>,
    pub code: Option<u32>,
    /// The reason why the letter was not sent.
    pub message: Option<String>,
    pub trace: Option<String>,
    pub first_at: Option<Timestamp>,
    pub last_at: Timestamp,
    /// The digest head of a changed text that a person has seen, accepting the text that was sent.
    pub accepted: Option<DigestHead>,
    /// Time of the last request without an answer. It may still take effect some minutes later.
    pub lost_at: Option<Timestamp>,
    /// Time of the last status request for an accepted letter.
    pub asked_at: Option<Timestamp>,
    pub delivery: Option<String>,
    /// Time at which the row was put on a paper list.
    pub listed_at: Option<Timestamp>,
}

impl RowRecord {
    /// True when the digest of the letter last tried begins with these eight bytes.
    pub(crate) fn has_body(&self, head: u64) -> bool {
        self.body
            .is_some_and(|body| body.starts_with(&head.to_be_bytes()))
    }

    /// True when a person has accepted the text that was sent, knowing the changed text whose digest begins with these eight bytes.
    pub(crate) fn is_accepted(&self, head: u64) -> bool {
        self.accepted == Some(head.to_be_bytes())
    }

    /// The record of a row without entries.
    pub(super) fn new(key: Uuid) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// The record of a row after an entry that leads to state `to`. Pure: the result is written as it is, under one checksum.
    pub(super) fn after(self, to: State, entry: &Entry) -> Self {
        let mut record = self;
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
            // The request may have left at any time until the process was last known to run.
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
            // The earlier state and its reason stay readable in the message.
            Entry::Dropped { reason, at } => {
                let cause = record.message.take();
                let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                let reason = redact(reason);
                record.message = Some(format!("{reason} (was {from}{cause})"));
                record.last_at = *at;
            }
        }
        record
    }

    fn start(&mut self, start: &Start) {
        // Status, code and message of an earlier outcome are dropped.
        *self = Self {
            row: start.row,
            line: start.line,
            name: redact(&start.name).into_owned(),
            recipient: redact(&start.recipient).into_owned(),
            body: Some(start.body),
            // The first try of the letter, in whichever run.
            first_at: self.first_at.or(Some(start.at)),
            last_at: start.at,
            correspondence: self.correspondence,
            attempts: self.attempts,
            state: self.state,
            // Until the outcome is known, an earlier request may still take effect.
            lost_at: self.lost_at,
            listed_at: self.listed_at,
            ..Self::new(self.key)
        };
    }

    fn end(&mut self, end: &LetterEnd) {
        let reason = end.outcome.reason();
        // `AlreadySent` may come without an id; one that is known stays.
        self.correspondence = end.outcome.id().or(self.correspondence);
        // Added up over the runs.
        self.attempts += u64::from(end.attempts);
        self.status = reason.and_then(|reason| reason.status);
        self.code = reason.and_then(|reason| reason.code);
        self.message = reason.map(|reason| redact(&reason.message).into_owned());
        let trace = reason.and_then(|reason| reason.trace.as_deref());
        self.trace = trace.map(|trace| redact(trace).into_owned());
        self.last_at = end.at;
        // Any other outcome settles what the lost request did.
        let is_unknown = self.state == State::Unknown;
        self.lost_at = end.lost_at.or(self.lost_at).filter(|_| is_unknown);
        // A letter that was sent, or may be, needs no paper.
        if self.state != State::Reserved {
            self.listed_at = None;
        }
    }
}

/// The columns of a row, in the order of the table: those that [`line`] reads.
pub(super) const COLUMNS: &str = "n, key, row, line, name, recipient, body, state, correspondence, attempts, status, code, message, trace, first_at, last_at, accepted, lost_at, asked_at, delivery, listed_at";

/// The row with a key and its number.
pub(super) fn numbered_record(
    file: &Connection,
    key: Uuid,
) -> rusqlite::Result<Option<(i64, RowRecord)>> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {COLUMNS} FROM deliveries WHERE key = ?1"));
    // Runs for every letter, so the statement is cached.
    let mut found = file.prepare_cached(&SQL)?;
    found.query_row([key], line).optional()
}

/// The key of the row that has a correspondence.
pub(super) fn row_with_correspondence(
    file: &Connection,
    correspondence: Uuid,
) -> rusqlite::Result<Option<Uuid>> {
    let sql = "SELECT key FROM deliveries WHERE correspondence = ?1";
    let mut found = file.prepare_cached(sql)?;
    found
        .query_row([correspondence], |row| row.get(0))
        .optional()
}

/// Writes a row under its number, with its checksum.
pub(super) fn write_record(
    file: &Connection,
    number: i64,
    record: &RowRecord,
) -> rusqlite::Result<()> {
    let cells = record.cells(number);
    let sum = of_cells(cells.iter().map(Into::into));
    let sum = Value::from(sum);
    file.prepare_cached(&WRITE)?
        .execute(params_from_iter(cells.iter().chain([&sum])))
        .and_then(|rows| match rows {
            1 => Ok(()),
            // The row with the number has another key: it must not be lost.
            rows => Err(Error::StatementChangedRows(rows)),
        })
}

/// The number of a new row. Chosen here instead of by `SQLite`, since the checksum covers it.
pub(super) fn next_number(file: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce(max(n), 0) + 1 FROM deliveries";
    file.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Updates the row with the same number and key. Refuses a row with the key or correspondence of another one.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    let changes = COLUMNS.replace(", ", ", excluded.");
    let places = vec!["?"; COLUMNS.split(", ").count()].join(", ");
    format!(
        "INSERT INTO deliveries ({COLUMNS}, sum) VALUES ({places}, ?) ON CONFLICT (n) DO UPDATE SET ({COLUMNS}, sum) = (excluded.{changes}, excluded.sum) WHERE key = excluded.key"
    )
});

impl RowRecord {
    /// The checksum of the record when stored under this number.
    pub(super) fn checksum(&self, number: i64) -> i64 {
        of_cells(self.cells(number).iter().map(Into::into))
    }

    fn cells(&self, number: i64) -> [Value; 21] {
        let instant = |at: Option<Timestamp>| Value::from(at.map(Timestamp::as_millisecond));
        [
            number.into(),
            self.key.into(),
            whole(self.row).into(),
            whole(self.line).into(),
            self.name.clone().into(),
            self.recipient.clone().into(),
            self.body.map(|body| body.to_vec()).into(),
            self.state.name().to_owned().into(),
            self.correspondence.into(),
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

/// Decodes a row selected with [`COLUMNS`]: its number and record.
pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<(i64, RowRecord)> {
    let line = RowRecord {
        key: row.get(1)?,
        row: row.get(2)?,
        line: row.get(3)?,
        name: row.get(4)?,
        recipient: row.get(5)?,
        body: row.get(6)?,
        state: row.get(7)?,
        correspondence: row.get(8)?,
        attempts: row.get(9)?,
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
