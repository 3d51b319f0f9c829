//! The error of a rendered value that does not fit its type.

use serde_json::Value;

use super::error::{TemplateError, TemplatePlace};
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Problem, did_you_mean};
use crate::text::join_alternatives;

/// Explains an error of serde for the value at a pointer.
pub(super) fn explain(
    error: &serde_json::Error,
    pointer: String,
    value: Option<&Value>,
) -> TemplateError {
    let error = error.to_string();
    let expected = error.rsplit_once(", expected ");
    // A message that begins with the row's text is a type's own.
    let (message, words) = match expected.filter(|_| !error.starts_with('`')) {
        // "invalid type: integer `7`, expected a string", "unknown variant `x`, expected one of `Email`, `Sms`".
        Some((_, expected)) => {
            let words: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
            let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            let expected = match quoted.as_slice() {
                [] => expected.to_owned(),
                quoted => join_alternatives(quoted),
            };
            (format!("expected {expected}"), words)
        }
        None => (own_message(&error), Vec::new()),
    };
    let text = value.and_then(Value::as_str);
    let meant = || did_you_mean(text?, words.into_iter());
    let place = TemplatePlace {
        pointer,
        ..TemplatePlace::default()
    };
    Problem {
        hint: text
            .and_then(|text| remedy(&message, text.trim()))
            .or_else(meant),
        cause: value.map(|value| match value {
            Value::String(text) => format!("rendered {}", excerpt(text)),
            Value::Object(_) => "an object".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            value => excerpt(&value.to_string()),
        }),
        ..Problem::error(place, message)
    }
}

/// The message of a type, without the value that many types put in front: values are masked and shown as the cause.
fn own_message(message: &str) -> String {
    // "`2026-13-01` is not a date" becomes "the text is not a date".
    let own = message
        .strip_prefix('`')
        .and_then(|rest| rest.rsplit_once("` "));
    match own {
        Some((_, own)) => format!("the text {own}"),
        None => message.to_owned(),
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
