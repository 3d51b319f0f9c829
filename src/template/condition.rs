//! Conditions: the member `when`, which decides if a part of a letter is included.

use super::error::{TemplateResult, at, template_error};
use crate::correspondence::text::excerpt;

/// Parses the rendered `when` at a pointer. One that is neither true, false nor empty is an error.
pub(super) fn read_condition(text: &str, pointer: &str) -> TemplateResult<bool> {
    parse_condition(text).ok_or_else(|| {
        let error = template_error("`when` is neither true nor false")
            .with_cause(format!("rendered {}", excerpt(text)))
            .with_hint("compare, as in `{{ Mobil != \"\" }}`");
        at(vec![error], pointer)
    })
}

/// Parses a rendered condition: `true` or `false` in any case. An empty text is false, so that a template can be an `if` without `else`.
pub(crate) fn parse_condition(text: &str) -> Option<bool> {
    match text.trim() {
        "" => Some(false),
        text => text.to_ascii_lowercase().parse().ok(),
    }
}
