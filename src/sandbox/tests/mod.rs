//! The sandbox driven over HTTP, as a client sees it.

mod access;
mod attachments;
mod client;
mod enclosed;
mod letters;
mod search;
mod trouble;
