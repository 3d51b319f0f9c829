//! Templates: compiled once, rendered for each row.
//!
//! [`Names`] is what a template may speak of: the columns, the variables and a few names of massebrev's own. [`Templates`] compiles JSON values
//! whose strings are templates into [`Tree`]s, and renders a tree for a [`Scope`] (one row) straight into a typed value. Names that do not exist
//! are found when compiling. Templates see no environment, no network and no file outside the manifest's folder.

mod borrowed;
mod budget;
mod calendar;
mod condition;
mod dates;
mod engine;
mod error;
mod folder;
mod identifiers;
mod language;
mod leaf;
mod letters;
mod markdown;
mod mismatch;
mod names;
mod numbers;
mod piece;
mod program;
mod reference;
mod render;
mod rendered;
mod scan;
mod scope;
mod templates;
mod texts;
mod tree;

pub use budget::TEXT_LIMIT;
pub use condition::{Condition, parse_bool};
pub use error::{SetupError, TemplateError};
pub use language::Language;
pub use letters::{ascii_letter, column_expression, is_combining_mark};
pub use names::{NameConflict, NameOwner, Names};
pub use reference::reference;
pub use scope::Scope;
pub use templates::{MemberRules, Templates};
pub use tree::{Text, Tree};

#[cfg(test)]
mod tests;
