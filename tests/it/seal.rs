//! The checksums of a journal's rows by another hand: whoever changes a journal from outside, as time does in a test, gives its rows new ones.

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

const TABLES: [(&str, &[&str]); 5] = [
    ("meta", &["name"]),
    ("deliveries", &["n"]),
    ("runs", &["n"]),
    ("inputs", &["kind", "name", "run"]),
    ("attachments", &["identity"]),
];

/// Gives every row of a journal the checksum that fits it.
pub(crate) fn seal(file: &Connection) {
    for (table, key) in TABLES {
        let mut select = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count() - 1;
        let key: Vec<_> = key.iter().map(|name| format!("{name} = ?")).collect();
        let condition = key.join(" AND ");
        let mut rows = select.query([]).unwrap();
        let mut sums = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let mut sum = 0xcbf2_9ce4_8422_2325_u64;
            for column in 0..columns {
                for byte in cell(row.get_ref(column).unwrap()) {
                    sum = (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
                }
            }
            let key = (0..key.len()).map(|column| row.get(column).unwrap());
            let sum = Value::Integer(i64::from_le_bytes(sum.to_le_bytes()));
            sums.push([sum].into_iter().chain(key).collect::<Vec<Value>>());
        }
        let sql = format!("UPDATE {table} SET sum = ? WHERE {condition}");
        let mut update = file.prepare(&sql).unwrap();
        for values in sums {
            update.execute(rusqlite::params_from_iter(values)).unwrap();
        }
    }
}

/// A cell with its type, and its length where it has one.
fn cell(value: ValueRef<'_>) -> Vec<u8> {
    let with_length = |kind: u8, bytes: &[u8]| {
        let length = bytes.len() as u64;
        [&[kind][..], &length.to_le_bytes(), bytes].concat()
    };
    match value {
        ValueRef::Null => with_length(0, &[]),
        ValueRef::Integer(number) => [&[1][..], &number.to_le_bytes()].concat(),
        ValueRef::Real(number) => [&[2][..], &number.to_le_bytes()].concat(),
        ValueRef::Text(text) => with_length(3, text),
        ValueRef::Blob(blob) => with_length(4, blob),
    }
}
