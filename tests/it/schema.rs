//! The schema that editors use is the one that the program uses.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Project;

/// What the program prints.
fn schema_text() -> String {
    Project::new().run(&["schema"]).ends(0).stdout()
}

fn schema() -> Value {
    serde_json::from_str(&schema_text()).expect("JSON")
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/mailing.schema.json");
    let committed = fs::read_to_string(&path).expect("schema/mailing.schema.json");
    assert!(
        committed == schema_text(),
        "schema/mailing.schema.json is old; run: cargo run -- schema > schema/mailing.schema.json"
    );
}

#[test]
fn the_schema_keeps_the_rules_of_json_schema() {
    let schema = schema();
    jsonschema::meta::validate(&schema).expect("a valid schema");
    let text = schema_text();
    for (at, _) in text.match_indices("\"$ref\": ") {
        assert!(
            text[at..].starts_with("\"$ref\": \"#/$defs/"),
            "a reference that is not local"
        );
    }
}

#[test]
fn the_example_in_the_schema_keeps_it() {
    let schema = schema();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema that compiles");
    let examples = schema["examples"].as_array().expect("examples");
    assert!(!examples.is_empty());
    for example in examples {
        validator
            .validate(example)
            .expect("an example that keeps the schema");
    }
}

#[test]
fn everything_that_can_be_written_is_described() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    for owner in definitions.chain([&schema]) {
        let properties = owner.get("properties").and_then(|all| all.as_object());
        for (name, property) in properties.into_iter().flatten() {
            assert!(
                property.get("description").is_some(),
                "`{name}` has no description"
            );
        }
        let closed = owner.get("properties").is_none() || owner["additionalProperties"] == false;
        assert!(closed, "an object that takes anything: {owner}");
    }
}
