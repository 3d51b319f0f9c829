//! The template engine, with nothing in it that is different from time to time or from machine to machine.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tera::{Tera, Value};

use super::library::MARKDOWN;
use super::{dates, identifiers, markdown, numbers, texts};

/// Tera with our filters and functions; `now` is what `now()` gives, and `asked` becomes true when it does.
pub(super) fn new(now: Timestamp, asked: Arc<AtomicBool>) -> Result<Tera, jiff::Error> {
    let mut tera = Tera::new();
    // Only what is said to be Markdown is escaped, whatever its file is called.
    tera.autoescape_on([MARKDOWN]);
    tera.set_escape_fn(markdown::escape);
    dates::register(&mut tera, now, asked)?;
    numbers::register(&mut tera);
    identifiers::register(&mut tera);
    texts::register(&mut tera);
    Ok(tera)
}

/// A value of the manifest: its texts are the author's own, and no more escaped than the template is.
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
