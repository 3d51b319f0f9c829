//! One test binary: it drives the real program against the sandbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod attachments;
mod attachments_own;
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
mod preview;
mod readme;
mod render;
mod render_diff;
mod render_plan;
mod render_send;
mod resume;
mod retry;
mod rows;
mod schema;
mod secrets;
mod send;
mod storm;
mod support;
mod templates;
mod token;
mod token_network;
mod token_sources;
mod tokens;
mod trouble;
mod validate;
mod wire;
