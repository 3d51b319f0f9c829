//! massebrev sends official letters in bulk through Altinn 3 Correspondence, each exactly once.
//!
//! For other programs: [`altinn`] is a client of the API, [`maskinporten`] gets access tokens, [`correspondence`] has the request types and
//! Altinn's rules, [`sandbox`] is a local Altinn to test against, [`run`] is the program itself.
//!
//! # Layers
//!
//! A module uses those of lower layers only; `tests/it/layering.rs` holds this and lists the few exceptions.
//! `.github/ARCHITECTURE.md` says what each holds and follows one row through them.
//!
//! ```text
//!  4  cli/                                      command line, terminal, exit status
//!  3  send/  report/  preview/  starter/        run a plan; report on it; show it; begin a mailing
//!  2  plan/  altinn/  maskinporten/  journal/   (altinn uses maskinporten)
//!  1  manifest/  recipients/  template/  http/  readers: synchronous, no clock; HTTP client, answers, masking
//!  0  correspondence/  diagnostic/  markdown/    what a letter is, what makes it valid; problems and places; what readers see of a body
//!     secret  text  plain_file
//!  .  sandbox/                                  uses layer 0 only
//! ```
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod altinn;
pub mod correspondence;
pub mod maskinporten;
pub mod sandbox;

mod cli;
mod diagnostic;
mod http;
mod journal;
mod manifest;
mod markdown;
mod plain_file;
mod plan;
mod preview;
mod recipients;
mod report;
mod secret;
mod send;
mod starter;
mod template;
mod text;

/// Runs the program `massebrev` with the arguments of this process; the exit status is described in its help.
pub fn run() -> std::process::ExitCode {
    cli::run().into()
}
