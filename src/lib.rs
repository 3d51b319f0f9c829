//! massebrev sends official letters in bulk through Altinn 3 Correspondence, each exactly once.
//!
//! For other programs: [`altinn`] is a client of the API, [`maskinporten`] gets access tokens, [`correspondence`] has the request types and
//! Altinn's rules, [`sandbox`] is a local Altinn to test against. The other modules are public only because the binary crate (`main.rs`,
//! `cli/`) uses them; they may change with any version.
//!
//! # Layers
//!
//! A module uses those of lower layers only; `tests/it/layering.rs` holds this and lists the few exceptions.
//! `.github/ARCHITECTURE.md` says what each holds and follows one row through them.
//!
//! ```text
//!  4  main.rs  cli/                             command line, terminal, exit status (the binary crate)
//!  3  send/  report/  preview/  starter/        run a plan; report on it; show it; begin a mailing
//!  2  plan/  altinn/  maskinporten/  journal/   (altinn uses maskinporten)
//!  1  manifest/  recipients/  template/  http/  readers: synchronous, no clock; HTTP client, answers, masking
//!  0  correspondence/  diagnostic/  markdown/    what a letter is, what makes it valid; problems and places; what readers see of a body
//!     secret  text
//!  .  sandbox/                                  uses layer 0 only
//! ```
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod altinn;
pub mod correspondence;
pub mod maskinporten;
pub mod sandbox;

#[doc(hidden)]
pub mod diagnostic;
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod manifest;
#[doc(hidden)]
pub mod markdown;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod preview;
#[doc(hidden)]
pub mod recipients;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod secret;
#[doc(hidden)]
pub mod send;
#[doc(hidden)]
pub mod starter;
#[doc(hidden)]
pub mod template;
#[doc(hidden)]
pub mod text;
