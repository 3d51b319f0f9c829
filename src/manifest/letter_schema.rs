//! The schema of the `correspondence` block: the API's request body with its leaves loosened to templates.

use serde_json::{Map, Value, json};

/// The pointer of the schema of templates.
pub(super) const TEMPLATE_POINTER: &str = "/$defs/Template";

/// The keyword that marks a form which is accepted but not suggested. Editors do not show `$comment`.
pub(super) const LENIENT: &str = "$comment";

/// The reference to the definition of a text, which may also be a file that holds it.
const TEXT: &str = "#/$defs/Text";
/// The reference to the definition of a template in the place of a value that is no text.
const TEMPLATE: &str = "#/$defs/Template";

/// The definitions of objects that a `when` may leave out of some letters.
const OPTIONAL: [&str; 5] = [
    "Attachment",
    "CustomRecipient",
    "ExternalReference",
    "Notification",
    "ReplyOption",
];

/// Adds the schema of the letter to the definitions and loosens all of it, so that every leaf may also be a template.
pub(super) fn define(definitions: &mut Map<String, Value>, letter: Value) {
    let Value::Object(mut letter) = letter else {
        return;
    };
    // It becomes one definition among others, which has no schema version and no title of its own.
    letter.shift_remove("$schema");
    letter.shift_remove("title");
    let mut parts = match letter.shift_remove("$defs") {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    parts.insert("Correspondence".to_owned(), Value::Object(letter));
    for (name, definition) in &mut parts {
        let Value::Object(definition) = definition else {
            continue;
        };
        match name.as_str() {
            "Moment" => loosen_moment(definition),
            "Attachment" => {
                loosen_object(definition);
                allow_file(definition);
            }
            _ => loosen_member(definition),
        }
        if OPTIONAL.contains(&name.as_str()) {
            allow_when(definition);
        }
    }
    definitions.extend(parts);
    definitions.insert("Text".to_owned(), text_schema());
    definitions.insert("Template".to_owned(), template_schema());
}

/// Closes an object against unknown members and loosens those it has.
fn loosen_object(definition: &mut Map<String, Value>) {
    definition.insert("additionalProperties".to_owned(), json!(false));
    if let Some(Value::Object(properties)) = definition.get_mut("properties") {
        for property in properties.values_mut() {
            if let Some(property) = property.as_object_mut() {
                loosen_member(property);
            }
        }
    }
}

/// Loosens one definition or member. References stay: their targets are loosened themselves.
fn loosen_member(member: &mut Map<String, Value>) {
    // The defaults are those of the Rust types, and a format would be checked against a template instead of its result.
    member.shift_remove("default");
    member.shift_remove("format");
    if member.contains_key("properties") {
        return loosen_object(member);
    }
    if member.contains_key("oneOf") || member.contains_key("enum") {
        return loosen_choice(member);
    }
    let kind = match member.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None => return,
    };
    match kind {
        Some("string") => {
            member.shift_remove("type");
            member.insert("$ref".to_owned(), json!(TEXT));
        }
        Some(scalar @ ("boolean" | "integer")) => {
            let branches = json!([{ "type": scalar }, { "$ref": TEMPLATE }]);
            member.shift_remove("type");
            member.insert("anyOf".to_owned(), branches);
        }
        Some("array") => {
            if let Some(Value::Object(items)) = member.get_mut("items") {
                loosen_member(items);
            }
        }
        Some("object") => {
            if let Some(Value::Object(values)) = member.get_mut("additionalProperties") {
                loosen_member(values);
            }
        }
        _ => {}
    }
}

