//! Where everything in a YAML file is written, as a tree of byte ranges.

use std::ops::Range;

/// The nodes of one document; the first is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// Where one value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Its bytes; an empty value has those of its key.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What a node is made of; numbers are places in `Tree::nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    List(Vec<usize>),
    Mapping(Vec<Entry>),
    /// Stands for another node, which is complete and was written before: there are no circles.
    Alias(usize),
}

/// One member of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key's text; `None` when it is not a plain text (which is a problem by itself, or an alias).
    pub(super) key: Option<String>,
    pub(super) key_span: Range<usize>,
    pub(super) value: usize,
}

/// A member or item that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The bytes of its key; items of a list have none.
    pub(super) key: Option<Range<usize>>,
    pub(super) node: usize,
}

/// How many nodes are looked at for one member: merge keys can make the search wide.
const SEARCH_LIMIT: usize = 10_000;

impl Tree {
    /// The node at a JSON pointer, through aliases and merge keys.
    pub(super) fn find(&self, pointer: &str) -> Option<Found> {
        let mut found = Found { key: None, node: 0 };
        self.nodes.first()?;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            found = self.step(found.node, &token, &mut { SEARCH_LIMIT })?;
        }
        Some(found)
    }

    /// The node that stands there in the end, when this one is an alias.
    pub(super) fn resolve(&self, mut node: usize) -> Option<&Node> {
        loop {
            match self.nodes.get(node)? {
                Node {
                    kind: Kind::Alias(target),
                    ..
                } => node = *target,
                other => return Some(other),
            }
        }
    }

    fn step(&self, node: usize, token: &str, left: &mut usize) -> Option<Found> {
        *left = left.checked_sub(1)?;
        match &self.resolve(node)?.kind {
            Kind::List(items) => {
                let node = *items.get(token.parse::<usize>().ok()?)?;
                Some(Found { key: None, node })
            }
            Kind::Mapping(entries) => {
                let own = entries
                    .iter()
                    .rev()
                    .find(|entry| entry.key.as_deref() == Some(token));
                match own {
                    Some(entry) => Some(Found {
                        key: Some(entry.key_span.clone()),
                        node: entry.value,
                    }),
                    None => self.merged(entries, token, left),
                }
            }
            Kind::Scalar | Kind::Alias(_) => None,
        }
    }

    /// A member that comes in through `<<`: one mapping, or a list of them of which the first wins.
    fn merged(&self, entries: &[Entry], token: &str, left: &mut usize) -> Option<Found> {
        let merges = entries
            .iter()
            .filter(|entry| entry.key.as_deref() == Some("<<"));
        for entry in merges {
            match &self.resolve(entry.value)?.kind {
                Kind::List(items) => {
                    for item in items {
                        if let Some(found) = self.step(*item, token, left) {
                            return Some(found);
                        }
                    }
                }
                _ => return self.step(entry.value, token, left),
            }
        }
        None
    }
}
