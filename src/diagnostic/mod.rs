//! Problems with input, each with place, message, cause and hint, and the formats in which they are printed.

mod annotations;
mod csv;
mod excerpt;
mod group;
mod location;
mod lookalike;
mod nearest;
mod problem;
mod render;
mod source;

pub(crate) use annotations::annotations;
pub(crate) use csv::csv;
pub(crate) use lookalike::{as_seen, base_letter, difference, nfc, tidy};
pub(crate) use nearest::{did_you_mean, nearest};
pub(crate) use problem::{
    Code, Place, Precedence, Problem, Problems, Severity, count_rows, has_errors,
};
#[cfg(test)]
pub(crate) use render::tests::render;
pub(crate) use render::{Style, render_all, summary};
pub(crate) use source::Source;
