//! The run as data, and its formats: HTML for people, CSV for spreadsheets, JSON for programs, a table for the terminal.
//!
//! Every format is computed from the journal and nothing else, so a run that has just ended, a resumed one and a report asked for a year later agree. Rows are
//! read as they are written out: a million of them need no more memory than ten.

mod csv;
mod error;
mod format;
mod html;
mod json;
mod run;
mod text;

pub(crate) use csv::csv;
pub(crate) use error::ReportError;
pub(crate) use html::html;
pub(crate) use json::json;
pub(crate) use run::{FailureGroup, Report, StateCounts};
pub(crate) use text::text;
