//! The masking of secrets that stand in a manifest by mistake, so that messages about the manifest do not show them.

use std::ops::Range;
use std::sync::Arc;

use super::Positions;
use super::positions::{NodeKind, YamlTree};
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
        if let Some(found) = positions.tree.find(pointer) {
            let mut collector = Collector {
                tree: &positions.tree,
                text: source.text(),
                hidden: &mut hidden,
            };
            collector.collect(found.node, pointer);
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

/// Collects the ranges that must be hidden.
struct Collector<'a> {
    tree: &'a YamlTree,
    text: &'a str,
    hidden: &'a mut Vec<Range<usize>>,
}

impl Collector<'_> {
    fn collect(&mut self, node: usize, pointer: &str) {
        let tree = self.tree;
        let Some(written) = tree.nodes.get(node) else {
            return;
        };
        match &written.kind {
            NodeKind::Mapping(members) => {
                for member in members {
                    // An empty value has the range of its key, and keys are shown.
                    let empty = tree
                        .nodes
                        .get(member.value)
                        .is_none_or(|value| value.span == member.key_span);
                    if !empty {
                        let key = member.key.as_deref().unwrap_or_default();
                        self.collect(member.value, &format!("{pointer}/{key}"));
                    }
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(*item, &format!("{pointer}/{index}"));
                }
            }
            NodeKind::Scalar(_) if !may_show(pointer) || self.is_secret(&written.span) => {
                self.hidden.push(written.span.clone());
            }
            // The secret stands at the anchor, which may be outside of `auth`.
            NodeKind::Alias(target) => self.collect(*target, pointer),
            NodeKind::Scalar(_) => {}
        }
    }

    fn is_secret(&self, span: &Range<usize>) -> bool {
        self.text.get(span.clone()).is_some_and(is_secret)
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
