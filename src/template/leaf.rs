//! One text in a tree that is different from row to row.

use super::program::Program;
use super::scope::Uses;

/// A text to be rendered for each row.
#[derive(Debug)]
pub(super) struct Leaf {
    /// Where it stands.
    pub(super) pointer: String,
    /// The headers of the columns that feed it.
    pub(super) columns: Vec<String>,
    pub(super) origin: Origin,
    /// Whether its values are escaped for Markdown.
    pub(super) is_markdown: bool,
    /// Whether it is the condition of a part.
    pub(super) is_condition: bool,
    /// The leaf that is the condition of the part it is in; it comes before.
    pub(super) condition: Option<usize>,
}

/// Where the text comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// From a template.
    Template(Box<Program>),
    /// From the file whose path this template renders to.
    File(Box<Program>),
}

/// A template once it is known whether it is different from row to row.
#[derive(Debug)]
pub(super) enum Compiled {
    /// The same for all rows: rendered.
    Constant(String),
    /// To be rendered for each row.
    Varying(Box<Program>),
}

impl Origin {
    pub(super) fn uses(&self) -> &Uses {
        match self {
            Self::Template(program) | Self::File(program) => &program.uses,
        }
    }
}
