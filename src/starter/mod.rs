//! A mailing to begin with: a manifest that teaches, its schema, rows, and a letter in each language.
//!
//! [`Columns::recognise`] finds out what the columns of an existing file are for; [`Starter`] builds the files around them (or around four synthetic
//! recipients), and writes all of them or none.

mod columns;
mod folder;
mod letters;
mod manifest;
mod name;
mod rows;
mod survey;
mod tally;
mod words;
mod yaml;

pub use columns::Columns;
pub use folder::{Starter, WriteError};
pub use name::mailing_name;
