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

pub(crate) use columns::Columns;
pub(crate) use folder::{Starter, WriteError};
pub(crate) use manifest::EXAMPLE_RESOURCE;
pub(crate) use name::mailing_name;
