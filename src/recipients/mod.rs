//! The recipients file: delimited text as spreadsheets save it, read row by row.
//!
//! [`Rows::open`] detects the encoding and the delimiter unless they are configured, checks the header, and then returns one [`Row`] at a time with
//! the line it begins on. Memory does not grow with the file.

mod charset;
mod damage;
mod dialect;
mod encoding;
mod first_records;
mod header;
mod layout;
mod read_error;
mod records;
mod row;
mod rows;

pub(crate) use damage::{Damage, detect_damage, is_date, month_of, serial_date, with_signs_named};
pub(crate) use dialect::Dialect;
pub(crate) use row::Row;
pub(crate) use rows::{Options, Rows};
