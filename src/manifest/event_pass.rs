//! The first reading of a manifest: the parser's events tell where everything is written, and show what `serde_yaml` hides or reports without a place.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::positions::{CharacterOffsets, Member, NodeKind, YamlNode, YamlTree};
use super::yaml_problems::{PROBLEM_LIMIT, YamlProblems};
use crate::diagnostic::{Problems, Source};

/// The deepest nesting of mappings and lists. `serde_yaml`'s own limit is 128, and its error has no useful place.
const DEPTH_LIMIT: usize = 100;
/// The most values that aliases may add in all: a few lines of nested aliases can stand for billions of values.
const ALIAS_LIMIT: usize = 100_000;

pub(super) struct EventPass {
    pub(super) tree: YamlTree,
    pub(super) problems: Problems,
    /// The length of the first document in bytes.
    pub(super) end: usize,
    /// False when the document could not be read to its end; then nothing else should read it.
    pub(super) complete: bool,
}

/// Reads the first document of a file.
pub(super) fn read_events(source: &Arc<Source>) -> EventPass {
    let mut reader = EventReader::new(source);
    let complete = reader.problems.check_characters() && reader.read_document();
    EventPass {
        tree: reader.tree,
        problems: reader.problems.found,
        end: reader.end,
        complete,
    }
}

/// `Continue` to read on; `Break(true)` when the first document is complete, `Break(false)` when the rest is not worth reading.
type Flow = ControlFlow<bool>;

struct EventReader<'s> {
    problems: YamlProblems<'s>,
    offsets: CharacterOffsets,
    tree: YamlTree,
    /// The mappings and lists that are not closed yet, outermost first.
    open: Vec<OpenNode>,
    anchors: HashMap<usize, Anchor>,
    /// The number of values that aliases have added so far.
    expanded: usize,
    /// The end of the last value, in bytes.
    last_end: usize,
    documents: usize,
    end: usize,
}

struct OpenNode {
    node: usize,
    anchor: usize,
    /// A mapping's key that waits for its value.
    key: Option<(Option<String>, Range<usize>)>,
    /// The keys of a mapping so far, to find duplicates.
    seen: HashMap<String, Range<usize>>,
    /// True when it stands where the key of a mapping should be.
    is_key: bool,
    /// The number of values in it; aliases count as what they stand for.
    weight: usize,
}

struct Anchor {
    node: usize,
    /// `None` until the value is closed.
    weight: Option<usize>,
}

