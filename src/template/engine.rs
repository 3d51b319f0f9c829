//! The set-up of the template engine. Its results depend on nothing but their inputs: there is no clock, no randomness and no environment.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tera::{Tera, Value};

use super::library::MARKDOWN;
use super::{dates, identifiers, markdown, numbers, texts};

/// Makes a Tera with massebrev's filters and functions. `now` is the result of `now()`, and `now_was_used` becomes true when it is called.
pub(super) fn new(now: Timestamp, now_was_used: Arc<AtomicBool>) -> Result<Tera, jiff::Error> {
    let mut tera = Tera::new();
    // Templates are escaped by their marked names only, whatever the extension of their file is.
    tera.autoescape_on([MARKDOWN]);
    tera.set_escape_fn(markdown::escape);
    dates::register(&mut tera, now, now_was_used)?;
    numbers::register(&mut tera);
    identifiers::register(&mut tera);
    texts::register(&mut tera);
    Ok(tera)
}

/// Converts a value of the manifest. Its texts are the author's own, so they are marked as safe and not escaped.
pub(super) fn manifest_value(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Value::safe_string(text),
        Json::Array(items) => Value::from(items.iter().map(manifest_value).collect::<Vec<_>>()),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(key, member)| (key.clone().into(), manifest_value(member)));
            Value::from(members.collect::<tera::Map>())
        }
        plain => Value::try_from_serializable(plain).unwrap_or_else(|_| Value::undefined()),
    }
}
