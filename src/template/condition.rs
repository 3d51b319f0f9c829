//! Conditions: the member `when`, which decides if a part of a letter is included.

use super::error::{TemplateError, excerpt};

/// Parses `true` or `false` in any case; `None` for anything else.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Refuses a rendered condition that is neither true, false nor empty.
pub(super) fn check_condition(text: &str) -> Result<(), Vec<TemplateError>> {
    if parse_condition(text).is_some() {
        return Ok(());
    }
    let error = TemplateError::new("`when` is neither true nor false")
        .with_cause(format!("rendered {}", excerpt(text)))
        .with_hint("compare, as in `{{ Mobil != \"\" }}`");
    Err(vec![error])
}

/// Parses the rendered text of a condition. An empty text is false, so that a template can be an `if` without `else`.
pub(crate) fn parse_condition(text: &str) -> Option<bool> {
    if text.trim().is_empty() {
        Some(false)
    } else {
        parse_bool(text)
    }
}
