//! How values and their names are put into words.

use serde_json::Value;

use crate::secret;

/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// What a message calls the value at a pointer.
pub(super) fn name(pointer: &str) -> String {
    let mut tokens = pointer
        .rsplit('/')
        .map(|token| token.replace("~1", "/").replace("~0", "~"));
    let last = tokens.next().unwrap_or_default();
    if pointer.is_empty() {
        return "the manifest".to_owned();
    }
    match last.parse::<usize>() {
        Ok(index) => format!(
            "item {} of `{}`",
            index + 1,
            tokens.next().unwrap_or_default()
        ),
        Err(_) => format!("`{last}`"),
    }
}

/// A value as a message may show it: on one line, cut, identity numbers masked.
pub(super) fn shown(text: &str) -> String {
    let text = secret::redact(text);
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// What stands there, without its content when that may not be shown.
pub(super) fn found(value: &Value, written: &str, may_show: bool) -> String {
    match value {
        Value::Null => "nothing stands there".to_owned(),
        Value::String(text) if text.is_empty() => "found an empty text".to_owned(),
        Value::String(text) if !may_show || secret::is_secret(text) => "found a text".to_owned(),
        Value::String(text) => format!("found the text `{}`", shown(text)),
        Value::Number(_) if !may_show => "found a number".to_owned(),
        Value::Number(_) => format!("found the number {}", shown(written)),
        Value::Bool(value) => format!("found {value}"),
        Value::Array(items) if items.is_empty() => "found an empty list".to_owned(),
        Value::Array(_) => "found a list".to_owned(),
        Value::Object(members) if members.is_empty() => "found an empty mapping".to_owned(),
        Value::Object(members) => {
            let names: Vec<_> = members
                .keys()
                .take(4)
                .map(|name| format!("`{}`", shown(name)))
                .collect();
            format!("found a mapping with {}", names.join(", "))
        }
    }
}

/// Names in quotes, as `alternatives`.
pub(super) fn names(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    alternatives(&quoted)
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
