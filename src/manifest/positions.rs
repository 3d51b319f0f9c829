//! The positions of a YAML file's members: from a JSON pointer to a range of bytes.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use crate::text::{key_of_token, pointer_token};

/// The position of every member of a manifest, by its JSON pointer; ranges count bytes.
///
/// A member that comes in through an alias or a merge key has the position where it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Positions {
    /// The values of the document; the first is the root.
    pub(super) nodes: Vec<YamlNode>,
}

impl Positions {
    pub(crate) fn value(&self, pointer: &str) -> Option<Range<usize>> {
        Some(self.resolve(self.find(pointer)?.node)?.span.clone())
    }

    /// The range of the key at a pointer; `None` for items of a list and for the document itself.
    pub(crate) fn key(&self, pointer: &str) -> Option<Range<usize>> {
        self.find(pointer)?.key
    }

    /// The range of the value at a pointer, else of the nearest key around it.
    pub(crate) fn nearest_value(&self, pointer: &str) -> Range<usize> {
        self.value(pointer)
            .unwrap_or_else(|| self.nearest_key(parent(pointer)))
    }

    /// The range of the key at a pointer, else of the nearest key around it, else the document's start: the place to report a missing member at.
    pub(crate) fn nearest_key(&self, pointer: &str) -> Range<usize> {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(found) = self.find(pointer) {
                let written = || Some(self.nodes.get(found.node)?.span.clone());
                // Items of a list have no key: their own range takes its place.
                if let Some(range) = found.key.or_else(written) {
                    return range;
                }
            }
            pointer = parent(pointer);
        }
        let start = self.nodes.first().map_or(0, |root| root.span.start);
        start..start
    }
}

/// The pointer without its last token.
fn parent(pointer: &str) -> &str {
    pointer.rfind('/').map_or("", |slash| &pointer[..slash])
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlNode {
    /// The bytes of the value; an empty value has those of its key.
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind,
}

/// The kind of a node; the numbers are indices of `Positions::nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    Scalar(ScalarStyle),
    List(Vec<usize>),
    Mapping(Vec<Member>),
    /// An alias for another node. That node ended before the alias, so that there are no circles.
    Alias(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// `None` when the key is no scalar: a structure, which is reported as a problem, or an alias.
    pub(super) key: Option<String>,
    pub(super) key_span: Range<usize>,
    pub(super) value: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// The bytes of the key; items of a list have none.
    pub(super) key: Option<Range<usize>>,
    pub(super) node: usize,
}

/// A scalar as it is written: its pointer, the key it belongs to, and its range.
#[derive(Debug)]
pub(super) struct WrittenScalar<'a> {
    pub(super) pointer: String,
    pub(super) name: &'a str,
    pub(super) span: Range<usize>,
    pub(super) style: ScalarStyle,
}

/// The most nodes that are searched for one member: a chain of merge keys could make the search exponential.
const SEARCH_LIMIT: usize = 10_000;

impl Positions {
    /// The node at a JSON pointer, through aliases and merge keys.
    pub(super) fn find(&self, pointer: &str) -> Option<Located> {
        let mut found = Located { key: None, node: 0 };
        self.nodes.first()?;
        for token in pointer.split('/').skip(1) {
            // Each step has a limit of its own, because the depth of pointers is small.
            found = self.child(found.node, &key_of_token(token), &mut { SEARCH_LIMIT })?;
        }
        Some(found)
    }

    /// The scalars at and below a pointer, with `aliases` also those that aliases stand for. Empty values are left out: they have the ranges of their keys.
    pub(super) fn scalars(&self, pointer: &str, aliases: bool) -> Vec<WrittenScalar<'_>> {
        let mut scalars = Vec::new();
        if let Some(found) = self.find(pointer) {
            self.add_scalars(found.node, pointer.to_owned(), "", aliases, &mut scalars);
        }
        scalars
    }

    fn add_scalars<'a>(
        &'a self,
        node: usize,
        pointer: String,
        name: &'a str,
        aliases: bool,
        scalars: &mut Vec<WrittenScalar<'a>>,
    ) {
        let Some(YamlNode { span, kind }) = self.nodes.get(node) else {
            return;
        };
        match kind {
            NodeKind::Mapping(members) => {
                for member in members {
                    let value = self.nodes.get(member.value);
                    if value.is_some_and(|value| value.span != member.key_span) {
                        let name = member.key.as_deref().unwrap_or_default();
                        let pointer = format!("{pointer}/{}", pointer_token(name));
                        self.add_scalars(member.value, pointer, name, aliases, scalars);
                    }
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    self.add_scalars(*item, pointer, name, aliases, scalars);
                }
            }
            NodeKind::Scalar(style) => scalars.push(WrittenScalar {
                pointer,
                name,
                span: span.clone(),
                style: *style,
            }),
            NodeKind::Alias(target) if aliases => {
                self.add_scalars(*target, pointer, name, aliases, scalars);
            }
            NodeKind::Alias(_) => {}
        }
    }

    /// The node that an alias stands for, through any number of aliases; any other node is returned itself.
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

    /// The member or item of a node; `None` when there is none, and when `budget`, the number of nodes left to search, is used up.
    fn child(&self, node: usize, key: &str, budget: &mut usize) -> Option<Located> {
        *budget = budget.checked_sub(1)?;
        match &self.resolve(node)?.kind {
            NodeKind::List(items) => {
                let node = *items.get(key.parse::<usize>().ok()?)?;
                Some(Located { key: None, node })
            }
            NodeKind::Mapping(members) => {
                // Duplicates are refused anyway; the last one is what a reader of the file expects to count.
                let named = |is_meant: &dyn Fn(&str) -> bool| {
                    let mut members = members.iter().rev();
                    let member = members.find(|it| it.key.as_deref().is_some_and(is_meant))?;
                    Some(Located {
                        key: Some(member.key_span.clone()),
                        node: member.value,
                    })
                };
                named(&|name| name == key)
                    .or_else(|| self.merged(members, key, budget))
                    // Pointers have Altinn's names after `member_names::normalize`, while the file may have another case.
                    .or_else(|| named(&|name| name.eq_ignore_ascii_case(key)))
            }
            NodeKind::Scalar(_) | NodeKind::Alias(_) => None,
        }
    }

    /// Finds a member that comes in through `<<`, whose value is one mapping or a list of them; the first in a list wins.
    fn merged(&self, members: &[Member], key: &str, budget: &mut usize) -> Option<Located> {
        let merges = members
            .iter()
            .filter(|member| member.key.as_deref() == Some("<<"));
        // The mapping's own members win over merged ones: this is asked only when it has none of the name.
        for merge in merges {
            match &self.resolve(merge.value)?.kind {
                NodeKind::List(items) => {
                    let found = items.iter().find_map(|item| self.child(*item, key, budget));
                    if found.is_some() {
                        return found;
                    }
                }
                _ => return self.child(merge.value, key, budget),
            }
        }
        None
    }
}
