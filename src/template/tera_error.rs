//! The translation of Tera's errors to ours.

use super::error::{CAUSE, TemplateError, template_error};
use super::reference::Kind;
use crate::correspondence::text::excerpt;
use crate::secret::redact;

/// Translates a message of Tera to an error: a lowercase fragment, masked, with cause and hint.
pub(super) fn from_tera(message: &str) -> TemplateError {
    let (message, cause) = match message.split_once(CAUSE) {
        Some((message, cause)) => (message, Some(cause.to_owned())),
        None => (message, None),
    };
    // Tera lists everything that is available, which may be hundreds of names.
    let message = message.split(" Available ").next().unwrap_or(message);
    let message = message.trim_end().trim_end_matches('.');
    // Messages of massebrev are lowercase fragments.
    let mut letters = message.chars();
    let lowercase = letters.next().map(|first| first.to_ascii_lowercase());
    let message: String = lowercase.into_iter().chain(letters).collect();
    if let Some(error) = type_mismatch(&message) {
        return error;
    }
    let (message, cause) = match unreadable(&message) {
        Some((message, found)) => (message, Some(found)),
        None => (message, cause),
    };
    let mut error = template_error(redact(&message));
    error.hint = hint(&message);
    error.cause = cause;
    if error.cause.as_deref() == Some("``") {
        let ask = "ask first whether there is one, as in `{% if Frist %}\u{2026}{% endif %}`";
        error.hint.get_or_insert_with(|| ask.to_owned());
        error.cause = Some("the value is empty".to_owned());
    }
    error
}

/// Separates the value that `int` or `float` could not read from the message, so that rows with the same mistake are grouped.
fn unreadable(message: &str) -> Option<(String, String)> {
    let rest = message.strip_prefix("the string `")?;
    let (text, filter) = rest.rsplit_once("` cannot be converted to a")?;
    let needed = if filter.starts_with("n int") {
        "`int` needs a whole number"
    } else {
        "`float` needs a number such as 1234.5"
    };
    Some((needed.to_owned(), excerpt(text)))
}

/// Translates a type error, with types named as users know them: the value of a column is a text. It is wrong in every row.
fn type_mismatch(message: &str) -> Option<TemplateError> {
    let found = |kinds: &str, between| {
        let kinds: Vec<_> = kinds.split(between).map(kind).collect();
        kinds.join(" and ")
    };
    let mut error = if let Some(kinds) = message.strip_prefix("cannot compare ") {
        template_error("only two numbers, or two texts, can be compared as more and less")
            .with_cause(found(kinds, " with "))
            .with_hint("what a column holds, and what `money` and `number` write, is a text: compare numbers as in `Beløp | amount > 0`")
    } else if let Some(kinds) = message.strip_prefix("invalid type for the value, expected ") {
        let (needed, got) = kinds.split_once(" but got ")?;
        let error = template_error(format!("this needs {}", kind(needed))).with_cause(kind(got));
        match kind(needed) {
            "a number" => error.with_hint("what a column holds is a text: read the number first, as in `Beløp | amount | round`"),
            "a whole number" => error.with_hint("write it without quotes; a column's text becomes one with `Antall | int`"),
            _ => error,
        }
    } else if let Some(kind) =
        message.strip_prefix("math operations can only be done on numbers, found ")
    {
        template_error("only numbers can be calculated with")
            .with_cause(found(kind, " and "))
            .with_hint("what a column holds is a text: `Beløp | times(by=2)` and `sum(of=[Beløp, Gebyr])` are exact, `Antall | int * 2` counts")
    } else {
        let kinds = message.strip_prefix("`+` requires both operands to be numbers, found ")?;
        template_error("`+` adds numbers only")
            .with_cause(found(kinds, " and "))
            .with_hint("put texts together with `~`; add amounts with `sum(of=[Beløp, Gebyr])`")
    };
    error.place.is_in_every_row = true;
    Some(error)
}

fn kind(tera: &str) -> &str {
    match tera.trim_matches('`') {
        "string" => "a text",
        "bool" => "true or false",
        "array" => "a list",
        "map" => "a mapping",
        "i32" | "u32" | "i64" | "u64" | "i128" | "u128" | "usize" | "integer" => "a whole number",
        "f32" | "f64" | "float" | "number" => "a number",
        "none" | "undefined" => "nothing",
        other => other,
    }
}

fn hint(message: &str) -> Option<String> {
    for kind in Kind::ALL {
        let name = message
            .strip_prefix("unknown ")
            .and_then(|rest| rest.strip_prefix(kind.word()));
        if let Some(name) = name {
            return Some(kind.hint(name.trim().trim_matches('`')));
        }
    }
    if message.starts_with("found identifier but expected") {
        return Some(
            "a name is one word: the column `Full name` is written `Full_name`".to_owned(),
        );
    }
    message
        .starts_with("found `}` but expected")
        .then(|| "a tag ends with two braces: `}}`".to_owned())
}
