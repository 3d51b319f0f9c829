//! A manifest's value with its positions, and the words with which messages name and show values.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::Positions;
use super::positions::WrittenScalar;
use crate::diagnostic::{Place, Source};
use crate::secret;
use crate::text::key_of_token;

/// A YAML document as JSON, with the positions of its members in the source.
pub(super) struct Document<'a> {
    pub(super) value: &'a Value,
    pub(super) source: &'a Arc<Source>,
    pub(super) positions: &'a Positions,
}

impl Document<'_> {
    /// The place of the value at a pointer; for a mapping or list, that of its key.
    pub(super) fn place_of_value(&self, pointer: &str) -> Place {
        // The range of a whole mapping would mark all lines below it; its key is enough.
        let span = match self.value.pointer(pointer) {
            Some(Value::Object(_) | Value::Array(_)) => self.positions.nearest_key(pointer),
            _ => self.positions.nearest_value(pointer),
        };
        self.source.place(span)
    }

    /// The place of the key at a pointer, or of the nearest key around it.
    pub(super) fn place_of_key(&self, pointer: &str) -> Place {
        self.source.place(self.positions.nearest_key(pointer))
    }

    /// The scalars of a member of the manifest. Aliases and merged members are left out: they are found where they are written.
    pub(super) fn scalars(&self, member: &str) -> Vec<(WrittenScalar<'_>, &Value)> {
        let scalars = self.positions.scalars(&format!("/{member}"), false);
        scalars
            .into_iter()
            .filter_map(|scalar| {
                let value = self.value.pointer(&scalar.pointer)?;
                Some((scalar, value))
            })
            .collect()
    }

    /// The value at a pointer as it is written in the file; empty when it is not written there.
    pub(super) fn written(&self, pointer: &str) -> &str {
        let span: Range<usize> = self.positions.value(pointer).unwrap_or_default();
        self.source.text().get(span).unwrap_or_default()
    }
}

/// The most characters of a value that a message shows.
const SHOWN_LIMIT: usize = 60;

/// The name of a value in messages: `` `name` ``, or `` item 2 of `list` ``.
pub(super) fn name_of(pointer: &str) -> String {
    if pointer.is_empty() {
        return "the manifest".to_owned();
    }
    let mut tokens = pointer.rsplit('/').map(key_of_token);
    let last = tokens.next().unwrap_or_default();
    match last.parse::<usize>() {
        Ok(index) => {
            let outer = tokens.next().unwrap_or_default();
            format!("item {} of `{outer}`", index + 1)
        }
        Err(_) => format!("`{last}`"),
    }
}

/// A value as a message may show it: on one line, cut to [`SHOWN_LIMIT`], identity numbers and tokens masked.
pub(super) fn excerpt(text: &str) -> String {
    let text = secret::redact(text);
    // Masked before it is cut: a part of a number would not be recognised.
    let mut shown: String = text
        .chars()
        .take(SHOWN_LIMIT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(SHOWN_LIMIT).is_some() {
        shown.push('…');
    }
    shown
}

/// Describes a value for a message; leaves out its content when it may be a secret.
pub(super) fn describe(value: &Value, written: &str, may_show: bool) -> String {
    match value {
        Value::Null => "nothing stands there".to_owned(),
        Value::Bool(value) => format!("found {value}"),
        Value::Number(_) if !may_show => "found a number".to_owned(),
        Value::Number(_) => format!("found the number {}", excerpt(written)),
        Value::String(text) if text.is_empty() => "found an empty text".to_owned(),
        Value::String(text) if !may_show || secret::is_secret(text) => {
            "found a text, which is not shown because it may be a secret".to_owned()
        }
        Value::String(text) => format!("found the text `{}`", excerpt(text)),
        Value::Array(items) if items.is_empty() => "found an empty list".to_owned(),
        Value::Array(_) => "found a list".to_owned(),
        Value::Object(members) if members.is_empty() => "found an empty mapping".to_owned(),
        Value::Object(members) => {
            // Four names tell a person which mapping it is.
            let names = members.keys().take(4).map(|name| excerpt(name));
            format!("found a mapping with {}", quoted(names).join(", "))
        }
    }
}

pub(super) fn quoted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let quote = |name| format!("`{name}`");
    names.into_iter().map(quote).collect()
}