/// Lets a choice of words also be a template, and accepts the words in any case and as numbers, as Altinn does.
fn loosen_choice(definition: &mut Map<String, Value>) {
    let words = match (definition.shift_remove("oneOf"), definition.remove("enum")) {
        (Some(Value::Array(words)), _) => words,
        (_, Some(words)) => vec![json!({ "enum": words })],
        _ => return,
    };
    definition.shift_remove("type");
    let names: Vec<_> = words.iter().flat_map(choices).collect();
    let mut branches = words;
    // One branch for all spellings keeps the list of words that editors offer short.
    branches.push(json!({
        (LENIENT): "Altinn takes the names in any case, and their numbers.",
        "type": ["string", "integer"],
        "pattern": in_any_case(&names),
        "minimum": 0,
        "maximum": names.len().saturating_sub(1)
    }));
    branches.push(json!({ "$ref": TEMPLATE }));
    definition.insert("anyOf".to_owned(), Value::Array(branches));
}

fn choices(branch: &Value) -> Vec<String> {
    let words = branch.get("enum").and_then(Value::as_array);
    let words = words.into_iter().flatten().chain(branch.get("const"));
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A pattern for words in any case, or their numbers. Patterns of JSON Schema have no flag for case.
fn in_any_case(names: &[String]) -> String {
    let any_case = |name: &String| -> String {
        let cases = |c: char| ['[', c.to_ascii_uppercase(), c.to_ascii_lowercase(), ']'];
        name.chars().flat_map(cases).collect()
    };
    let numbers = (0..names.len()).map(|number| number.to_string());
    let words: Vec<_> = names.iter().map(any_case).chain(numbers).collect();
    format!("^({})$", words.join("|"))
}

/// Lets a time be written as a date, a date and time, or a template. The exact form is checked in the rendered letter.
fn loosen_moment(definition: &mut Map<String, Value>) {
    definition.shift_remove("type");
    definition.insert(
        "anyOf".to_owned(),
        json!([
            { "type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}\S*)?$" },
            { "$ref": TEMPLATE }
        ]),
    );
    definition.insert(
        "errorMessage".to_owned(),
        json!("must be a date such as 2026-12-15, a date and time such as 2026-12-15T12:00:00+01:00, or a template"),
    );
}

/// Adds `file` to attachments: a local file, from which the name is taken when there is no `fileName`.
fn allow_file(definition: &mut Map<String, Value>) {
    let file = json!({
        "description": "A local file, seen from the manifest's folder; a template. A file that several letters have is uploaded once; one that only one letter has goes with it.",
        "type": "string",
        "minLength": 1,
        "examples": ["terms.pdf", "letters/{{ Saksnummer }}.pdf"]
    });
    if let Some(Value::Object(properties)) = definition.get_mut("properties") {
        properties.shift_insert(0, "file".to_owned(), file);
    }
    // With `file` the name is known; without it Altinn requires `fileName`.
    if let Some(Value::Array(required)) = definition.get_mut("required") {
        required.retain(|name| name != "fileName");
    }
    definition.insert(
        "anyOf".to_owned(),
        json!([{ "required": ["file"] }, { "required": ["fileName"] }]),
    );
}

/// Adds `when` to an object that only some letters have.
fn allow_when(definition: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = definition.get_mut("properties") {
        properties.insert(
            "when".to_owned(),
            json!({
                "description": "Decides whether the letter has this part: true, false, or a template that renders to one of them. It is not sent to Altinn. Default: true.",
                "anyOf": [{ "type": "boolean" }, { "$ref": TEMPLATE }],
                "examples": ["{{ Mobil != '' }}"]
            }),
        );
    }
}

fn text_schema() -> Value {
    json!({
        "description": "A text, which is a Tera template; or the file that holds it, seen from the manifest's folder.",
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": {
                    "file": {
                        "description": "A file with the text, which is a template; its path may be one too.",
                        "type": "string",
                        "minLength": 1,
                        "examples": ["letter.md", "letter.{{ Språk }}.md"]
                    }
                },
                "required": ["file"],
                "additionalProperties": false
            }
        ],
        "errorMessage": "must be a text or { file: path }"
    })
}

fn template_schema() -> Value {
    json!({
        "description": "A Tera template that renders to the value.",
        "type": "string",
        "pattern": r"\{\{|\{%",
        "errorMessage": "must be a template such as \"{{ Navn }}\""
    })
}
