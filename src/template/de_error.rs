//! The error of a rendered value that does not fit its type.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::error::{TemplateError, excerpt};
use super::names::did_you_mean;
use crate::diagnostic::nearest;
use crate::text::join_alternatives;

/// Boxed, because serde hands errors through every level of a value.
impl Error for Box<TemplateError> {
    /// Takes the message of a type, without the value that many types put in front: values are masked and shown as the cause.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        // "`2026-13-01` is not a date" becomes "the text is not a date".
        let own = message
            .strip_prefix('`')
            .and_then(|rest| rest.rsplit_once("` "))
            .map(|(_, own)| own);
        let message = match own {
            Some(own) => format!("the text {own}"),
            None if message.starts_with("UUID") => "the text is not a UUID".to_owned(),
            None => message,
        };
        TemplateError::new(message).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Map => "an object".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            other => excerpt(&other.to_string().replace('`', "")),
        };
        let error = TemplateError::new(format!("expected {expected}"));
        error.with_cause(found).into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let quoted: Vec<_> = expected.iter().map(|word| format!("`{word}`")).collect();
        let mut error = TemplateError::new(format!("expected {}", join_alternatives(&quoted)));
        error.hint = nearest(found, expected.iter().copied()).map(did_you_mean);
        error.with_cause(excerpt(found)).into()
    }
}

/// Completes an error with its place, and with the text that was rendered there.
pub(super) fn at(error: TemplateError, pointer: String, text: Option<&str>) -> TemplateError {
    let remedy = || remedy(&error.message, text?.trim());
    TemplateError {
        hint: error.hint.clone().or_else(remedy),
        cause: text
            .map(|text| format!("rendered {}", excerpt(text)))
            .or(error.cause),
        pointer,
        ..error
    }
}

/// A hint for a text that is nearly right.
fn remedy(message: &str, text: &str) -> Option<String> {
    // The words that columns use for true and false.
    let answers = ["ja", "nei", "yes", "no", "1", "0", "x"];
    if message.contains("`true` or `false`") {
        let answer = answers
            .iter()
            .find(|answer| text.eq_ignore_ascii_case(answer))
            .unwrap_or(&"ja");
        return Some(format!("compare, as in `{{{{ column == \"{answer}\" }}}}`"));
    }
    let is_norwegian = || {
        let parts: Vec<_> = text.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u16>().is_ok())
    };
    (message.contains("is not a date") && is_norwegian())
        .then(|| "write `| date(form=\"iso\")` after it in the braces".to_owned())
}
