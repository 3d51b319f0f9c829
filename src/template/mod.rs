//! Templates, which are compiled once and rendered for each row.
//!
//! [`Names`] are the names that a template can use: columns, variables and a few of massebrev's own. [`Templates`] compiles JSON values
//! whose strings are templates into [`Tree`]s, and renders a tree for a [`Scope`] (one row) to a typed value. Names that do not exist
//! are found at compilation. Templates have no access to the environment, the network, or files outside the manifest's folder.

mod ascii_names;
mod builder;
mod calendar;
mod condition;
mod dates;
mod engine;
mod error;
mod folder;
mod identifiers;
mod library;
mod markdown;
mod names;
mod numbers;
mod reference;
mod scan;
mod scope;
mod tag_mistakes;
mod templates;
mod tera_error;
mod texts;
mod token;
mod tree;
mod type_error;
mod uses;
mod values;
mod writer;

pub(crate) use ascii_names::{ascii_letter, column_expression, is_combining_mark};
pub(crate) use condition::parse_condition;
pub(crate) use error::{TemplateError, TemplatePlace, TemplateResult};
pub(crate) use names::{NameConflict, Names};
pub(crate) use reference::REFERENCE;
pub(crate) use scan::without_tags;
pub(crate) use scope::Scope;
pub(crate) use templates::{MemberRules, Templates};
pub(crate) use tree::{ShownColumn, Text, Tree};
pub(crate) use writer::take_protected;

#[cfg(test)]
mod tests;
