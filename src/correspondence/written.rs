//! Values that a template has written as text, in the place of a boolean, a number or an id.

use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(untagged)]
enum Written<T> {
    Value(T),
    Text(String),
}

/// Deserialises a boolean, or `true` or `false` in any case.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    read(deserializer, "`true` or `false`")
}

/// Deserialises a whole number, or its digits.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    read(deserializer, "a whole number")
}

fn read<'de, T: Deserialize<'de> + FromStr, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    let value = match Option::deserialize(deserializer) {
        Ok(None) => return Ok(None),
        Ok(Some(Written::Value(value))) => Some(value),
        // Templates often leave a line break behind a value.
        Ok(Some(Written::Text(text))) => text.trim().to_ascii_lowercase().parse().ok(),
        Err(_) => None,
    };
    let value = value.ok_or_else(|| D::Error::custom(format!("expected {expected}")))?;
    Ok(Some(value))
}

/// An id with or without blanks around it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WrittenId(pub(crate) Uuid);

impl TryFrom<String> for WrittenId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let id = text.trim().parse().map_err(|_| "the text is not a UUID")?;
        Ok(Self(id))
    }
}
