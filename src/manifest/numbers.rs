//! Variables that YAML reads otherwise than their writer meant.

use serde_json::Value;

use super::tree::{Kind, Tree};
use super::violations::Checked;
use crate::diagnostic::{Problem, Problems};

/// What YAML 1.1 reads as true or false, and YAML 1.2 as a text.
const ONCE_BOOLEAN: [&str; 4] = ["yes", "no", "on", "off"];

/// Warns of numbers that a template shows otherwise than they are written, and of `yes` and `no`.
pub(super) fn check(of: &Checked<'_>) -> Problems {
    let mut problems = Problems::new();
    let tree = &of.positions.tree;
    if let (Some(value), Some(found)) = (of.value.get("variables"), tree.find("/variables")) {
        walk(of, tree, found.node, value, &mut problems);
    }
    problems
}

/// Aliases and merged members are left out: they are looked at where they are written.
fn walk(of: &Checked<'_>, tree: &Tree, node: usize, value: &Value, problems: &mut Problems) {
    let Some(written) = tree.nodes.get(node) else {
        return;
    };
    match &written.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                let member = entry.key.as_ref().and_then(|key| value.get(key));
                if let Some(member) = member {
                    walk(of, tree, entry.value, member, problems);
                }
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(value) = value.get(index) {
                    walk(of, tree, *item, value, problems);
                }
            }
        }
        Kind::Scalar => {
            let text = of.source.text().get(written.span.clone());
            let problem = text.and_then(|text| odd(text, value));
            problems.extend(problem.map(|(message, cause, hint)| Problem {
                cause,
                hint: Some(hint),
                ..Problem::warning(of.at(written.span.clone()), message)
            }));
        }
        Kind::Alias(_) => {}
    }
}

/// What is odd about a value that is written so: message, cause and hint.
fn odd(written: &str, value: &Value) -> Option<(String, Option<String>, String)> {
    match value {
        Value::Number(number) => {
            let shown = number.to_string();
            // With an anchor or a tag before it there is no comparing.
            let differs = written != shown && !written.contains(char::is_whitespace);
            differs.then(|| {
                (
                    "a number that is shown otherwise than it is written".to_owned(),
                    Some(format!("templates show {shown}")),
                    format!("quote it, if it is to be shown as it stands: \"{written}\""),
                )
            })
        }
        Value::String(text) => {
            let plain = written == text;
            let was = plain && ONCE_BOOLEAN.contains(&text.to_ascii_lowercase().as_str());
            was.then(|| {
                (
                    format!("`{text}` is a text here, not true or false"),
                    None,
                    format!("write true or false, or quote it: \"{text}\""),
                )
            })
        }
        _ => None,
    }
}
