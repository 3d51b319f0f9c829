//! A mailing to begin with: a manifest that teaches, its schema, rows, and a letter in each language.
//!
//! [`Columns::recognise`] finds out what the columns of an existing file are for; [`Starter`] builds the files around them (or around four synthetic
//! recipients), and writes all of them or none.

mod columns;
mod folder;
mod letters;
mod manifest;
mod name;
mod recognise;
mod rows;
mod scalar;
mod value_counts;
mod words;

pub use columns::Columns;
pub use folder::{Starter, WriteError};
pub use manifest::EXAMPLE_RESOURCE;
pub use name::mailing_name;
