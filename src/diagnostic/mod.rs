//! What is wrong with what a person wrote: where, why, and what to do about it.

mod excerpt;
mod nearest;
mod problem;
mod render;
mod source;

pub use nearest::nearest;
pub use problem::{Code, Place, Problem, Problems, Severity};
pub use render::{Style, render, render_all};
pub use source::{Position, Source};
