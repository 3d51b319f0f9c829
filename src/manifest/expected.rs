//! The forms that the schema accepts in a place where it has refused a value.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::{Value, json};

use super::document::excerpt;
use super::letter_schema::TEMPLATE_POINTER;
use super::schema::subschema;
use crate::diagnostic::nearest;
use crate::text::join_alternatives;

/// The forms that were possible, collected from the errors that refused each.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// JSON Schema's names of types.
    kinds: Vec<String>,
    /// Single values, as `Email`.
    choices: Vec<String>,
    /// The pattern of each form that is a text; `None` for a form without one.
    texts: Vec<Option<&'static Value>>,
    template: bool,
}

impl Expected {
    pub(super) fn add(&mut self, error: &ValidationError<'_>) {
        // A template is refused by its pattern, which must not be named as one more kind of text.
        if error.schema_path().as_str().starts_with(TEMPLATE_POINTER) {
            self.template = true;
            return;
        }
        match error.kind() {
            Kind::Type {
                kind: TypeKind::Single(kind),
            } => self.add_kind(&kind.to_string(), error),
            Kind::Type {
                kind: TypeKind::Multiple(kinds),
            } => {
                for kind in kinds {
                    self.add_kind(&kind.to_string(), error);
                }
            }
            Kind::Constant { expected_value } => self.choices.extend(choice(expected_value)),
            Kind::Enum { options } => {
                let options = options.as_array().into_iter().flatten();
                self.choices.extend(options.filter_map(choice));
            }
            _ => {}
        }
    }

    /// Adds a type; `null` is left out, because "must be nothing" helps no reader.
    fn add_kind(&mut self, kind: &str, error: &ValidationError<'_>) {
        if kind == "string" {
            // The pattern is kept beside: a hint to quote a value must not lead to the next error.
            self.texts
                .push(subschema(error.schema_path().as_str()).and_then(|node| node.get("pattern")));
        }
        if kind != "null" && !self.kinds.iter().any(|known| known == kind) {
            self.kinds.push(kind.to_owned());
        }
    }

    /// The forms as a part of a sentence: `must be …`.
    pub(super) fn must_be(&self) -> String {
        let mut forms: Vec<String> = self
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect();
        for kind in &self.kinds {
            match kind.as_str() {
                // The texts that are accepted are the choices, which are listed already.
                "string" if !self.choices.is_empty() => {}
                "boolean" => forms.extend(["true".to_owned(), "false".to_owned()]),
                kind => forms.push(phrase(kind).to_owned()),
            }
        }
        if self.template {
            forms.push("a template".to_owned());
        }
        format!("must be {}", join_alternatives(&forms))
    }

    /// The hint for a value that resembles an accepted form: a mistyped word, a truth value or number in quotes, a text without them.
    pub(super) fn hint(&self, value: &Value, written: &str) -> Option<String> {
        let wants = |kind: &str| self.kinds.iter().any(|known| known == kind);
        match value {
            Value::String(text) => {
                if let Some(choice) = nearest(text, self.choices.iter().map(String::as_str)) {
                    return Some(format!("did you mean `{choice}`?"));
                }
                // In quotes, and in YAML 1.2 also without, these are texts.
                let lower = text.to_ascii_lowercase();
                match lower.as_str() {
                    "yes" | "on" | "true" if wants("boolean") => {
                        Some("write true, without quotes".to_owned())
                    }
                    "no" | "off" | "false" if wants("boolean") => {
                        Some("write false, without quotes".to_owned())
                    }
                    _ if wants("integer") && text.trim().parse::<i64>().is_ok() => {
                        Some("remove the quotes".to_owned())
                    }
                    _ => None,
                }
            }
            Value::Number(_) | Value::Bool(_) => {
                // Quoting helps only when the text is accepted then.
                let is_word =
                    self.choices.is_empty() || self.choices.iter().any(|word| word == written);
                let fits = self.texts.iter().any(|pattern| fits(written, *pattern));
                (is_word && fits).then(|| quote(written))
            }
            _ => None,
        }
    }
}

/// True when a text fits a pattern, or when there is none.
fn fits(text: &str, pattern: Option<&Value>) -> bool {
    let Some(pattern) = pattern else {
        return true;
    };
    let validator = jsonschema::draft202012::new(&json!({ "pattern": pattern }));
    // A validator for each call: only errors come here.
    validator.is_ok_and(|validator| validator.is_valid(&json!(text)))
}

/// The hint to quote a number where a text belongs. As a number an identity number would lose its leading zeros.
fn quote(written: &str) -> String {
    let quoted = format!("quote it: \"{}\"", excerpt(written));
    match written.len() {
        9..=11 if written.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{quoted}; a number that names somebody is a text, with its leading zeros")
        }
        _ => quoted,
    }
}

/// A single accepted value as it is written in YAML; `None` for null.
fn choice(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn phrase(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "object" => "a mapping",
        "array" => "a list",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}
