//! The error of a rendered value that does not fit its type.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::error::{TemplateError, excerpt};
use super::names::did_you_mean;
use crate::diagnostic::nearest;
use crate::text::pointer_token;

/// The mismatch between a rendered value and its type.
#[derive(Debug, Default)]
pub(super) struct Mismatch {
    /// The keys that lead to the value, the innermost first.
    path: Vec<String>,
    message: String,
    cause: Option<String>,
    hint: Option<String>,
}

impl Mismatch {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    pub(super) fn inside(mut self, key: impl fmt::Display) -> Self {
        self.path.push(key.to_string());
        self
    }

    /// Adds the rendered text, and a hint when one can be derived from it.
    pub(super) fn with_found(mut self, text: &str) -> Self {
        self.cause = Some(format!("rendered {}", excerpt(text)));
        self.hint = self.hint.or_else(|| remedy(&self.message, text.trim()));
        self
    }

    /// True when the rendered text has not been added yet.
    pub(super) fn lacks_cause(&self) -> bool {
        self.cause.is_none()
    }

    /// Turns it into an error of the tree at the JSON pointer `root`.
    pub(super) fn in_tree(self, root: &str) -> TemplateError {
        let mut pointer = root.to_owned();
        for key in self.path.iter().rev() {
            pointer.push('/');
            pointer.push_str(&pointer_token(key));
        }
        TemplateError {
            pointer,
            message: self.message,
            cause: self.cause,
            hint: self.hint,
            ..TemplateError::default()
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    /// Takes the message of a type, without the value that many types put in front: values are masked and shown as the cause.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        // "`2026-13-01` is not a date" becomes "the text is not a date".
        let own = message
            .strip_prefix('`')
            .and_then(|rest| rest.rsplit_once("` "))
            .map(|(_, own)| own);
        Self::new(match own {
            Some(own) => format!("the text {own}"),
            None if message.starts_with("UUID") => "the text is not a UUID".to_owned(),
            None => message,
        })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let mut mismatch = Self::new(format!("expected {expected}"));
        mismatch.cause = Some(match found {
            Unexpected::Str(text) => excerpt(text),
            Unexpected::Map => "an object".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            other => excerpt(&other.to_string().replace('`', "")),
        });
        mismatch
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let mut mismatch = Self::new(format!("expected {}", alternatives(expected)));
        mismatch.cause = Some(excerpt(found));
        mismatch.hint = nearest(found, expected.iter().copied()).map(did_you_mean);
        mismatch
    }

    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        let mut mismatch = Self::new(format!("there is no member `{found}`"));
        mismatch.hint = nearest(found, expected.iter().copied()).map(did_you_mean);
        mismatch
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing"))
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

fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
