//! Changes to the file, each within the transaction of its group: every entry is checked by [`transition`], and every row is written with a checksum.
//!
//! An error of `SQLite`'s rolls the whole group back, and the writer stops. The inner error of some changes refuses this one alone.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::block::{self, OpenLetter, StateBefore};
use super::record::{
    RowRecord, next_number, numbered_record, row_with_correspondence, write_record,
};
use super::{Entry, IllegalStep, JournalError, Start, State, transition};

/// The letters of open blocks without an outcome, each with the number of its block; and their count by block.
#[derive(Debug, Default)]
pub(super) struct OpenBlocks {
    letters: HashMap<Uuid, (OpenLetter, i64)>,
    remaining: HashMap<i64, usize>,
    /// The number of the next new row; `None` before the first.
    next_number: Option<i64>,
}

/// Makes every letter unknown that was in flight when an earlier process died. Returns their number.
pub(super) fn cut_off(file: &mut Connection) -> rusqlite::Result<usize> {
    let file = file.transaction()?;
    // A lost request may take effect for some minutes, counted from the last time the dead process is known to have run.
    let alive: Option<i64> =
        file.query_row("SELECT max(alive_at) FROM runs", [], |row| row.get(0))?;
    let alive = alive.and_then(|alive| Timestamp::from_millisecond(alive).ok());
    // Without a recorded run each row's own `last_at` counts.
    let entry = Entry::CutOff(alive.unwrap_or_default());
    let mut found: Vec<_> = block::read(&file)?
        .into_iter()
        .map(|letter| (letter.number, letter.record))
        .collect();
    // Formats before 3 have no blocks: there the rows themselves are in flight, also after the migration.
    let in_flight = {
        let mut rows = file.prepare("SELECT key FROM deliveries WHERE state = ?1")?;
        let keys = rows.query_map([State::InFlight.name()], |row| row.get(0))?;
        keys.collect::<rusqlite::Result<Vec<Uuid>>>()?
    };
    for key in in_flight {
        found.extend(numbered_record(&file, key)?.map(|(number, record)| (Some(number), record)));
    }
    let count = found.len();
    for (number, record) in found {
        // A letter new in its block gets its row only now.
        let number = match number {
            Some(number) => number,
            None => next_number(&file)?,
        };
        write_record(&file, number, &record.after(State::Unknown, &entry))?;
    }
    // In the same transaction as the rows: a crash in between must not forget that these letters may have been sent. Without the condition SQLite would write to the
    // file also when there is no block.
    file.execute("DELETE FROM blocks WHERE n IS NOT NULL", [])?;
    file.commit()?;
    Ok(count)
}

/// Opens a block for all these letters, or for none when one of them is refused. Does not touch their rows. Returns the states of the rows, in the order of the letters.
pub(super) fn open_block(
    file: &Connection,
    open: &mut OpenBlocks,
    letters: Vec<(Uuid, Start)>,
) -> rusqlite::Result<Result<Vec<StateBefore>, JournalError>> {
    // One time for all: the letters of a block leave within about half a second.
    let at = letters.first().map(|(_, start)| start.at);
    let mut opened = Vec::with_capacity(letters.len());
    let mut keys = HashSet::with_capacity(letters.len());
    for (key, start) in letters {
        let found = numbered_record(file, key)?;
        // The row does not show that its letter is in an open block, or twice in this one.
        let state = if open.letters.contains_key(&key) || !keys.insert(key) {
            State::InFlight
        } else {
            found.as_ref().map_or(State::Pending, |(_, row)| row.state)
        };
        let entry = Entry::Started(start);
        let body = found.as_ref().and_then(|(_, row)| row.body.as_ref());
        if let Err(step) = transition(state, body, &entry) {
            let row = found.as_ref().map_or(0, |(_, row)| row.row);
            return Ok(Err(refusal(step, key, state, row, &entry)));
        }
        // The entry was only needed for `transition`; this always matches.
        let Entry::Started(start) = entry else {
            continue;
        };
        opened.push(OpenLetter::new(found, key, start));
    }
    let number = block::write(file, at.unwrap_or_default(), &opened)?;
    open.remaining.insert(number, opened.len());
    let before = opened.iter().map(|letter| letter.before).collect();
    let letters = opened.into_iter();
    let letters = letters.map(|letter| (letter.record.key, (letter, number)));
    // Only when the block is written: a refused one must leave no letters in memory.
    open.letters.extend(letters);
    Ok(Ok(before))
}

