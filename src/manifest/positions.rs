//! The positions of a YAML file's members: from a JSON pointer to a range of bytes.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::ScalarStyle;

use crate::text::{key_of_token, pointer_token};

/// The position of every member of a manifest, by its JSON pointer; ranges count bytes.
///
/// A member that comes in through an alias or a merge key has the position where it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Positions {
    pub(super) root: Option<YamlValue>,
}

/// A value in the place where it stands, itself or by an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlValue {
    /// The bytes of the value, or of the alias; an empty value has those of its key.
    pub(super) span: Range<usize>,
    /// Shared with the aliases of the value, which all come after its end, so that there are no circles.
    pub(super) node: Arc<YamlNode>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlNode {
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Scalar(ScalarStyle),
    List(Vec<YamlValue>),
    Mapping(Vec<Member>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// `None` when the key is no scalar: a structure, which is reported as a problem, or an alias.
    pub(super) key: Option<String>,
    pub(super) key_span: Range<usize>,
    pub(super) value: YamlValue,
}

struct Located<'a> {
    /// The bytes of the key; items of a list have none.
    key: Option<Range<usize>>,
    value: &'a YamlValue,
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

/// The pointer without its last token.
fn parent(pointer: &str) -> &str {
    pointer.rfind('/').map_or("", |slash| &pointer[..slash])
}

impl Positions {
    pub(crate) fn value(&self, pointer: &str) -> Option<Range<usize>> {
        Some(self.find(pointer)?.value.node.span.clone())
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
                // Items of a list have no key: their own range takes its place.
                return found.key.unwrap_or_else(|| found.value.span.clone());
            }
            pointer = parent(pointer);
        }
        let start = self.root.as_ref().map_or(0, |root| root.span.start);
        start..start
    }

    /// The value at a JSON pointer, through aliases and merge keys.
    fn find(&self, pointer: &str) -> Option<Located<'_>> {
        let mut found = Located {
            key: None,
            value: self.root.as_ref()?,
        };
        for token in pointer.split('/').skip(1) {
            // Each step has a limit of its own, because the depth of pointers is small.
            let budget = &mut { SEARCH_LIMIT };
            found = found.value.child(&key_of_token(token), budget)?;
        }
        Some(found)
    }

    /// The scalars at and below a pointer, with `aliases` also those that aliases stand for. Empty values are left out: they have the ranges of their keys.
    pub(super) fn scalars(&self, pointer: &str, aliases: bool) -> Vec<WrittenScalar<'_>> {
        let mut scalars = Vec::new();
        if let Some(found) = self.find(pointer) {
            found
                .value
                .add_scalars(pointer.to_owned(), "", aliases, &mut scalars);
        }
        scalars
    }
}

impl YamlValue {
    fn add_scalars<'a>(
        &'a self,
        pointer: String,
        name: &'a str,
        aliases: bool,
        scalars: &mut Vec<WrittenScalar<'a>>,
    ) {
        // Only an alias stands elsewhere than its value.
        if self.span != self.node.span && !aliases {
            return;
        }
        match &self.node.kind {
            NodeKind::Mapping(members) => {
                let filled = |member: &&Member| member.value.span != member.key_span;
                for member in members.iter().filter(filled) {
                    let name = member.key.as_deref().unwrap_or_default();
                    let pointer = format!("{pointer}/{}", pointer_token(name));
                    member.value.add_scalars(pointer, name, aliases, scalars);
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    item.add_scalars(pointer, name, aliases, scalars);
                }
            }
            NodeKind::Scalar(style) => scalars.push(WrittenScalar {
                pointer,
                name,
                span: self.node.span.clone(),
                style: *style,
            }),
        }
    }

    /// The member or item of a value; `None` when there is none, and when `budget`, the number of nodes left to search, is used up.
    fn child(&self, key: &str, budget: &mut usize) -> Option<Located<'_>> {
        *budget = budget.checked_sub(1)?;
        match &self.node.kind {
            NodeKind::List(items) => {
                let value = items.get(key.parse::<usize>().ok()?)?;
                Some(Located { key: None, value })
            }
            NodeKind::Mapping(members) => {
                // Duplicates are refused anyway; the last one is what a reader of the file expects to count.
                let named = |is_meant: &dyn Fn(&str) -> bool| {
                    let mut members = members.iter().rev();
                    let member = members.find(|it| it.key.as_deref().is_some_and(is_meant))?;
                    Some(Located {
                        key: Some(member.key_span.clone()),
                        value: &member.value,
                    })
                };
                named(&|name| name == key)
                    .or_else(|| merged(members, key, budget))
                    // Pointers have Altinn's names after `member_names::normalize`, while the file may have another case.
                    .or_else(|| named(&|name| name.eq_ignore_ascii_case(key)))
            }
            NodeKind::Scalar(_) => None,
        }
    }
}

/// Finds a member that comes in through `<<`, whose value is one mapping or a list of them; the first in a list wins.
fn merged<'a>(members: &'a [Member], key: &str, budget: &mut usize) -> Option<Located<'a>> {
    let merges = members
        .iter()
        .filter(|member| member.key.as_deref() == Some("<<"));
    // The mapping's own members win over merged ones: this is asked only when it has none of the name.
    for merge in merges {
        match &merge.value.node.kind {
            NodeKind::List(items) => {
                let found = items.iter().find_map(|item| item.child(key, budget));
                if found.is_some() {
                    return found;
                }
            }
            _ => return merge.value.child(key, budget),
        }
    }
    None
}
