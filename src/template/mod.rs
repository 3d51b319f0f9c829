//! Templates: compiled once, rendered for each row.
//!
//! [`Names`] are the names that a template can use: the columns, the variables and a few of massebrev's own. [`Templates`] compiles JSON values
//! whose strings are templates into [`Tree`]s, and renders a tree for a [`Scope`] (one row) straight into a typed value. Names that do not exist
//! are found when compiling. Templates see no environment, no network and no file outside the manifest's folder.

mod ascii_names;
mod calendar;
mod compiler;
mod condition;
mod dates;
mod de;
mod de_error;
mod engine;
mod error;
mod folder;
mod habits;
mod identifiers;
mod library;
mod markdown;
mod names;
mod numbers;
mod reference;
mod scan;
mod scope;
mod templates;
mod tera_error;
mod texts;
mod token;
mod tree;
mod uses;
mod writer;

pub use ascii_names::{ascii_letter, column_expression, is_combining_mark};
pub use compiler::MemberRules;
pub use condition::parse_bool;
pub use error::{SetupError, TemplateError};
pub use library::ShownColumn;
pub use names::{NameConflict, NameOwner, Names};
pub use reference::reference;
pub use scope::Scope;
pub use templates::Templates;
pub use tree::{Condition, Text, Tree};
pub use writer::{TEXT_LIMIT, take_protected};

#[cfg(test)]
mod tests;
