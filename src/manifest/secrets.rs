//! A secret that stands in the manifest by mistake is not shown with the mistake.

use std::ops::Range;
use std::sync::Arc;

use super::Positions;
use super::tree::{Kind, Tree};
use crate::diagnostic::{Place, Problems, Source};

/// Whether the value at a pointer may be shown: in `auth` only what cannot be a secret.
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

/// The problems, shown in a source in which the values that may not be shown are stars.
pub(super) fn hide(problems: Problems, source: &Arc<Source>, positions: &Positions) -> Problems {
    let mut hidden = Vec::new();
    if let Some(auth) = positions.tree.find("/auth") {
        collect(&positions.tree, auth.node, "/auth", &mut hidden);
    }
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

fn collect(tree: &Tree, node: usize, pointer: &str, hidden: &mut Vec<Range<usize>>) {
    let Some(written) = tree.nodes.get(node) else {
        return;
    };
    match &written.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                // A value that is empty stands for its key, which is shown.
                let empty = tree
                    .nodes
                    .get(entry.value)
                    .is_none_or(|value| value.span == entry.key_span);
                if !empty {
                    let key = entry.key.as_deref().unwrap_or_default();
                    collect(tree, entry.value, &format!("{pointer}/{key}"), hidden);
                }
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(tree, *item, &format!("{pointer}/{index}"), hidden);
            }
        }
        Kind::Scalar if !may_show(pointer) => hidden.push(written.span.clone()),
        Kind::Alias(target) => collect(tree, *target, pointer, hidden),
        Kind::Scalar => {}
    }
}

/// The text with stars in the ranges, every other byte at its place.
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
