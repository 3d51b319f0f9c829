//! Templates: compiled once, rendered for each row.
//!
//! [`Names`] is what a template may speak of: the columns, the variables and a few names of massebrev's own. [`Templates`] compiles JSON values
//! whose strings are templates into [`Tree`]s, and renders a tree for a [`Scope`] (one row) straight into a typed value. Names that do not exist
//! are found when compiling. Templates see no environment, no network and no file outside the manifest's folder.

mod error;
mod folder;
mod functions;
mod leaf;
mod letters;
mod mismatch;
mod names;
mod program;
mod rendered;
mod scan;
mod scope;
mod templates;
mod tree;

pub use error::{SetupError, TemplateError};
pub use letters::{ascii, expression, is_mark};
pub use names::{NameProblem, Named, Names};
pub use program::TEXT_LIMIT;
pub use scope::Scope;
pub use templates::Templates;
pub use tree::{Text, Tree};
