//! massebrev sends official letters in bulk through Altinn 3 Correspondence, each exactly once.
//!
//! # Layout
//!
//! Arrows point down only (`tests/it/layering.rs` holds it, with the few that point sideways):
//!
//! ```text
//!  3  send/  follow/  report/  preview/  starter/   run a plan, follow it up, tell it, show it; begin a mailing
//!  2  plan/  altinn/  maskinporten/  journal/       (altinn -> maskinporten is the one sideways arrow)
//!  1  manifest/  recipients/  template/             readers: synchronous, no network, no clock
//!  0  correspondence/  diagnostic/  secret          the vocabulary: what a letter is, what makes it valid
//!                                                   (correspondence -> diagnostic -> secret)
//!  .  sandbox/                                      beside the tower: shares `correspondence/` and nothing else
//! ```
//!
//! The binary crate (`main.rs`, `cli/`) is floor 4: it knows about arguments, terminals and exit statuses, and the library cannot see it.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod altinn;
pub mod correspondence;
pub mod diagnostic;
pub mod journal;
pub mod manifest;
pub mod maskinporten;
pub mod plan;
pub mod preview;
pub mod recipients;
pub mod report;
pub mod sandbox;
pub mod secret;
pub mod send;
pub mod starter;
pub mod template;
