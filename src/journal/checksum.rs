//! A checksum in every row, to find damage that `SQLite` does not: it accepts a key, a state or an id with a flipped bit.

use std::fs::File;
use std::io::Read as _;
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

/// FNV-1a over the cells of a row, each with its type and length. It detects accidental damage (every change of a single byte), not forgery.
#[derive(Clone, Copy)]
pub(super) struct Checksum(u64);

impl Checksum {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn add(&mut self, cell: ValueRef<'_>) {
        let (kind, bytes): (u8, &[u8]) = match cell {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => {
                self.add_bytes(&[1]);
                return self.add_bytes(&number.to_le_bytes());
            }
            ValueRef::Real(number) => {
                self.add_bytes(&[2]);
                return self.add_bytes(&number.to_le_bytes());
            }
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        // The length keeps `ab`, `c` apart from `a`, `bc` in neighbouring cells.
        self.add_bytes(&[kind]);
        self.add_bytes(&(bytes.len() as u64).to_le_bytes());
        self.add_bytes(bytes);
    }

    /// As the file has it: `SQLite` counts with a sign.
    fn stored(self) -> i64 {
        i64::from_le_bytes(self.0.to_le_bytes())
    }
}

/// The checksum of cells in the order of their columns.
pub(super) fn of_cells<'a>(cells: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
    let mut sum = Checksum::START;
    cells.into_iter().for_each(|cell| sum.add(cell));
    sum.stored()
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
/// second for a million rows. `is_sealed` is false for formats without checksums.
pub(super) fn verify(file: &Connection, path: &Path, is_sealed: bool) -> Result<(), JournalError> {
    let damaged = |reason: String| JournalError::damaged(path, reason);
    let unreadable = |source: rusqlite::Error| JournalError::read(path, source);
    if !has_sound_header(path) {
        return Err(damaged("its header is not one of SQLite's".to_owned()));
    }
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
    for table in SEALED {
        let broken = verify_rows(file, table).map_err(unreadable)?;
        if broken > 0 {
            let rows = count(broken, "row");
            return Err(damaged(format!(
                "the checksum of {rows} in `{table}` does not fit"
            )));
        }
    }
    for (index, column) in INDEXES {
        if !agrees(file, index, column).map_err(unreadable)? {
            return Err(damaged(format!(
                "the index of `{column}` does not fit its rows"
            )));
        }
    }
    Ok(())
}

/// True when the fixed bytes of the file's header have their legal values (<https://www.sqlite.org/fileformat.html>, section 1.3). `SQLite` would open a file whose
/// write version is damaged, but read-only.
fn has_sound_header(path: &Path) -> bool {
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let versions = &header[18..20];
    // SQLite rejects shorter files by itself.
    read.is_err()
        || versions.iter().all(|version| matches!(version, 1 | 2))
            && header[20..24] == [0, 64, 32, 32]
            && matches!(header[56..60], [0, 0, 0, 0 | 1])
}

/// Number of rows in a table whose checksum does not match.
fn verify_rows(file: &Connection, table: &str) -> rusqlite::Result<u64> {
    let columns = columns(file, table)?;
    let sql = format!("SELECT count(*) FROM {table} WHERE sum IS NOT checksum({columns})");
    file.query_row(&sql, [], |row| row.get(0))
}

/// True when an index holds the entries of its table in ascending order. `PRAGMA integrity_check` finds the same, but searches the index for every row.
fn agrees(file: &Connection, index: &str, column: &str) -> rusqlite::Result<bool> {
    let table =
        // Without these clauses SQLite could answer both queries from the same source.
        format!("SELECT {column}, n FROM deliveries NOT INDEXED WHERE {column} IS NOT NULL");
    let (in_table, _) = sum_of_pairs(file, &table)?;
    let index = format!(
        "SELECT {column}, n FROM deliveries INDEXED BY {index} WHERE {column} IS NOT NULL ORDER BY {column}"
    );
    let (in_index, ascends) = sum_of_pairs(file, &index)?;
    Ok(in_table == in_index && ascends)
}

/// The sum of the checksums of all pairs, independent of their order, and true when their first cells ascend.
fn sum_of_pairs(file: &Connection, sql: &str) -> rusqlite::Result<(i64, bool)> {
    let mut select = file.prepare(sql)?;
    let mut rows = select.query([])?;
    let (mut sum, mut ascends, mut last) = (0_i64, true, Value::Null);
    while let Some(row) = rows.next()? {
        // Addition is commutative: table and index are read in different orders.
        sum = sum.wrapping_add(of_cells([row.get_ref(0)?, row.get_ref(1)?]));
        let this: Value = row.get(0)?;
        // Out of order, SQLite's binary search would miss entries, although all of them are there.
        ascends &= match (&last, &this) {
            // Row numbers may repeat, keys and correspondences may not.
            (Value::Integer(last), Value::Integer(this)) => last <= this,
            (Value::Blob(last), Value::Blob(this)) => last < this,
            _ => true,
        };
        last = this;
    }
    Ok((sum, ascends))
}
