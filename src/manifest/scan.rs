//! The event pass: where everything is written, and what `serde_yaml` hides or says without a place.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::offsets::Offsets;
use super::traps::{PROBLEM_LIMIT, Traps};
use super::tree::{Entry, Kind, Node, Tree};
use crate::diagnostic::{Problems, Source};

/// How deep mappings and lists may be nested.
const DEPTH_LIMIT: usize = 100;
/// How many values aliases may add in all.
const ALIAS_LIMIT: usize = 100_000;

/// What the pass has found.
pub(super) struct Scan {
    pub(super) tree: Tree,
    pub(super) problems: Problems,
    /// The bytes of the first document.
    pub(super) end: usize,
    /// Whether the document was read to its end; if not, nothing else should read it.
    pub(super) complete: bool,
}

/// Reads the first document of a file.
pub(super) fn scan(source: &Arc<Source>) -> Scan {
    let mut scanner = Scanner::new(source);
    let complete = scanner.traps.characters() && scanner.document();
    Scan {
        tree: scanner.tree,
        problems: scanner.traps.problems,
        end: scanner.end,
        complete,
    }
}

enum Step {
    Go,
    /// The first document is complete.
    Enough,
    /// The rest is not worth reading.
    Broken,
}

struct Scanner<'s> {
    traps: Traps<'s>,
    offsets: Offsets,
    tree: Tree,
    /// The mappings and lists that are not closed yet, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    /// The values that aliases have added so far.
    expanded: usize,
    /// The end of the last value, in bytes.
    last: usize,
    documents: usize,
    end: usize,
}

struct Open {
    node: usize,
    anchor: usize,
    /// A mapping's key that waits for its value.
    key: Option<(Option<String>, Range<usize>)>,
    /// The keys of a mapping so far, to find those that come twice.
    seen: HashMap<String, Range<usize>>,
    /// Stands where the key of a mapping should be.
    is_key: bool,
    /// How many values are in it, aliases counted as what they stand for.
    weight: usize,
}

struct Anchor {
    node: usize,
    /// `None` until the value is closed.
    weight: Option<usize>,
}

