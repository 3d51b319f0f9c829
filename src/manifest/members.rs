//! Members that are not known, missing, or exclude each other.

use serde_json::{Map, Value};

use super::schema::SCHEMA;
use super::violations::{Checked, Violation};
use super::words;
use crate::diagnostic::{Problem, nearest};

/// Members people look for that are not there, and why.
const EXPLAINED: [(&str, &str); 12] = [
    (
        "when",
        "`notification` can have it, and each of `attachments`, `replyOptions`, `externalReferences` and `customRecipients`; for whole rows there is `recipients.where`",
    ),
    (
        "kty",
        "no key stands in the manifest: save it to a file, and name the file",
    ),
    (
        "idempotentKey",
        "remove it: massebrev makes the key of each letter itself, from `mailing` and the row",
    ),
    (
        "accessToken",
        "no token stands in the manifest: see `auth.token`, or set MASSEBREV_TOKEN",
    ),
    (
        "clientSecret",
        "remove it: Maskinporten knows no secrets, only keys; see `auth.key`",
    ),
    (
        "isReserved",
        "remove it: Altinn finds out who has reserved itself; see `correspondence.ignoreReservation`",
    ),
    (
        "customNotificationRecipients",
        "write `customRecipients`: Altinn has put the other aside",
    ),
    (
        "visibleFrom",
        "write `requestedPublishTime`: Altinn no longer knows the other",
    ),
    (
        "allowSystemDeleteAfter",
        "remove it: Altinn no longer knows it",
    ),
    ("isReservable", "remove it: Altinn no longer knows it"),
    (
        "requestedSendTime",
        "Altinn sends the notification when the letter is published; see `correspondence.requestedPublishTime`",
    ),
    (
        "$schema",
        "write `# yaml-language-server: $schema=…` on the first line instead",
    ),
];

/// A key the schema does not know.
pub(super) fn unknown(
    of: &Checked<'_>,
    parent: &str,
    key: &str,
    node: Option<&Value>,
) -> Violation {
    let pointer = format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"));
    let problem = Problem::error(
        of.at_key(&pointer),
        format!("unknown key `{}`", words::shown(key)),
    );
    let properties = node
        .and_then(|node| node.get("properties"))
        .and_then(Value::as_object);
    let known: Vec<&str> = properties
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
        .collect();
    let explained = EXPLAINED.iter().find(|(name, _)| *name == key);
    let near = nearest(key, known.iter().copied());
    let hint = if let Some((_, why)) = explained {
        (*why).to_owned()
    } else if let Some(near) = near {
        format!("did you mean `{near}`?")
    } else if let Some(home) = home(&SCHEMA, key, "", 0) {
        format!("it belongs in `{home}`")
    } else {
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        format!("known here: {}", known.join(", "))
    };
    Violation {
        meant: near.map(|near| format!("{parent}/{near}")),
        ..problem.with_hint(hint).into()
    }
}

/// A member that has to be there.
pub(super) fn missing(
    of: &Checked<'_>,
    parent: &str,
    name: &str,
    node: Option<&Value>,
) -> Violation {
    let problem = Problem::error(of.at_key(parent), format!("`{name}` is missing"));
    let schema = node
        .and_then(|node| node.get("properties"))
        .and_then(|all| all.get(name));
    let about = schema
        .and_then(|schema| schema.get("description"))
        .and_then(Value::as_str);
    let home = match parent {
        "" => String::new(),
        _ => format!(" under {}", words::name(parent)),
    };
    let hint = match about {
        Some(about) => format!("add `{name}: …`{home}: {}", first_sentence(about)),
        None => format!("add `{name}: …`{home}"),
    };
    Violation {
        missing: vec![format!("{parent}/{name}")],
        ..problem.with_hint(hint).into()
    }
}

/// The members of which an object has to have one, when that is all its alternatives say.
pub(super) fn required_alternatives(node: &Map<String, Value>) -> Vec<String> {
    let branches = node
        .get("oneOf")
        .or_else(|| node.get("anyOf"))
        .and_then(Value::as_array);
    let required = |branch: &Value| {
        let only = branch.as_object().filter(|branch| branch.len() == 1)?;
        Some(only.get("required")?.get(0)?.as_str()?.to_owned())
    };
    let names: Option<Vec<_>> = branches.into_iter().flatten().map(required).collect();
    names.unwrap_or_default()
}

/// The members that may not stand there together.
pub(super) fn excluded(not: &Value) -> Vec<String> {
    let required = not.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

/// Where in a manifest a member of this name has its place, as `correspondence.content`.
fn home(schema: &Value, key: &str, path: &str, depth: usize) -> Option<String> {
    let schema = resolved(schema);
    if depth > 6 {
        return None;
    }
    if !path.is_empty()
        && schema
            .get("properties")
            .is_some_and(|all| all.get(key).is_some())
    {
        return Some(path.to_owned());
    }
    let branches = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let within = branches
        .chain(schema.get("items"))
        .find_map(|branch| home(branch, key, path, depth + 1));
    within.or_else(|| {
        let properties = schema.get("properties").and_then(Value::as_object)?;
        properties.iter().find_map(|(name, property)| {
            let path = match path {
                "" => name.clone(),
                _ => format!("{path}.{name}"),
            };
            home(property, key, &path, depth + 1)
        })
    })
}

/// What a part of the schema refers to, or itself.
pub(super) fn resolved(schema: &Value) -> &Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    reference
        .and_then(|path| SCHEMA.pointer(path.trim_start_matches('#')))
        .unwrap_or(schema)
}

/// The beginning of a description, to stand within a sentence.
fn first_sentence(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    let text = text.find(['.', ';', ':']).map_or(text, |end| &text[..end]);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
