//! The JSON Schema of manifests, generated from the types, for editors and for the checks of the loader.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Manifest, letter_schema};
use crate::correspondence::Correspondence;

const ID: &str = "urn:massebrev:schema:mailing:1";

/// The JSON Schema (draft 2020-12) of a manifest as the committed file holds it: indented, with a line break at the end. Every reference in it is local.
pub(crate) fn schema_text() -> String {
    format!("{:#}\n", *SCHEMA)
}

pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

/// The compiled schema. Compiled once for all manifests of a process; `None` would be a defect of the generator, which tests would find.
pub(super) static VALIDATOR: LazyLock<Option<Validator>> =
    LazyLock::new(|| jsonschema::draft202012::options().build(&SCHEMA).ok());

/// Generates the schema from the types of the manifest and of the letter.
fn generate() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let generator = settings.clone().into_generator();
    let mut root = generator.into_root_schema_for::<Manifest>().to_value();
    // The serialised form says which members are always written: those that Altinn requires.
    let generator = settings.for_serialize().into_generator();
    let letter = generator
        .into_root_schema_for::<Correspondence>()
        .to_value();
    if let Some(definitions) = root.get_mut("$defs").and_then(Value::as_object_mut) {
        letter_schema::define(definitions, letter);
    }
    // After the letter has been added, so that its definitions are polished too.
    polish(&mut root);
    ordered(root)
}

/// Puts the members in front that an editor or a reader looks for first.
fn ordered(root: Value) -> Value {
    let Value::Object(mut members) = root else {
        return root;
    };
    let mut ordered = Map::new();
    members.insert("$id".to_owned(), json!(ID));
    for name in ["$schema", "$id", "title", "description", "examples"] {
        ordered.extend(members.shift_remove_entry(name));
    }
    ordered.extend(members);
    Value::Object(ordered)
}

/// Adapts a derived schema to people: a member that may be left out may also be empty (`auth:` with everything under it commented out), and keywords that only
/// Rust needs are removed.
fn polish(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(description)) = members.get_mut("description") {
                // Of a doc comment only the breaks between paragraphs stay.
                let paragraphs = description.split("\n\n");
                let paragraphs = paragraphs.map(|paragraph| paragraph.replace('\n', " "));
                *description = paragraphs.collect::<Vec<_>>().join("\n\n");
            }
            let required = members.get("required").cloned().unwrap_or_default();
            let chosen = required_alternatives(members);
            let properties = members.get_mut("properties").and_then(Value::as_object_mut);
            for (name, property) in properties.into_iter().flatten() {
                let Some(property) = property.as_object_mut() else {
                    continue;
                };
                polish_member(property);
                let is_required = required
                    .as_array()
                    .is_some_and(|all| all.contains(&json!(name)));
                if chosen.contains(name) {
                    // One of several members is required: an empty one would not fulfil that, and `oneOf` would count it as present.
                    if let Some(Value::Array(kinds)) = property.get_mut("type") {
                        kinds.retain(|kind| kind != "null");
                    }
                } else if !is_required {
                    allow_null(property);
                }
            }
            members.values_mut().for_each(polish);
        }
        Value::Array(items) => items.iter_mut().for_each(polish),
        _ => {}
    }
}

/// Removes keywords from a member that say nothing to people: integer formats of Rust, and empty defaults.
fn polish_member(member: &mut Map<String, Value>) {
    let format = member.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| format.starts_with("uint") || format.starts_with("int")) {
        member.shift_remove("format");
    }
    // These defaults only say that a member may be left out, as editors show anyway.
    let noise = member.get("default").is_some_and(|default| match default {
        Value::Null | Value::Object(_) => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    });
    if noise {
        member.shift_remove("default");
    }
}

/// Lets a member also be null, whichever way its type is written.
fn allow_null(member: &mut Map<String, Value>) {
    let nothing = json!({ "type": "null" });
    if let Some(reference) = member.shift_remove("$ref") {
        let branches = json!([{ "$ref": reference }, nothing]);
        member.insert("anyOf".to_owned(), branches);
    } else if let Some(Value::Array(branches)) = member.get_mut("anyOf") {
        if !branches.contains(&nothing) {
            branches.push(nothing);
        }
    } else if let Some(Value::String(kind)) = member.get("type") {
        let both = json!([kind, "null"]);
        member.insert("type".to_owned(), both);
    }
}

/// The part of the schema that holds the keyword at a schema path.
pub(super) fn subschema(keyword: &str) -> Option<&'static Value> {
    let (parent, _) = keyword.rsplit_once('/')?;
    SCHEMA.pointer(parent)
}

/// The target of a reference; a part of the schema that is none is returned itself.
pub(super) fn resolve(schema: &Value) -> &Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    reference
        .and_then(|path| SCHEMA.pointer(path.trim_start_matches('#')))
        .unwrap_or(schema)
}

/// The members of which an object must have one; empty when its alternatives say anything else.
pub(super) fn required_alternatives(node: &Map<String, Value>) -> Vec<String> {
    let branches = node.get("oneOf").or_else(|| node.get("anyOf"));
    let branches = branches.and_then(Value::as_array);
    let required = |branch: &Value| {
        // A branch with anything beside `required` is a form of its own.
        let only = branch.as_object().filter(|branch| branch.len() == 1)?;
        Some(only.get("required")?.get(0)?.as_str()?.to_owned())
    };
    let names: Option<Vec<_>> = branches.into_iter().flatten().map(required).collect();
    names.unwrap_or_default()
}

/// The path of the first mapping in a part of the schema, itself at `path`, that has a member of this name, as `correspondence.content`; never the top level.
pub(super) fn home_of(schema: &Value, key: &str, path: &str, depth: usize) -> Option<String> {
    // The schema is six levels deep, and nothing else ends the search if it ever refers to itself.
    if depth > 6 {
        return None;
    }
    let schema = resolve(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    if !path.is_empty() && properties.is_some_and(|all| all.contains_key(key)) {
        return Some(path.to_owned());
    }
    let branches = schema.get("anyOf").and_then(Value::as_array);
    let mut branches = branches.into_iter().flatten().chain(schema.get("items"));
    let within = branches.find_map(|branch| home_of(branch, key, path, depth + 1));
    within.or_else(|| {
        properties?.iter().find_map(|(name, property)| {
            let path = match path {
                "" => name.clone(),
                _ => format!("{path}.{name}"),
            };
            home_of(property, key, &path, depth + 1)
        })
    })
}
