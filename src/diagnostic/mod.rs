//! What is wrong with what a person wrote: where, why, and what to do about it.

mod annotations;
mod excerpt;
mod group;
mod json;
mod nearest;
mod problem;
mod render;
mod source;

pub use annotations::annotations;
pub use nearest::nearest;
pub use problem::{Code, Place, Precedence, Problem, Problems, Severity};
pub use render::{Style, render, render_all, summary};
pub use source::{Position, Source};
