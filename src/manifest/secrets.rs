//! The masking of secrets that stand in a manifest by mistake, so that messages about the manifest do not show them.

use std::ops::Range;
use std::sync::Arc;

use super::Positions;
use super::positions::{NodeKind, YamlNode};
use crate::diagnostic::{Place, Problems, Source};
use crate::secret::is_secret;

/// True when the value at a pointer may be shown. In `auth` only members are shown that cannot be a secret; the list is of those, so that an unknown name
/// hides its value.
pub(super) fn may_show(pointer: &str) -> bool {
    let Some(within) = pointer.strip_prefix("/auth") else {
        return true;
    };
    match within.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["clientId" | "exchange" | "caFile" | "consumerOrg" | "testOrganization"]
        | ["scopes" | "resource" | "systemUser", ..]
        | ["key", "algorithm" | "certificate" | "section"]
        | ["key" | "subscriptionKey" | "token", "file" | "kid"]
        | [
            "token",
            "generator",
            "org" | "orgNo" | "environment" | "ttl",
        ] => true,
        _ => !within.is_empty() && !within.starts_with('/'),
    }
}

/// Moves the problems to a copy of the source in which secrets are replaced by stars: the lines shown with a problem may hold one.
pub(super) fn hide(problems: Problems, source: &Arc<Source>, positions: &Positions) -> Problems {
    let mut hidden = Vec::new();
    // A secret may also stand in `environment`, in an address.
    for pointer in ["/auth", "/environment"] {
        if let Some(found) = positions.find(pointer) {
            collect(positions, source.text(), found.node, pointer, &mut hidden);
        }
    }
    // The usual case: no copy of the source.
    if hidden.is_empty() {
        return problems;
    }
    let masked = Arc::new(Source::new(source.path(), stars(source.text(), &hidden)));
    let mask = |mut problem: crate::diagnostic::Problem| {
        if let Place::Source { source, .. } = &mut problem.place {
            *source = Arc::clone(&masked);
        }
        problem
    };
    problems.into_iter().map(mask).collect()
}

/// Collects the ranges that must be hidden in a node and those below it.
fn collect(
    positions: &Positions,
    text: &str,
    node: usize,
    pointer: &str,
    hidden: &mut Vec<Range<usize>>,
) {
    let Some(YamlNode { span, kind }) = positions.nodes.get(node) else {
        return;
    };
    match kind {
        NodeKind::Mapping(members) => {
            for member in members {
                // An empty value has the range of its key, and keys are shown.
                let value = positions.nodes.get(member.value);
                if value.is_some_and(|value| value.span != member.key_span) {
                    let key = member.key.as_deref().unwrap_or_default();
                    let pointer = format!("{pointer}/{key}");
                    collect(positions, text, member.value, &pointer, hidden);
                }
            }
        }
        NodeKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(
                    positions,
                    text,
                    *item,
                    &format!("{pointer}/{index}"),
                    hidden,
                );
            }
        }
        NodeKind::Scalar(_) => {
            if !may_show(pointer) || text.get(span.clone()).is_some_and(is_secret) {
                hidden.push(span.clone());
            }
        }
        // The secret stands at the anchor, which may be outside of `auth`.
        NodeKind::Alias(target) => collect(positions, text, *target, pointer, hidden),
    }
}

/// Replaces the ranges by stars, one for each byte, so that spans stay right.
fn stars(text: &str, hidden: &[Range<usize>]) -> String {
    let mut masked = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if character != '\n' && hidden.iter().any(|range| range.contains(&at)) {
            masked.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            masked.push(character);
        }
    }
    masked
}
