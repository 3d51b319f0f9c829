//! Reading `maskinporten-settings.json`, which Altinn Studio mounts into an app: authority, client id and key in one file.

use serde_json::{Map, Value};

use super::KeyError;

pub(super) struct StudioSettings<'a> {
    pub(super) authority: Option<&'a str>,
    pub(super) client_id: Option<&'a str>,
    /// A JSON object (`Jwk`), or a text (`JwkBase64`), which wins over it as in Altinn's own client.
    pub(super) key: &'a Value,
}

/// True when the JSON holds such settings at any depth.
pub(super) fn is_settings(root: &Map<String, Value>) -> bool {
    // A plain JWK or set of JWKs is no settings file, whatever its members are called.
    !root.contains_key("kty") && !root.contains_key("keys") && !sections(root).is_empty()
}

/// Finds the settings at the path `section` (such as `Outer:Inner`); without one the only settings, or those named `MaskinportenSettings`.
pub(super) fn read<'a>(
    root: &'a Map<String, Value>,
    section: Option<&str>,
) -> Result<StudioSettings<'a>, KeyError> {
    let all = sections(root);
    let named = |name: &str| all.iter().find(|(path, _)| path.eq_ignore_ascii_case(name));
    let found = match (section.map(str::trim), all.as_slice()) {
        (Some(section), _) => named(section).ok_or_else(|| {
            ambiguous(format!(
                "there are no Maskinporten settings under `{section}`"
            ))
        })?,
        (None, [one]) => one,
        (None, _) => named(DEFAULT_SECTION).ok_or_else(|| {
            let paths: Vec<_> = all.iter().map(|(path, _)| format!("`{path}`")).collect();
            ambiguous(format!(
                "there are several Maskinporten settings in the file: {}",
                paths.join(", ")
            ))
        })?,
    };
    settings(found.1)
}

const DEFAULT_SECTION: &str = "MaskinportenSettings";

fn ambiguous(message: String) -> KeyError {
    let hint = "say which one with `auth.key.section`, as `MaskinportenSettings` or `Outer:Inner`";
    KeyError::new(message, hint)
}

fn settings(members: &Map<String, Value>) -> Result<StudioSettings<'_>, KeyError> {
    let text = |name| {
        member(members, name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let base64 = member(members, "JwkBase64").filter(|_| text("JwkBase64").is_some());
    let jwk = member(members, "Jwk").filter(|jwk| jwk.is_object());
    let key = base64.or(jwk).ok_or_else(|| {
        KeyError::new(
            "the Maskinporten settings have neither `Jwk` nor `JwkBase64`",
            "get the file from Altinn Studio again, or give the key by itself",
        )
    })?;
    Ok(StudioSettings {
        authority: text("Authority"),
        client_id: text("ClientId"),
        key,
    })
}

/// All settings in the file with their paths, the outer ones first.
fn sections(root: &Map<String, Value>) -> Vec<(String, &Map<String, Value>)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), root)];
    while let Some((path, members)) = open.pop() {
        // Settings do not nest: an object inside them is a key.
        if SETTINGS_MEMBERS
            .iter()
            .any(|name| member(members, name).is_some())
        {
            found.push((path, members));
            continue;
        }
        // Reversed, because the stack returns its last entry first.
        let inner = members.iter().rev().filter_map(|(name, value)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}:{name}")
            };
            Some((path, value.as_object()?))
        });
        open.extend(inner);
    }
    found
}

/// Members that only such settings have.
/// One of them is enough, because each may be configured elsewhere.
const SETTINGS_MEMBERS: [&str; 3] = ["Jwk", "JwkBase64", "ClientId"];

/// Finds a member by its name in any case, as .NET's configuration does.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
