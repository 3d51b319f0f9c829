//! The JSON Schema of manifests: generated from the types, for editors and for `load`.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Manifest, correspondence, members};
use crate::correspondence::Correspondence;

/// The schema's own name.
const ID: &str = "urn:massebrev:schema:mailing:1";

/// The JSON Schema (draft 2020-12) of a manifest; every reference in it is local.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The schema as the committed file holds it: indented, with a line break at the end.
pub fn schema_text() -> String {
    format!("{:#}\n", *SCHEMA)
}

/// The schema, generated once.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

/// The schema compiled once; a text only if it were itself broken.
pub(super) static VALIDATOR: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    jsonschema::draft202012::options()
        .build(&SCHEMA)
        .map_err(|error| error.to_string())
});

fn generate() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let generator = settings.clone().into_generator();
    let mut root = generator.into_root_schema_for::<Manifest>().to_value();
    // As it is written, the letter's schema says which members are always there: those that must be.
    let generator = settings.for_serialize().into_generator();
    let letter = generator
        .into_root_schema_for::<Correspondence>()
        .to_value();
    if let Some(definitions) = root.get_mut("$defs").and_then(Value::as_object_mut) {
        correspondence::define(definitions, letter);
    }
    polish(&mut root);
    ordered(root)
}

/// What an editor or a reader looks for first, first.
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

/// Makes a derived schema fit for people, in all its parts: a member that may be left out may also stand there empty (`auth:` with everything under it commented out),
/// and what only Rust cares about goes.
fn polish(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(description)) = members.get_mut("description") {
                *description = unwrapped(description);
            }
            let required = members.get("required").cloned().unwrap_or_default();
            let chosen = members::required_alternatives(members);
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
                    refuse_null(property);
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

fn polish_member(member: &mut Map<String, Value>) {
    let format = member.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| format.starts_with("uint") || format.starts_with("int")) {
        member.shift_remove("format");
    }
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

/// Lets a member be null.
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

/// Keeps a member from being null: one of those of which there must be one.
fn refuse_null(member: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = member.get_mut("type") {
        kinds.retain(|kind| kind != "null");
    }
}

/// A doc comment without its line breaks; paragraphs stay.
fn unwrapped(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