impl<'s> EventReader<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            problems: YamlProblems::new(source),
            offsets: CharacterOffsets::new(source.text()),
            tree: YamlTree::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            last_end: 0,
            documents: 0,
            end: source.text().len(),
        }
    }

    /// Reads the first document; true when it was read to its end.
    fn read_document(&mut self) -> bool {
        for next in Parser::new_from_str(self.problems.source.text()) {
            let flow = match next {
                Ok((event, span)) => self.event(&event, span),
                Err(error) => {
                    let at = self.offsets.byte(error.marker().index());
                    self.problems.add_syntax(at, error.info());
                    Flow::Break(false)
                }
            };
            match flow {
                Flow::Break(complete) => return complete,
                Flow::Continue(()) if self.problems.found.len() >= PROBLEM_LIMIT => return false,
                Flow::Continue(()) => {}
            }
        }
        true
    }

    fn event(&mut self, event: &Event<'_>, span: Span) -> Flow {
        let span = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.end = span.start;
                    self.problems.add_second_document(span);
                    return Flow::Break(true);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.problems.check_tag(tag.as_deref(), &span);
                self.scalar(text, *style, tag.is_some(), *anchor, span);
            }
            Event::Alias(anchor) => return self.alias(*anchor, span),
            Event::SequenceStart(anchor, tag) => {
                self.problems.check_tag(tag.as_deref(), &span);
                return self.begin(NodeKind::List(Vec::new()), *anchor, span);
            }
            Event::MappingStart(anchor, tag) => {
                self.problems.check_tag(tag.as_deref(), &span);
                return self.begin(NodeKind::Mapping(Vec::new()), *anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Flow::Continue(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        has_tag: bool,
        anchor: usize,
        span: Range<usize>,
    ) {
        let plain = style == ScalarStyle::Plain && !has_tag;
        let span = self.without_trailing_space(span);
        if plain {
            self.problems.check_number(text, &span);
        }
        let node = self.add(NodeKind::Scalar(style), span, plain && text.is_empty());
        self.set_anchor(anchor, node, Some(1));
        self.attach(node, Some(text));
        self.add_weight(1);
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Flow {
        let anchor = self.anchors.get(&anchor);
        let Some((node, weight)) = anchor.and_then(|anchor| Some((anchor.node, anchor.weight?)))
        else {
            let message = "an alias stands within what it refers to";
            self.problems.add(span, message, "write the value out");
            return Flow::Break(false);
        };
        self.expanded = self.expanded.saturating_add(weight);
        if self.expanded > ALIAS_LIMIT {
            let message = "the aliases make the file too large";
            let hint = "write the values out, or use fewer aliases";
            self.problems.add(span, message, hint);
            return Flow::Break(false);
        }
        let node = self.add(NodeKind::Alias(node), span, false);
        self.attach(node, None);
        self.add_weight(weight);
        Flow::Continue(())
    }

    fn begin(&mut self, kind: NodeKind, anchor: usize, span: Range<usize>) -> Flow {
        if self.open.len() >= DEPTH_LIMIT {
            let message = format!("nested more than {DEPTH_LIMIT} levels deep");
            let hint = "a manifest needs no more than eight levels";
            self.problems.add(span, message, hint);
            return Flow::Break(false);
        }
        let is_key = self.waits_for_key();
        // What stands inside such a key is wrong too, but one problem says it.
        if is_key && !self.open.iter().any(|open| open.is_key) {
            let outer = self.open.last().map(|open| open.node);
            let outer = outer.and_then(|node| self.tree.nodes.get(node));
            match (&kind, outer) {
                (NodeKind::Mapping(_), Some(outer)) => {
                    let start = outer.span.start;
                    self.problems.add_mapping_as_key(start, &span);
                }
                _ => self.problems.add_structure_as_key(&span),
            }
        }
        let node = self.add(kind, span, false);
        self.set_anchor(anchor, node, None);
        self.attach(node, None);
        self.open.push(OpenNode {
            node,
            anchor,
            key: None,
            seen: HashMap::new(),
            is_key,
            weight: 1,
        });
        Flow::Continue(())
    }

    fn close(&mut self, span: Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        // The end of a block has no sign of its own: it ends with the last thing in it.
        let end = if span.is_empty() {
            self.last_end
        } else {
            self.without_trailing_space(span).end
        };
        if let Some(node) = self.tree.nodes.get_mut(open.node) {
            node.span.end = end.max(node.span.end);
        }
        self.last_end = self.last_end.max(end);
        self.set_anchor(open.anchor, open.node, Some(open.weight));
        self.add_weight(open.weight);
    }

    fn set_anchor(&mut self, anchor: usize, node: usize, weight: Option<usize>) {
        // The parser's number for a value without an anchor is 0.
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, weight });
        }
    }

    /// Adds a node; one without a text of its own gets the place of its key.
    fn add(&mut self, kind: NodeKind, span: Range<usize>, empty: bool) -> usize {
        let key = self.open.last().and_then(|open| open.key.as_ref());
        let span = match key {
            Some((_, key)) if empty => key.clone(),
            _ => span,
        };
        self.last_end = self.last_end.max(span.end);
        self.tree.nodes.push(YamlNode { span, kind });
        self.tree.nodes.len() - 1
    }

    /// Puts a node where it belongs in the innermost open mapping or list.
    fn attach(&mut self, node: usize, text: Option<&str>) {
        let span = self.tree.nodes.get(node).map(|node| node.span.clone());
        let span = span.unwrap_or_default();
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let key = open.key.take();
        let outer = self.tree.nodes.get_mut(open.node);
        match (outer.map(|node| &mut node.kind), key) {
            (Some(NodeKind::List(items)), _) => items.push(node),
            (Some(NodeKind::Mapping(members)), Some((key, key_span))) => {
                let merges = key.as_deref() == Some("<<");
                members.push(Member {
                    key,
                    key_span,
                    value: node,
                });
                if merges {
                    self.check_merge(node, span);
                }
            }
            (Some(NodeKind::Mapping(_)), None) => {
                open.key = Some((text.map(str::to_owned), span.clone()));
                let first = text.and_then(|text| open.seen.insert(text.to_owned(), span.clone()));
                if let Some(first) = first {
                    self.problems.add_duplicate(span, &first);
                }
            }
            _ => {}
        }
    }

    fn check_merge(&mut self, node: usize, span: Range<usize>) {
        let merged = self.tree.resolve(node);
        if merged.is_some_and(|node| matches!(node.kind, NodeKind::Scalar(_))) {
            let hint = "name an anchor: `<<: *name`";
            self.problems.add(span, "`<<` takes a mapping", hint);
        }
    }

    fn waits_for_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let node = self.tree.nodes.get(open.node);
            open.key.is_none() && node.is_some_and(|node| matches!(node.kind, NodeKind::Mapping(_)))
        })
    }

    fn add_weight(&mut self, weight: usize) {
        if let Some(open) = self.open.last_mut() {
            open.weight = open.weight.saturating_add(weight);
        }
    }

    /// The parser counts white space after a value as part of it.
    fn without_trailing_space(&self, span: Range<usize>) -> Range<usize> {
        let length = self.problems.text(&span).trim_end().len();
        span.start..span.start + length
    }
}
