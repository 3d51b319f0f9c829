//! Runs a plan: each letter exactly once, concurrently, and every one accounted for.
//!
//! All concurrency is in one place (`engine`), the only retry loop is in `attempt`, what an answer means is one table
//! (`verdict`), and the engine tells what happens as [`Event`]s that others draw.

mod attachments;
mod attempt;
mod breaker;
mod canary;
mod changes;
mod closed;
mod delivery;
mod ending;
mod engine;
mod event;
mod heard;
mod learned;
mod limit;
mod lookup;
mod meter;
mod outcome;
mod pace;
mod planner;
mod reason;
mod reckoning;
mod standing;
mod stop;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

pub use changes::{Change, ChangedInput, ChangedRow, Changes, changed_inputs, refuse_changed};
pub use ending::{Ending, Left, Reckoned, SendError, Summary};
pub use engine::{Engine, Options};
pub use event::{Event, Observer, Snapshot};
pub use planner::{Planner, with_planner};
pub use standing::Standing;
pub use stop::Stop;
pub use verdict::{Verdict, judge};
