//! What is wrong with what a person wrote: where, why, and what to do about it.

mod problem;
mod source;

pub use problem::{Code, Place, Problem, Problems, Severity};
pub use source::{Position, Source};
