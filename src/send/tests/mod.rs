//! The pace and the tries of letters, in virtual time, against servers that are made up.

mod pacing;
mod refusals;
mod server;
mod trying;
