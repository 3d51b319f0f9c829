//! The sandbox driven over HTTP, as a client sees it.

mod access;
mod attachments;
mod desk;
mod enclosed;
mod letters;
mod search;
mod trouble;
