//! Runs a plan: each letter exactly once, concurrently, and every one accounted for.
//!
//! All concurrency is in one place (`engine`), the only retry loop is in `attempt`, what an answer means is one table
//! (`verdict`), and the engine tells what happens as [`Event`]s that others draw.

mod adaptive_concurrency;
mod attachments;
mod attempt;
mod changes;
mod circuit_breaker;
mod delivery;
mod delivery_end;
mod engine;
mod event;
mod lookup;
mod options;
mod outcome;
mod planner;
mod rate_estimator;
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

pub use changes::{ChangedInput, ChangedRow, Changes, HowChanged, changed_inputs};
pub use engine::Engine;
pub use event::{Event, Observer, PaceSnapshot};
pub use options::{Options, RetryRefused, SecondLetterPolicy};
pub use planner::{Planner, with_planner};
pub use reconcile::{ResumeState, refuse_changed};
pub use run_end::{LeftBehind, Reconciled, RecoveredLetters, RunEnd, SendError, Summary};
pub use second_letter_check::possible_second_letters;
pub use second_letters::{SecondLetter, SecondLetters};
pub use signals::Stop;
pub use verdict::{Verdict, judge};
