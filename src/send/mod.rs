//! Runs a plan: sends each letter exactly once, and records the outcome of each in the journal.
//!
//! Letters are sent concurrently only in `Engine::send_rest`. The only retry loop is `Attempts::exchange` (`attempt`), and one table decides what follows from an answer
//! (`verdict`). The engine reports progress as [`Event`]s.

mod adaptive_concurrency;
mod attachments;
mod attempt;
mod changes;
mod circuit_breaker;
mod delivery;
mod engine;
mod event;
mod letters;
mod lookup;
mod options;
mod planner;
mod rate_limiter;
mod reconcile;
mod run_end;
mod second_letter_check;
mod second_letters;
mod signals;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use changes::{ChangedInput, Changes, changed_inputs};
pub(crate) use engine::Engine;
pub(crate) use event::{Event, LONG_WAIT, Observer, PaceSnapshot, Wait};
pub(crate) use options::{Options, RetryRefused, SecondLetterPolicy};
pub(crate) use planner::{Planner, with_planner};
pub(crate) use reconcile::{ResumeState, refuse_changed};
pub(crate) use run_end::RunEnd;
pub(crate) use run_end::{LeftBehind, Reconciled, SendError, Summary};
pub(crate) use second_letter_check::possible_second_letters;
pub(crate) use second_letters::SecondLetters;
pub(crate) use signals::Stop;
