//! A checksum in every row, to find damage that `SQLite` does not: it accepts a key, a state or an id with a flipped bit.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::JournalError;
use crate::text::count;

/// The tables whose rows have a checksum, always in the last column.
pub(super) const SEALED: [&str; 6] = [
    "meta",
    "deliveries",
    "runs",
    "inputs",
    "attachments",
    "blocks",
];

/// The indexes of `deliveries` that are compared with the table, each with its column.
const INDEXES: [(&str, &str); 3] = [
    ("sqlite_autoindex_deliveries_1", "key"),
    ("deliveries_by_row", "row"),
    ("deliveries_by_correspondence", "correspondence"),
];

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a, continued from `sum`.
fn fnv(sum: u64, bytes: &[u8]) -> u64 {
    let add = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(sum, add)
}

/// The checksum of cells in the order of their columns, each with its type and length. It detects accidental damage (every change of a single byte), not forgery.
pub(super) fn of_cells<'a>(cells: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
    let sum = cells.into_iter().fold(START, |sum, cell| {
        let (kind, number, bytes): (u8, u64, &[u8]) = match cell {
            ValueRef::Null => (0, 0, &[]),
            ValueRef::Integer(number) => (1, number.cast_unsigned(), &[]),
            ValueRef::Real(number) => (2, number.to_bits(), &[]),
            // The length keeps `ab`, `c` apart from `a`, `bc` in neighbouring cells.
            ValueRef::Text(text) => (3, text.len() as u64, text),
            ValueRef::Blob(blob) => (4, blob.len() as u64, blob),
        };
        fnv(fnv(fnv(sum, &[kind]), &number.to_le_bytes()), bytes)
    });
    // `SQLite` counts with a sign.
    sum.cast_signed()
}

/// Makes the checksum a function of SQL on this connection: `checksum(cell, …)`.
pub(super) fn add_function(file: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    // -1: any number of cells.
    file.create_scalar_function("checksum", -1, flags, |cells| {
        Ok(of_cells((0..cells.len()).map(|cell| cells.get_raw(cell))))
    })
}

/// The names of a table's columns, without the checksum.
fn columns(file: &Connection, table: &str) -> rusqlite::Result<String> {
    let select = file.prepare_cached(&format!("SELECT * FROM {table}"))?;
    let names: Vec<_> = select.column_names().collect();
    Ok(names[..names.len() - 1].join(", "))
}

/// Writes a row with its checksum and replaces one with the same primary key. When the first value is `Null`, `SQLite` numbers the row.
pub(super) fn insert(file: &Connection, table: &str, values: &[Value]) -> rusqlite::Result<()> {
    let places = vec!["?"; values.len()].join(", ");
    let sql = format!("INSERT OR REPLACE INTO {table} VALUES ({places}, ?)");
    let sum = Value::from(of_cells(values.iter().map(Into::into)));
    file.prepare_cached(&sql)?
        .execute(params_from_iter(values.iter().chain([&sum])))?;
    match values {
        // The checksum covers the row's number, which `SQLite` has only now given.
        [Value::Null, ..] => seal(file, table, "n = last_insert_rowid()"),
        _ => Ok(()),
    }
}

/// Computes and stores the checksum of every row of a table that meets an SQL condition.
pub(super) fn seal(file: &Connection, table: &str, condition: &str) -> rusqlite::Result<()> {
    let columns = columns(file, table)?;
    let sql = format!("UPDATE {table} SET sum = checksum({columns}) WHERE {condition}");
    file.prepare_cached(&sql)?.execute([])?;
    Ok(())
}

