//! Member names of the letter in any case: Altinn's server does not tell them apart, and its own examples mix them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::Positions;
use super::schema::SCHEMA;
use crate::diagnostic::{Problem, Source};

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

/// Renames the letter's members to the names of the schema, and reports each that stands there twice in different case. These stay as they are: renaming one of
/// them would silently drop the other's value.
pub(super) fn normalize(
    manifest: &mut Value,
    source: &Arc<Source>,
    positions: &Positions,
) -> impl Iterator<Item = Problem> {
    let mut twice = Vec::new();
    if let Some(letter) = manifest.get_mut("correspondence") {
        normalize_members(letter, "/correspondence", &mut twice);
    }
    twice.into_iter().map(|(pointer, own)| {
        let place = source.place(positions.nearest_key(&pointer));
        Problem::error(place, format!("`{own}` is there twice"))
            .with_hint("Altinn does not tell names apart by case: remove one")
    })
}

/// Collects the pointers of members that are there twice, with their names in the schema.
fn normalize_members(value: &mut Value, pointer: &str, twice: &mut Vec<(String, &'static str)>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                normalize_members(item, &format!("{pointer}/{index}"), twice);
            }
        }
        Value::Object(members) => {
            let restored = Map::with_capacity(members.len());
            let written = std::mem::replace(members, restored);
            let names: Vec<String> = written.keys().cloned().collect();
            for (mut name, mut value) in written {
                let lowercase = name.to_lowercase();
                let mut same = names
                    .iter()
                    .filter(|other| other.to_lowercase() == lowercase);
                let (first, second) = (same.next(), same.next());
                match schema_name(&name) {
                    Some(own) if second.is_none() => own.clone_into(&mut name),
                    // Of members that are all written otherwise the first is only unknown.
                    Some(own) if first != Some(&name) || names.iter().any(|name| name == own) => {
                        twice.push((format!("{pointer}/{name}"), own));
                    }
                    _ => {}
                }
                if name != PROPERTY_LIST {
                    normalize_members(&mut value, &format!("{pointer}/{name}"), twice);
                }
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

/// The schema's name for a member that is written in another case; `None` when it is written right, or unknown.
fn schema_name(name: &str) -> Option<&'static str> {
    NAMES
        .get(&name.to_lowercase())
        .copied()
        .filter(|own| *own != name)
}
