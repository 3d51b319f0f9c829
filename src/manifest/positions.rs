//! Where everything in a YAML file is written: from a JSON pointer to the bytes in the file.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use crate::text::key_of_token;

/// Where every member of a manifest is written, by its JSON pointer; ranges count bytes.
///
/// A member that comes in through an alias or a merge key is where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Positions {
    pub(super) tree: YamlTree,
}

impl Positions {
    pub(crate) fn value(&self, pointer: &str) -> Option<Range<usize>> {
        let found = self.tree.find(pointer)?;
        let node = self.tree.nodes.get(found.node)?;
        match node.kind {
            NodeKind::Alias(_) => Some(self.tree.resolve(found.node)?.span.clone()),
            _ => Some(node.span.clone()),
        }
    }

    /// The key of the member at a pointer; `None` for the items of a list and for the document itself.
    pub(crate) fn key(&self, pointer: &str) -> Option<Range<usize>> {
        self.tree.find(pointer)?.key
    }

    /// The value at a pointer, else the nearest key around it.
    pub(crate) fn nearest_value(&self, pointer: &str) -> Range<usize> {
        self.value(pointer)
            .unwrap_or_else(|| self.nearest_key(parent(pointer)))
    }

    /// The key of a member, else that of the nearest member around it, else the document's start: where to say that something is missing.
    pub(crate) fn nearest_key(&self, pointer: &str) -> Range<usize> {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(found) = self.tree.find(pointer) {
                let written = || Some(self.tree.nodes.get(found.node)?.span.clone());
                if let Some(range) = found.key.or_else(written) {
                    return range;
                }
            }
            pointer = parent(pointer);
        }
        let start = self.tree.nodes.first().map_or(0, |root| root.span.start);
        start..start
    }
}

/// The pointer of the member or list around another.
fn parent(pointer: &str) -> &str {
    pointer.rfind('/').map_or("", |slash| &pointer[..slash])
}

/// The nodes of one document; the first is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct YamlTree {
    pub(super) nodes: Vec<YamlNode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlNode {
    /// The bytes of the value; an empty value has those of its key.
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind,
}

/// The numbers are indices of `YamlTree::nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    Scalar(ScalarStyle),
    List(Vec<usize>),
    Mapping(Vec<Member>),
    /// Stands for another node, which is complete and was written before: there are no circles.
    Alias(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// `None` when the key is not a plain text (which is a problem by itself, or an alias).
    pub(super) key: Option<String>,
    pub(super) key_span: Range<usize>,
    pub(super) value: usize,
}

/// A member or item that was found by its pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// The bytes of the key; items of a list have none.
    pub(super) key: Option<Range<usize>>,
    pub(super) node: usize,
}

/// The most nodes that are searched for one member: a chain of merge keys could make the search exponential.
const SEARCH_LIMIT: usize = 10_000;

impl YamlTree {
    /// The node at a JSON pointer, through aliases and merge keys.
    pub(super) fn find(&self, pointer: &str) -> Option<Located> {
        let mut found = Located { key: None, node: 0 };
        self.nodes.first()?;
        for token in pointer.split('/').skip(1) {
            found = self.child(found.node, &key_of_token(token), &mut { SEARCH_LIMIT })?;
        }
        Some(found)
    }

    /// The node that an alias stands for in the end; any other node is itself.
    pub(super) fn resolve(&self, mut node: usize) -> Option<&YamlNode> {
        loop {
            match self.nodes.get(node)? {
                YamlNode {
                    kind: NodeKind::Alias(target),
                    ..
                } => node = *target,
                other => return Some(other),
            }
        }
    }

    fn child(&self, node: usize, key: &str, budget: &mut usize) -> Option<Located> {
        *budget = budget.checked_sub(1)?;
        match &self.resolve(node)?.kind {
            NodeKind::List(items) => {
                let node = *items.get(key.parse::<usize>().ok()?)?;
                Some(Located { key: None, node })
            }
            NodeKind::Mapping(members) => {
                // serde_yaml refuses duplicates; the last one is what a reader of the file would expect.
                let own = members
                    .iter()
                    .rev()
                    .find(|member| member.key.as_deref() == Some(key));
                match own {
                    Some(member) => Some(Located {
                        key: Some(member.key_span.clone()),
                        node: member.value,
                    }),
                    None => self
                        .merged(members, key, budget)
                        .or_else(|| in_any_case(members, key)),
                }
            }
            NodeKind::Scalar(_) | NodeKind::Alias(_) => None,
        }
    }

    /// A member that comes in through `<<`: one mapping, or a list of them of which the first wins.
    fn merged(&self, members: &[Member], key: &str, budget: &mut usize) -> Option<Located> {
        let merges = members
            .iter()
            .filter(|member| member.key.as_deref() == Some("<<"));
        for merge in merges {
            match &self.resolve(merge.value)?.kind {
                NodeKind::List(items) => {
                    for item in items {
                        if let Some(found) = self.child(*item, key, budget) {
                            return Some(found);
                        }
                    }
                }
                _ => return self.child(merge.value, key, budget),
            }
        }
        None
    }
}

/// Members of the letter are known by Altinn's names, however they are written.
fn in_any_case(members: &[Member], key: &str) -> Option<Located> {
    let same = |member: &&Member| {
        let written = member.key.as_deref();
        written.is_some_and(|written| written.eq_ignore_ascii_case(key))
    };
    let member = members.iter().rev().find(same)?;
    Some(Located {
        key: Some(member.key_span.clone()),
        node: member.value,
    })
}

/// The byte that each character of a text begins at: the YAML parser counts characters.
#[derive(Debug)]
pub(super) struct CharacterOffsets {
    /// Empty when all characters are one byte long.
    bytes: Vec<usize>,
    length: usize,
}

impl CharacterOffsets {
    pub(super) fn new(text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            bytes,
            length: text.len(),
        }
    }

    /// The byte that a character begins at; the end of the text for what lies behind it.
    pub(super) fn byte(&self, character: usize) -> usize {
        match self.bytes.as_slice() {
            [] => character.min(self.length),
            bytes => bytes.get(character).copied().unwrap_or(self.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CharacterOffsets;

    #[test]
    fn characters_become_bytes() {
        let offsets = CharacterOffsets::new("aå🎉b");
        let bytes: Vec<_> = (0..6).map(|character| offsets.byte(character)).collect();
        assert_eq!(bytes, [0, 1, 3, 7, 8, 8]);
        assert_eq!(CharacterOffsets::new("ab").byte(9), 2);
    }
}