/// Records an entry and returns the row's new state. The row's present state is that of the open block, when it is in one.
pub(super) fn record(
    file: &Connection,
    open: &mut OpenBlocks,
    key: Uuid,
    entry: &Entry,
) -> rusqlite::Result<Result<State, JournalError>> {
    let block = open.letters.remove(&key);
    // A letter of an open block is in flight only in memory: its row still has the earlier state.
    let found = match &block {
        Some((letter, _)) => Some((letter.number, letter.record.clone())),
        None => numbered_record(file, key)?.map(|(number, row)| (Some(number), row)),
    };
    let (number, current) = found.unwrap_or_else(|| (None, RowRecord::new(key)));
    let (from, row) = (current.state, current.row);
    let written = match transition(from, current.body.as_ref(), entry) {
        Ok(to) => {
            let record = current.after(to, entry);
            let number = match number {
                Some(number) => number,
                None => open.next_number(file)?,
            };
            match write_record(file, number, &record) {
                Ok(()) => Ok(to),
                // The constraint is the one on `correspondence`: the row was looked for by its key, and a new one has a number of its own.
                Err(error) if is_unique_violation(&error) => {
                    let id = record.correspondence.unwrap_or_default();
                    let other = row_with_correspondence(file, id)?.unwrap_or_default();
                    Err(JournalError::IdTaken { key, id, other })
                }
                Err(error) => return Err(error),
            }
        }
        Err(step) => Err(refusal(step, key, from, row, entry)),
    };
    match (&written, block) {
        (Ok(_), Some((_, block))) => open.end_letter(file, block)?,
        // The letter is still in flight: another entry for it must be possible.
        (Err(_), Some(letter)) => _ = open.letters.insert(key, letter),
        (_, None) => {}
    }
    Ok(written)
}

impl OpenBlocks {
    /// Removes all open blocks: their letters without an outcome have not been sent. Requested only when no letter is in flight.
    pub(super) fn close(&mut self, file: &Connection) -> rusqlite::Result<()> {
        file.execute("DELETE FROM blocks", [])?;
        self.letters.clear();
        self.remaining.clear();
        Ok(())
    }

    /// The number for a new row. Only this writer adds rows, so the file is asked once. A number stays unused when its row is refused.
    fn next_number(&mut self, file: &Connection) -> rusqlite::Result<i64> {
        let number = match self.next_number {
            Some(number) => number,
            None => next_number(file)?,
        };
        self.next_number = Some(number + 1);
        Ok(number)
    }

    /// Counts an outcome in a block. The last one closes the block, in the transaction that records the outcome.
    fn end_letter(&mut self, file: &Connection, block: i64) -> rusqlite::Result<()> {
        let remaining = self.remaining.entry(block).or_default();
        *remaining = remaining.saturating_sub(1);
        if *remaining == 0 {
            self.remaining.remove(&block);
            let sql = "DELETE FROM blocks WHERE n = ?1";
            file.prepare_cached(sql)?.execute([block])?;
        }
        Ok(())
    }
}

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn refusal(step: IllegalStep, key: Uuid, state: State, row: u64, entry: &Entry) -> JournalError {
    match step {
        IllegalStep::Illegal => JournalError::Illegal {
            key,
            state,
            entry: entry.name(),
        },
        IllegalStep::Drift => JournalError::Drift { key, row, state },
    }
}
