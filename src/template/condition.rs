//! Conditions: whether a part of a letter is there.

use serde_json::Value;

use super::error::{TemplateError, shown};
use super::templates::Templates;
use super::tree::{Content, Text, compile_text};

/// Whether a part is there, compiled.
#[derive(Debug)]
pub struct Condition(pub(super) Applies);

/// What a condition is.
#[derive(Debug)]
pub(super) enum Applies {
    Always,
    Never,
    Sometimes(Text),
}

impl Condition {
    /// The headers of the columns that feed it.
    pub fn columns(&self) -> Vec<&str> {
        match &self.0 {
            Applies::Always | Applies::Never => Vec::new(),
            Applies::Sometimes(text) => text.columns(),
        }
    }
}

/// Reads `true` or `false` in any case; `None` for anything else.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Compiles the `when` of a part; none means always.
pub(super) fn compile_condition(
    templates: &mut Templates,
    pointer: &str,
    when: Option<&Value>,
) -> Result<Condition, Vec<TemplateError>> {
    let text = match when {
        None | Some(Value::Null | Value::Bool(true)) => return Ok(Condition(Applies::Always)),
        Some(Value::String(text)) => compile_text(templates, pointer, text)?,
        Some(_) => return Ok(Condition(Applies::Never)),
    };
    Ok(Condition(match &text.0 {
        Content::Leaf(_) => Applies::Sometimes(text),
        Content::Constant(constant) => match applies(constant) {
            Some(true) => Applies::Always,
            Some(false) => Applies::Never,
            None => return Err(vec![neither(constant).at(pointer)]),
        },
    }))
}

/// A condition that is neither true nor false.
pub(super) fn neither(text: &str) -> TemplateError {
    TemplateError::new("`when` is neither true nor false")
        .with_cause(format!("rendered {}", shown(text)))
        .with_hint("compare, as in `{{ Mobil != \"\" }}`")
}

/// Whether a part is there, by what its condition renders to; nothing means no.
pub(super) fn applies(text: &str) -> Option<bool> {
    if text.trim().is_empty() {
        Some(false)
    } else {
        parse_bool(text)
    }
}