/// Reads the whole file and finds damage: pages that `SQLite` cannot read, rows whose checksum does not match, indexes that differ from their table. Takes about a
/// second for a million rows. `is_sealed` is false for formats without checksums. Called within a transaction: several statements must see the same rows.
pub(super) fn verify(file: &Connection, path: &Path, is_sealed: bool) -> Result<(), JournalError> {
    let damaged = |reason: String| JournalError::damaged(path, reason);
    let unreadable = |source: rusqlite::Error| JournalError::read(path, source);
    // Ends at the first problem: one is enough to refuse the file.
    let said: String = file
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(unreadable)?;
    if said != "ok" {
        return Err(damaged(said));
    }
    // Before format 3 there is nothing to compare with.
    if !is_sealed {
        return Ok(());
    }
    let mut in_table = INDEXES.map(|(_, column)| (column, 0));
    for table in SEALED {
        let indexed: &mut [_] = match table {
            "deliveries" => &mut in_table,
            _ => &mut [],
        };
        let broken = verify_rows(file, table, indexed).map_err(unreadable)?;
        if broken > 0 {
            let rows = count(broken, "row");
            return Err(damaged(format!(
                "the checksum of {rows} in `{table}` does not fit"
            )));
        }
    }
    for ((index, _), (column, in_table)) in INDEXES.into_iter().zip(in_table) {
        let in_index = sum_of_index(file, index, column).map_err(unreadable)?;
        if in_index != Some(in_table) {
            return Err(damaged(format!(
                "the index of `{column}` does not fit its rows"
            )));
        }
    }
    Ok(())
}

/// Number of rows in a table whose checksum does not match. Adds to each sum of `indexed` the entries that an index of this column should have.
fn verify_rows(
    file: &Connection,
    table: &str,
    indexed: &mut [(&str, i64)],
) -> rusqlite::Result<u64> {
    // Otherwise SQLite could read an index in place of the table.
    let mut select = file.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
    let last = select.column_count() - 1;
    let mut places = Vec::with_capacity(indexed.len());
    for (column, _) in &*indexed {
        places.push(select.column_index(column)?);
    }
    let mut rows = select.query([])?;
    let mut broken = 0;
    while let Some(row) = rows.next()? {
        // There is a cell in every column.
        let cells = (0..last).map(|column| row.get_ref(column).unwrap_or(ValueRef::Null));
        broken += u64::from(row.get_ref(last)? != ValueRef::Integer(of_cells(cells)));
        for ((_, sum), place) in indexed.iter_mut().zip(&places) {
            let cell = row.get_ref(*place)?;
            if cell != ValueRef::Null {
                *sum = sum.wrapping_add(of_cells([cell, row.get_ref(0)?]));
            }
        }
    }
    Ok(broken)
}

/// The sum of the checksums of an index's entries, independent of their order; `None` when they are not in ascending order. `PRAGMA integrity_check` compares indexes
/// too, but searches them for every row.
fn sum_of_index(file: &Connection, index: &str, column: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = file.prepare(&format!(
        "SELECT {column}, n FROM deliveries INDEXED BY {index} WHERE {column} IS NOT NULL ORDER BY {column}"
    ))?;
    let mut rows = select.query([])?;
    let (mut sum, mut last) = (0_i64, Value::Null);
    while let Some(row) = rows.next()? {
        sum = sum.wrapping_add(of_cells([row.get_ref(0)?, row.get_ref(1)?]));
        let this: Value = row.get(0)?;
        // Out of order, SQLite's binary search would miss entries, although all of them are there.
        let ascends = match (&last, &this) {
            // Row numbers may repeat, keys and correspondences may not.
            (Value::Integer(last), Value::Integer(this)) => last <= this,
            (Value::Blob(last), Value::Blob(this)) => last < this,
            _ => true,
        };
        if !ascends {
            return Ok(None);
        }
        last = this;
    }
    Ok(Some(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_all_bytes() {
        let numbers = [0, 1, 255, 256, 65_536, 1 << 40, -1, i64::MAX, i64::MIN];
        for number in numbers {
            let all = fnv(fnv(START, &[1]), &number.to_le_bytes());
            assert_eq!(of_cells([ValueRef::Integer(number)]), all.cast_signed());
        }
        // The offset basis and the example of FNV's authors.
        assert_eq!(fnv(START, b"foobar"), 0x8594_4171_f739_67e8);
    }
}
