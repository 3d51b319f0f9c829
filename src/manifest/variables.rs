//! Warnings of variables that YAML reads otherwise than their author meant.

use serde_json::Value;

use super::document::Document;
use super::positions::WrittenScalar;
use crate::diagnostic::{Problem, Problems};

/// Words that YAML 1.1 reads as true or false and YAML 1.2 as texts.
const YAML_1_1_BOOLEANS: [&str; 4] = ["yes", "no", "on", "off"];

/// Warns of numbers that a template shows otherwise than they are written, and of `yes` and `no`.
pub(super) fn check(document: &Document<'_>) -> Problems {
    let mut problems = Problems::new();
    for (WrittenScalar { span, .. }, value) in document.scalars("variables") {
        let text = document.source.text().get(span.clone());
        let problem = text.and_then(|text| misread(text, value));
        problems.extend(problem.map(|(message, cause, hint)| Problem {
            cause,
            hint: Some(hint),
            ..Problem::warning(document.source.place(span), message)
        }));
    }
    problems
}

/// The message, the cause and the hint for a value that YAML reads otherwise than it is written; `None` for all others.
fn misread(written: &str, value: &Value) -> Option<(String, Option<String>, String)> {
    match value {
        Value::Number(number) => {
            let shown = number.to_string();
            // An anchor or a tag in front of the value is a part of `written`: the two cannot be compared then.
            let differs = written != shown && !written.contains(char::is_whitespace);
            differs.then(|| {
                (
                    "a number that is shown otherwise than it is written".to_owned(),
                    Some(format!("templates show {shown}")),
                    format!("quote it, if it is to be shown as it stands: \"{written}\""),
                )
            })
        }
        Value::String(text) => {
            let plain = written == text;
            // A quoted `"yes"` is meant as a text.
            let was = plain && YAML_1_1_BOOLEANS.contains(&text.to_ascii_lowercase().as_str());
            was.then(|| {
                (
                    format!("`{text}` is a text here, not true or false"),
                    None,
                    format!("write true or false, or quote it: \"{text}\""),
                )
            })
        }
        _ => None,
    }
}
