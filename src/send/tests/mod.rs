//! The pace and the tries of letters, in virtual time, against servers that are made up.

mod learning;
mod pacing;
mod server;
mod trying;
