//! Blocks: one durable entry for all letters that may leave next.
//!
//! Opening a block changes no row: a row is written when its letter's outcome is known. Closing a block therefore leaves the rows of letters that were not sent in
//! their earlier states. When the process dies with a block open, its letters without an outcome become unknown.

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::Error::IntegralValueOutOfRange;
use rusqlite::types::Value;
use uuid::Uuid;

use super::checksum::insert;
use super::record::{RowRecord, numbered_record, time};
use super::{Entry, Start, State};

/// The state of a row before the block that lets its letter leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateBefore {
    pub state: State,
    /// Time of an earlier lost request that may still take effect.
    pub lost_at: Option<Timestamp>,
    /// True when an earlier run has tried the letter with the same text.
    pub has_this_text: bool,
}

/// A letter of an open block.
#[derive(Debug)]
pub(super) struct OpenLetter {
    /// The number of its row; `None` when no earlier run has recorded the letter.
    pub(super) number: Option<i64>,
    /// The state of its row before the block.
    pub(super) before: StateBefore,
    /// The checksum of its row before the block; 0 without a row. Another one later means that the outcome has been recorded.
    sum: i64,
    /// The row's record with the state in flight; not written to the row itself.
    pub(super) record: RowRecord,
}

impl OpenLetter {
    pub(super) fn new(found: Option<(i64, RowRecord)>, key: Uuid, start: Start) -> Self {
        let sum = found
            .as_ref()
            .map_or(0, |(number, record)| record.checksum(*number));
        let (number, record) = found.unzip();
        let record = record.unwrap_or_else(|| RowRecord::new(key));
        Self {
            number,
            before: StateBefore {
                state: record.state,
                lost_at: record.lost_at,
                has_this_text: record.body == Some(start.body),
            },
            sum,
            record: record.after(State::InFlight, &Entry::Started(start)),
        }
    }
}

/// Writes a block and returns its number.
pub(super) fn write(
    file: &Connection,
    at: Timestamp,
    letters: &[OpenLetter],
) -> rusqlite::Result<i64> {
    // One blob for all letters: a row each would cost an index search and a page write before every letter.
    let mut blob = Vec::with_capacity(letters.len() * 128);
    for OpenLetter { record, sum, .. } in letters {
        blob.extend_from_slice(record.key.as_bytes());
        blob.extend_from_slice(&record.body.unwrap_or_default());
        // Compared in `read` to find out if the outcome was recorded.
        blob.extend_from_slice(&sum.to_le_bytes());
        blob.extend_from_slice(&record.row.to_le_bytes());
        blob.extend_from_slice(&record.line.to_le_bytes());
        // Only texts vary in length; everything before them has a fixed size.
        for text in [&record.name, &record.recipient] {
            blob.extend_from_slice(&(text.len() as u64).to_le_bytes());
            blob.extend_from_slice(text.as_bytes());
        }
    }
    let at = at.as_millisecond().into();
    insert(file, "blocks", &[Value::Null, at, blob.into()])?;
    Ok(file.last_insert_rowid())
}

/// The letters of all open blocks whose outcome is not recorded.
///
/// # Errors
///
/// `IntegralValueOutOfRange` when a blob does not decode; the caller reports it as damage.
pub(super) fn read(file: &Connection) -> rusqlite::Result<Vec<OpenLetter>> {
    let mut blocks = file.prepare("SELECT at, letters FROM blocks ORDER BY n")?;
    let mut blocks = blocks.query([])?;
    let mut open = Vec::new();
    while let Some(block) = blocks.next()? {
        let at = time(block, 0)?;
        // The blob has no count: letters follow one another to its end.
        let mut bytes = Bytes(block.get_ref(1)?.as_blob()?);
        while !bytes.0.is_empty() {
            let (key, before, start) = bytes.letter(at).ok_or(IntegralValueOutOfRange(1, 0))?;
            let letter = OpenLetter::new(numbered_record(file, key)?, key, start);
            // A block does not record which letters have ended: recording an outcome changes the row, and with it the checksum.
            if letter.sum == before {
                open.push(letter);
            }
        }
    }
    Ok(open)
}

/// The undecoded rest of a block's blob.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// The next letter: key, checksum of its row before the block, and its start. `None` when bytes are missing.
    fn letter(&mut self, at: Timestamp) -> Option<(Uuid, i64, Start)> {
        let key = Uuid::from_bytes(self.take()?);
        let body = self.take()?;
        let before = i64::from_le_bytes(self.take()?);
        let start = Start {
            row: u64::from_le_bytes(self.take()?),
            line: u64::from_le_bytes(self.take()?),
            name: self.text()?,
            recipient: self.text()?,
            body,
            at,
        };
        Some((key, before, start))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text(&mut self) -> Option<String> {
        // A damaged length can exceed the blob, so the split is checked.
        let length = usize::try_from(u64::from_le_bytes(self.take()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
