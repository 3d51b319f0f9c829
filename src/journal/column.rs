//! Columns as our types.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Error, Result, Row};
use uuid::Uuid;

use super::UnknownName;

/// One of our names: a state, an ending.
pub(super) fn named<T: FromStr<Err = UnknownName>>(row: &Row<'_>, column: usize) -> Result<T> {
    let cell = row.get_ref(column)?;
    let text = cell.as_str().map_err(Error::from)?;
    text.parse().map_err(|cause: UnknownName| {
        Error::FromSqlConversionFailure(column, cell.data_type(), Box::new(cause))
    })
}

/// A count: `SQLite` has them with a sign.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// An id, if there is one.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<Option<Uuid>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

/// A time in milliseconds, if there is one.
pub(super) fn instant(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| {
            Timestamp::from_millisecond(value)
                .map_err(|_| Error::IntegralValueOutOfRange(column, value))
        })
        .transpose()
}

/// A time that is always there.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    let missing = || Error::IntegralValueOutOfRange(column, 0);
    instant(row, column)?.ok_or_else(missing)
}
