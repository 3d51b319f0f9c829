//! Names in the letter in any case: Altinn's server does not tell them apart, and its own examples mix them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::document::Document;
use super::schema::SCHEMA;
use crate::diagnostic::Problem;

/// Free names of the author's, and what stands below them.
const FREE: &str = "propertyList";

/// The names that the schema knows, by themselves in lower case.
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    collect(&SCHEMA, &mut names);
    names
});

fn collect(schema: &'static Value, names: &mut HashMap<String, &'static str>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                for name in properties.keys() {
                    names.insert(name.to_lowercase(), name);
                }
            }
            members.values().for_each(|value| collect(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// Gives the members of the letter their own names. Two that are the same member stay as they are, and the schema refuses the odd one.
pub(super) fn restore(manifest: &mut Value) {
    if let Some(letter) = manifest.get_mut("correspondence") {
        restore_members(letter);
    }
}

fn restore_members(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(restore_members),
        Value::Object(members) => {
            let restored = Map::with_capacity(members.len());
            let written = std::mem::replace(members, restored);
            let names: Vec<String> = written.keys().cloned().collect();
            for (name, mut value) in written {
                let own = own_name(&name).filter(|own| !names.iter().any(|other| other == own));
                let name = own.map_or(name, str::to_owned);
                if name != FREE {
                    restore_members(&mut value);
                }
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

fn own_name(name: &str) -> Option<&'static str> {
    NAMES
        .get(&name.to_lowercase())
        .copied()
        .filter(|own| *own != name)
}

/// Says of each member that is there twice, in different case, that it is.
pub(super) fn doubles(document: &Document<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(letter) = document.value.get("correspondence") {
        find_doubles(letter, "/correspondence", document, &mut problems);
    }
    problems
}

fn find_doubles(
    value: &Value,
    pointer: &str,
    document: &Document<'_>,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_doubles(item, &format!("{pointer}/{index}"), document, problems);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != FREE) {
                let below = format!("{pointer}/{name}");
                if let Some(own) = own_name(name).filter(|own| members.contains_key(*own)) {
                    let place = document.place_of_key(&below);
                    problems.push(
                        Problem::error(place, format!("`{own}` is there twice"))
                            .with_hint("Altinn does not tell names apart by case: remove one"),
                    );
                }
                find_doubles(value, &below, document, problems);
            }
        }
        _ => {}
    }
}
