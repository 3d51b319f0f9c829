//! Conditions: `when`, which says whether a part of a letter is there.

use super::error::{TemplateError, excerpt};

/// Reads `true` or `false` in any case; `None` for anything else.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A condition that is neither true nor false.
pub(super) fn neither_true_nor_false(text: &str) -> TemplateError {
    TemplateError::new("`when` is neither true nor false")
        .with_cause(format!("rendered {}", excerpt(text)))
        .with_hint("compare, as in `{{ Mobil != \"\" }}`")
}

/// Reads what a condition rendered to; nothing means that the part is not there.
pub(super) fn applies(text: &str) -> Option<bool> {
    if text.trim().is_empty() {
        Some(false)
    } else {
        parse_bool(text)
    }
}
