//! Problems with input: place, message, cause and hint; and how they are printed.

mod annotations;
mod csv;
mod excerpt;
mod group;
mod json;
mod lookalike;
mod nearest;
mod problem;
mod render;
mod source;

pub use annotations::annotations;
pub use csv::csv;
pub use lookalike::{as_seen, difference, is_invisible, nfc, tidy};
pub use nearest::{did_you_mean, nearest};
pub use problem::{Code, Place, Precedence, Problem, Problems, Severity};
pub use render::{Style, render, render_all, summary};
pub use source::{Position, Source};
