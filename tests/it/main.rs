//! One test binary: it drives the real program against the sandbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod attachments;
mod bad_input;
mod disk;
mod examples;
mod exit_status;
mod help;
mod interrupt;
mod journal;
mod layering;
mod new;
mod people;
mod readme;
mod resume;
mod retry;
mod rows;
mod schema;
mod send;
mod storm;
mod support;
mod trouble;
mod validate;
mod wire;