impl<'s> Scanner<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            traps: Traps {
                source,
                problems: Problems::new(),
            },
            offsets: Offsets::new(source.text()),
            tree: Tree::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            last: 0,
            documents: 0,
            end: source.text().len(),
        }
    }

    /// Reads the first document; whether to its end.
    fn document(&mut self) -> bool {
        for next in Parser::new_from_str(self.traps.source.text()) {
            let step = match next {
                Ok((event, span)) => self.event(&event, span),
                Err(error) => {
                    let at = self.offsets.byte(error.marker().index());
                    self.traps.syntax(at, error.info());
                    Step::Broken
                }
            };
            match step {
                Step::Go if self.traps.problems.len() < PROBLEM_LIMIT => {}
                Step::Enough => return true,
                Step::Go | Step::Broken => return false,
            }
        }
        true
    }

    fn event(&mut self, event: &Event<'_>, span: Span) -> Step {
        let span = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.end = span.start;
                    self.traps.second_document(span);
                    return Step::Enough;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.traps.tag(tag.as_deref(), &span);
                let plain = *style == ScalarStyle::Plain && tag.is_none();
                self.scalar(text, plain, *anchor, span);
            }
            Event::Alias(anchor) => return self.alias(*anchor, span),
            Event::SequenceStart(anchor, tag) => {
                self.traps.tag(tag.as_deref(), &span);
                return self.begin(Kind::List(Vec::new()), *anchor, span);
            }
            Event::MappingStart(anchor, tag) => {
                self.traps.tag(tag.as_deref(), &span);
                return self.begin(Kind::Mapping(Vec::new()), *anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Step::Go
    }

    fn scalar(&mut self, text: &str, plain: bool, anchor: usize, span: Range<usize>) {
        let span = self.trimmed(span);
        if plain {
            self.traps.number(text, &span);
        }
        let node = self.add(Kind::Scalar, span, plain && text.is_empty());
        self.anchor(anchor, node, Some(1));
        self.attach(node, Some(text));
        self.weigh(1);
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Step {
        let anchor = self.anchors.get(&anchor);
        let Some((node, weight)) = anchor.and_then(|anchor| Some((anchor.node, anchor.weight?)))
        else {
            let message = "an alias stands within what it refers to";
            self.traps.error(span, message, "write the value out");
            return Step::Broken;
        };
        self.expanded = self.expanded.saturating_add(weight);
        if self.expanded > ALIAS_LIMIT {
            let hint = "write the values out, or use fewer aliases";
            self.traps
                .error(span, "the aliases make the file too large", hint);
            return Step::Broken;
        }
        let node = self.add(Kind::Alias(node), span, false);
        self.attach(node, None);
        self.weigh(weight);
        Step::Go
    }

    fn begin(&mut self, kind: Kind, anchor: usize, span: Range<usize>) -> Step {
        if self.open.len() >= DEPTH_LIMIT {
            let message = format!("nested more than {DEPTH_LIMIT} levels deep");
            self.traps
                .error(span, message, "a manifest needs no more than eight levels");
            return Step::Broken;
        }
        let is_key = self.waits_for_key();
        // Within a key everything is odd; it has been said once.
        if is_key && !self.open.iter().any(|open| open.is_key) {
            let outer = self
                .open
                .last()
                .and_then(|open| self.tree.nodes.get(open.node));
            match (&kind, outer) {
                (Kind::Mapping(_), Some(outer)) => {
                    self.traps.mapping_as_key(outer.span.start, &span);
                }
                _ => self.traps.structure_as_key(&span),
            }
        }
        let node = self.add(kind, span, false);
        self.anchor(anchor, node, None);
        self.attach(node, None);
        self.open.push(Open {
            node,
            anchor,
            key: None,
            seen: HashMap::new(),
            is_key,
            weight: 1,
        });
        Step::Go
    }

    fn close(&mut self, span: Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        // The end of a block has no sign of its own: it ends with the last thing in it.
        let end = if span.is_empty() {
            self.last
        } else {
            self.trimmed(span).end
        };
        if let Some(node) = self.tree.nodes.get_mut(open.node) {
            node.span.end = end.max(node.span.end);
        }
        self.last = self.last.max(end);
        self.anchor(open.anchor, open.node, Some(open.weight));
        self.weigh(open.weight);
    }

    fn anchor(&mut self, anchor: usize, node: usize, weight: Option<usize>) {
        // The parser's number for a value without an anchor is 0.
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, weight });
        }
    }

    /// Adds a node; one without a text of its own gets the place of its key.
    fn add(&mut self, kind: Kind, span: Range<usize>, empty: bool) -> usize {
        let key = self.open.last().and_then(|open| open.key.as_ref());
        let span = match key {
            Some((_, key)) if empty => key.clone(),
            _ => span,
        };
        self.last = self.last.max(span.end);
        self.tree.nodes.push(Node { span, kind });
        self.tree.nodes.len() - 1
    }

    /// Puts a node where it belongs in the innermost open mapping or list.
    fn attach(&mut self, node: usize, text: Option<&str>) {
        let span = self
            .tree
            .nodes
            .get(node)
            .map_or(0..0, |node| node.span.clone());
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let key = open.key.take();
        match (
            self.tree
                .nodes
                .get_mut(open.node)
                .map(|node| &mut node.kind),
            key,
        ) {
            (Some(Kind::List(items)), _) => items.push(node),
            (Some(Kind::Mapping(entries)), Some((key, key_span))) => {
                let merges = key.as_deref() == Some("<<");
                entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                });
                if merges {
                    self.merge(node, span);
                }
            }
            (Some(Kind::Mapping(_)), None) => {
                open.key = Some((text.map(str::to_owned), span.clone()));
                let first = text.and_then(|text| open.seen.insert(text.to_owned(), span.clone()));
                if let Some(first) = first {
                    self.traps.duplicate(span, &first);
                }
            }
            _ => {}
        }
    }

    fn merge(&mut self, node: usize, span: Range<usize>) {
        let merged = self.tree.resolve(node);
        if merged.is_some_and(|node| node.kind == Kind::Scalar) {
            self.traps
                .error(span, "`<<` takes a mapping", "name an anchor: `<<: *name`");
        }
    }

    fn waits_for_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let node = self.tree.nodes.get(open.node);
            open.key.is_none() && node.is_some_and(|node| matches!(node.kind, Kind::Mapping(_)))
        })
    }

    fn weigh(&mut self, weight: usize) {
        if let Some(open) = self.open.last_mut() {
            open.weight = open.weight.saturating_add(weight);
        }
    }

    /// Without the white space that the parser counts to a value's end.
    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let length = self.traps.text(&span).trim_end().len();
        span.start..span.start + length
    }
}
