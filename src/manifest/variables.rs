//! Warnings of variables that YAML reads otherwise than their author meant.

use serde_json::Value;

use super::document::Document;
use super::positions::{NodeKind, YamlTree};
use crate::diagnostic::{Problem, Problems};

/// Words that YAML 1.1 reads as true or false and YAML 1.2 as texts.
const YAML_1_1_BOOLEANS: [&str; 4] = ["yes", "no", "on", "off"];

/// Warns of numbers that a template shows otherwise than they are written, and of `yes` and `no`.
pub(super) fn check(document: &Document<'_>) -> Problems {
    let mut problems = Problems::new();
    let tree = &document.positions.tree;
    if let (Some(value), Some(found)) = (document.value.get("variables"), tree.find("/variables")) {
        walk(document, tree, found.node, value, &mut problems);
    }
    problems
}

/// Checks a node and those below it. Aliases and merged members are left out: they are checked where they are written.
fn walk(
    document: &Document<'_>,
    tree: &YamlTree,
    node: usize,
    value: &Value,
    problems: &mut Problems,
) {
    let Some(written) = tree.nodes.get(node) else {
        return;
    };
    match &written.kind {
        // The tree has places and the value has types: they are walked together.
        NodeKind::Mapping(members) => {
            for member in members {
                if let Some(value) = member.key.as_ref().and_then(|key| value.get(key)) {
                    walk(document, tree, member.value, value, problems);
                }
            }
        }
        NodeKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(value) = value.get(index) {
                    walk(document, tree, *item, value, problems);
                }
            }
        }
        NodeKind::Scalar(_) => {
            let text = document.source.text().get(written.span.clone());
            let problem = text.and_then(|text| misread(text, value));
            problems.extend(problem.map(|(message, cause, hint)| Problem {
                cause,
                hint: Some(hint),
                ..Problem::warning(document.source.place(written.span.clone()), message)
            }));
        }
        NodeKind::Alias(_) => {}
    }
}

/// The message, the cause and the hint for a value that YAML reads otherwise than it is written; `None` for all others.
fn misread(written: &str, value: &Value) -> Option<(String, Option<String>, String)> {
    match value {
        Value::Number(number) => {
            let shown = number.to_string();
            // An anchor or a tag in front of the value is a part of `written`: the two cannot be compared then.
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
            // A quoted `"yes"` is meant as a text.
            let was = plain && YAML_1_1_BOOLEANS.contains(&text.to_ascii_lowercase().as_str());
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
