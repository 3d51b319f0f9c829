//! The report of a run and its formats: an HTML page, CSV for spreadsheets, JSON for programs, and a table for the terminal.
//!
//! Every format is computed from the journal and nothing else, so a run that has just ended, a resumed one and a report a year later agree. Rows are
//! read while they are written, so a million of them need no more memory than ten.

mod csv;
mod csv_and_json;
mod error;
mod format;
mod html;
mod json;
mod run;
mod text;

pub(crate) use csv::{HEADERS as CSV_HEADERS, csv};
pub(crate) use csv_and_json::csv_and_json;
pub(crate) use error::ReportError;
pub(crate) use html::html;
pub(crate) use json::json;
pub(crate) use run::{FailureGroup, Report, StateCounts};
pub(crate) use text::text;
