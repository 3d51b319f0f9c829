//! The set-up of the template engine. Its results depend on nothing but their inputs: there is no clock, no randomness and no environment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tera::{FunctionResult, Kwargs, State, Tera, Value};

use super::library::MARKDOWN;
use super::{dates, identifiers, markdown, numbers, texts};
use crate::correspondence::text::without_markup;
use crate::correspondence::{Moment, in_norway};

/// Makes a Tera with massebrev's filters and functions. `now` is the result of `now()`, and `now_was_used` becomes true when it is called.
pub(super) fn new(now: Timestamp, now_was_used: Arc<AtomicBool>) -> Tera {
    let mut tera = Tera::new();
    // Templates are escaped by their marked names only, whatever the extension of their file is.
    tera.autoescape_on([MARKDOWN]);
    tera.set_escape_fn(markdown::escape);
    let now = Moment::from(&in_norway(now)).to_string();
    tera.register_function("now", move |_: Kwargs, _: &State<'_>| {
        now_was_used.store(true, Ordering::Relaxed);
        now.clone()
    });
    tera.register_function("sum", |by: Kwargs, _: &State<'_>| numbers::sum(&by));
    filter(&mut tera, "date", dates::format_date);
    filter(&mut tera, "plus", dates::plus);
    filter(&mut tera, "money", numbers::money);
    filter(&mut tera, "number", numbers::number);
    filter(&mut tera, "amount", numbers::amount);
    filter(&mut tera, "times", numbers::times);
    filter(&mut tera, "plural", numbers::plural);
    filter(&mut tera, "organization", |value, _| {
        identifiers::organization(value)
    });
    filter(&mut tera, "account", |value, _| identifiers::account(value));
    filter(&mut tera, "phone", |value, _| identifiers::phone(value));
    // `safe` is Tera's own.
    filter(&mut tera, "markdown", |value, _| texts::escaped(value));
    filter(&mut tera, "plain", |value, _| {
        texts::plain(&value.to_string())
    });
    filter(&mut tera, "plain_title", |value, _| {
        without_markup(&value.to_string()).into_owned()
    });
    tera
}

/// Registers a filter, which needs nothing of Tera's state.
fn filter<R: FunctionResult + 'static>(
    tera: &mut Tera,
    name: &'static str,
    filter: fn(&Value, &Kwargs) -> R,
) {
    tera.register_filter(name, move |value: &Value, by: Kwargs, _: &State<'_>| {
        filter(value, &by)
    });
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
