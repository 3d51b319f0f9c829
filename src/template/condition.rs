//! Conditions: the member `when`, which decides if a part of a letter is included.

use super::error::{TemplateError, excerpt};

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

/// Parses a rendered condition: `true` or `false` in any case. An empty text is false, so that a template can be an `if` without `else`.
pub(crate) fn parse_condition(text: &str) -> Option<bool> {
    match text.trim() {
        "" => Some(false),
        text => text.to_ascii_lowercase().parse().ok(),
    }
}
