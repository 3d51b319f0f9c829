//! From a JSON pointer to the bytes in the file.

use std::ops::Range;

use super::tree::{Kind, Tree};

/// Where every member of a manifest is written, by its JSON pointer; ranges count bytes.
///
/// A member that comes in through an alias or a merge key is where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    pub(super) tree: Tree,
}

impl Positions {
    /// The value at a pointer.
    pub fn value(&self, pointer: &str) -> Option<Range<usize>> {
        let found = self.tree.find(pointer)?;
        let node = self.tree.nodes.get(found.node)?;
        match node.kind {
            Kind::Alias(_) => Some(self.tree.resolve(found.node)?.span.clone()),
            _ => Some(node.span.clone()),
        }
    }

    /// The key of the member at a pointer; nothing for the items of a list and the document itself.
    pub fn key(&self, pointer: &str) -> Option<Range<usize>> {
        self.tree.find(pointer)?.key
    }

    /// The value at a pointer; when it is not there, what `heading` finds.
    pub fn nearest(&self, pointer: &str) -> Range<usize> {
        self.value(pointer)
            .unwrap_or_else(|| self.heading(parent(pointer)))
    }

    /// The key of a member, else that of the nearest member around it, else the document's start: where to say that something is missing.
    pub fn heading(&self, pointer: &str) -> Range<usize> {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(found) = self.tree.find(pointer) {
                let written = || {
                    self.tree
                        .nodes
                        .get(found.node)
                        .map(|node| node.span.clone())
                };
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
