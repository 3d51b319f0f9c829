//! Member names of the letter in any case: Altinn's server does not tell them apart, and its own examples mix them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::document::Document;
use super::schema::SCHEMA;
use crate::diagnostic::Problem;

/// The member below which names are the author's own, so that their case counts.
const PROPERTY_LIST: &str = "propertyList";

/// The names in the schema, by their lower-case form.
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    collect(&SCHEMA, &mut names);
    names
});

/// Collects the names of all properties in a part of the schema.
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

/// Renames the letter's members to the names of the schema. Where two are the same member, both stay as they are, and the schema refuses the odd one.
pub(super) fn normalize(manifest: &mut Value) {
    if let Some(letter) = manifest.get_mut("correspondence") {
        normalize_members(letter);
    }
}

fn normalize_members(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(normalize_members),
        Value::Object(members) => {
            let restored = Map::with_capacity(members.len());
            let written = std::mem::replace(members, restored);
            let names: Vec<String> = written.keys().cloned().collect();
            for (name, mut value) in written {
                // Renaming one of two equal members would silently drop the other's value.
                let same = names.iter().filter(|other| is_same(other, &name)).count();
                let own = schema_name(&name).filter(|_| same == 1);
                let name = own.map_or(name, str::to_owned);
                if name != PROPERTY_LIST {
                    normalize_members(&mut value);
                }
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

/// True for names of the same member.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The schema's name for a member that is written in another case; `None` when it is written right, or unknown.
fn schema_name(name: &str) -> Option<&'static str> {
    NAMES
        .get(&name.to_lowercase())
        .copied()
        .filter(|own| *own != name)
}

/// Reports each member that stands there twice in different case.
pub(super) fn duplicates(document: &Document<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(letter) = document.value.get("correspondence") {
        find_duplicates(letter, "/correspondence", document, &mut problems);
    }
    problems
}

fn find_duplicates(
    value: &Value,
    pointer: &str,
    document: &Document<'_>,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_duplicates(item, &format!("{pointer}/{index}"), document, problems);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != PROPERTY_LIST) {
                let below = format!("{pointer}/{name}");
                // Of members that are all written otherwise the first is only unknown.
                let is_later = || members.keys().find(|other| is_same(other, name)) != Some(name);
                let own = schema_name(name);
                if let Some(own) = own.filter(|own| members.contains_key(*own) || is_later()) {
                    let place = document.place_of_key(&below);
                    problems.push(
                        Problem::error(place, format!("`{own}` is there twice"))
                            .with_hint("Altinn does not tell names apart by case: remove one"),
                    );
                }
                find_duplicates(value, &below, document, problems);
            }
        }
        _ => {}
    }
}
