//! The masking of secrets that stand in a manifest by mistake, so that messages about the manifest do not show them.

use std::ops::Range;
use std::sync::Arc;

use super::Positions;
use super::positions::{NodeKind, WrittenScalar};
use crate::diagnostic::{Place, Problems, Source};
use crate::secret::is_secret;
use crate::text::{has_word, pointer_token};

/// Names of secrets. At the top level, where the manifest has none of them, they stand an indentation too far to the left.
const MISPLACED: &str =
    "apikey clientsecret jwk key passphrase password privatekey secret subscriptionkey token";

fn is_misplaced(name: &str) -> bool {
    has_word(MISPLACED, &name.to_ascii_lowercase())
}

/// True when the value at a pointer may be shown. In `auth` only members are shown that cannot be a secret; the list is of those, so that an unknown name
/// hides its value.
pub(super) fn may_show(pointer: &str) -> bool {
    let Some(within) = pointer.strip_prefix("/auth") else {
        return !pointer.split('/').nth(1).is_some_and(is_misplaced);
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
    let mut pointers = vec!["/auth".to_owned(), "/environment".to_owned()];
    if let Some(NodeKind::Mapping(members)) = positions.root.as_ref().map(|root| &root.node.kind) {
        let names = members.iter().filter_map(|member| member.key.as_deref());
        let misplaced = names.filter(|name| is_misplaced(name));
        pointers.extend(misplaced.map(|name| format!("/{}", pointer_token(name))));
    }
    for pointer in &pointers {
        // A secret may also stand at an anchor outside of `auth`.
        for WrittenScalar { pointer, span, .. } in positions.scalars(pointer, true) {
            let is_secret = source.text().get(span.clone()).is_some_and(is_secret);
            if is_secret || !may_show(&pointer) {
                hidden.push(span);
            }
        }
    }
    hidden.extend(on_lines(source.text()));
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

/// The values on lines as `password: …`, for a file that is not YAML, in which members have no places. `key` is left out: it is more often the name of a column.
fn on_lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        end += line.len();
        let (name, value) = line.split_once(':')?;
        let name = name.trim().trim_matches(['"', '\'']);
        let value = value.trim_start();
        let is_secret = is_misplaced(name) && name != "key" && !value.starts_with('{');
        (is_secret && !value.is_empty()).then(|| end - value.len()..end)
    })
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
