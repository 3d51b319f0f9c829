//! `massebrev new`: the files of a new mailing, that is a commented manifest, its schema, recipients, and a letter in each language.
//!
//! [`Columns::recognise`] finds the roles of the columns of an existing file; [`Starter`] builds the files for them (or for four synthetic
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
