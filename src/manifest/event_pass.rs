//! The first reading of a manifest, event by event: it records the position of every value, and finds what `serde_yaml` hides or reports without a place.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::positions::{Member, NodeKind, Positions, YamlNode};
use super::yaml_problems::{PROBLEM_LIMIT, YamlProblems};
use crate::diagnostic::{Problems, Source};

/// The deepest nesting of mappings and lists. `serde_yaml`'s own limit is 128, and its error has no useful place.
const DEPTH_LIMIT: usize = 100;
/// The most values that aliases may add in all: a few lines of nested aliases can stand for billions of values.
const ALIAS_LIMIT: usize = 100_000;

pub(super) struct EventPass {
    pub(super) positions: Positions,
    pub(super) problems: Problems,
    /// The length of the first document in bytes.
    pub(super) end: usize,
    /// False when the document could not be read to its end; then nothing else should read it.
    pub(super) complete: bool,
}

/// Reads the first document of a file. Stops at a syntax error and at the limits of nesting, aliases and problems.
pub(super) fn read_events(source: &Arc<Source>) -> EventPass {
    let mut reader = EventReader::new(source);
    let complete = reader.problems.check_characters() && reader.read_document();
    EventPass {
        positions: reader.positions,
        problems: reader.problems.found,
        end: reader.end,
        complete,
    }
}

/// `Continue` to read on, `Break(true)` when the first document is complete, `Break(false)` when reading the rest would only repeat the problem.
type Flow = ControlFlow<bool>;

struct EventReader<'s> {
    problems: YamlProblems<'s>,
    /// The byte offset of each character, and of the end: the parser counts characters.
    offsets: Vec<usize>,
    positions: Positions,
    /// The mappings and lists that are still open, outermost first.
    open: Vec<OpenNode>,
    /// The values with an anchor, by the parser's number for it.
    anchors: HashMap<usize, Anchor>,
    /// The number of values that aliases have added so far.
    expanded: usize,
    last_end: usize,
    documents: usize,
    /// The end of the first document, in bytes.
    end: usize,
}

/// A mapping or list of which the end has not been read.
struct OpenNode {
    node: usize,
    anchor: usize,
    /// The key of a mapping whose value comes next: its text, when it is a plain text, and its range.
    key: Option<(Option<String>, Range<usize>)>,
    /// The keys of a mapping so far, to find duplicates.
    seen: HashMap<String, Range<usize>>,
    is_key: bool,
    /// The number of values in it. An alias counts as many as the value it stands for.
    weight: usize,
}

struct Anchor {
    node: usize,
    /// `None` until the value is closed.
    weight: Option<usize>,
}

impl<'s> EventReader<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        let offsets = source.text().char_indices().map(|(at, _)| at);
        Self {
            problems: YamlProblems::new(source),
            offsets: offsets.chain([source.text().len()]).collect(),
            positions: Positions::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            last_end: 0,
            documents: 0,
            end: source.text().len(),
        }
    }

    /// Reads the first document. Returns true when it was read to its end.
    fn read_document(&mut self) -> bool {
        for next in Parser::new_from_str(self.problems.source.text()) {
            let flow = match next {
                Ok((event, span)) => self.event(&event, span),
                Err(error) => {
                    let at = self.byte(error.marker().index());
                    self.problems.add_syntax(at, error.info());
                    Flow::Break(false)
                }
            };
            match flow {
                Flow::Break(complete) => return complete,
                // A file that is no YAML at all can have a problem on every line.
                Flow::Continue(()) if self.problems.found.len() >= PROBLEM_LIMIT => return false,
                Flow::Continue(()) => {}
            }
        }
        true
    }

    fn event(&mut self, event: &Event<'_>, span: Span) -> Flow {
        let span = self.byte(span.start.index())..self.byte(span.end.index());
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.end = span.start;
                    let hint = "remove the `---` and what follows it: one file holds one mailing";
                    self.problems
                        .add(span, "a second document begins here", hint);
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

    /// Adds a scalar to the tree and checks what `serde_yaml` would make of it.
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
        // Only plain scalars are read as numbers; quotes or a tag make a text of them.
        if plain {
            self.problems.check_number(text, &span);
        }
        let node = self.add(NodeKind::Scalar(style), span, plain && text.is_empty());
        self.set_anchor(anchor, node, Some(1));
        self.attach(node, Some(text));
        self.add_weight(1);
    }

    /// Adds an alias and counts the values it stands for; an alias within its own anchor, or one too many, ends the reading.
    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Flow {
        let anchor = self.anchors.get(&anchor);
        let Some((node, weight)) = anchor.and_then(|anchor| Some((anchor.node, anchor.weight?)))
        else {
            let message = "an alias stands within what it refers to";
            self.problems.add(span, message, "write the value out");
            return Flow::Break(false);
        };
        self.expanded = self.expanded.saturating_add(weight);
        // Counted before serde_yaml expands them: it would fill the memory first.
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

    /// Opens a mapping or list; one in the place of a key is a problem, and one that is nested too deep ends the reading.
    fn begin(&mut self, kind: NodeKind, anchor: usize, span: Range<usize>) -> Flow {
        // Later passes walk the tree recursively: the limit also protects the stack.
        if self.open.len() >= DEPTH_LIMIT {
            let message = format!("nested more than {DEPTH_LIMIT} levels deep");
            let hint = "a manifest needs no more than eight levels";
            self.problems.add(span, message, hint);
            return Flow::Break(false);
        }
        let is_key = self.expects_key();
        // A structure within such a key is a part of the same mistake: one problem is enough.
        if is_key && !self.open.iter().any(|open| open.is_key) {
            let outer = self.open.last().map(|open| open.node);
            let outer = outer.and_then(|node| self.positions.nodes.get(node));
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

    /// Closes the innermost mapping or list, of which the end and the weight are now known.
    fn close(&mut self, span: Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        // A block has no closing sign, and the parser's span for its end is empty: it ends with the last value in it.
        let end = if span.is_empty() {
            self.last_end
        } else {
            self.without_trailing_space(span).end
        };
        if let Some(node) = self.positions.nodes.get_mut(open.node) {
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

    /// Adds a node and returns its index. A value without a text (`empty`) gets the range of its key.
    fn add(&mut self, kind: NodeKind, span: Range<usize>, empty: bool) -> usize {
        let key = self.open.last().and_then(|open| open.key.as_ref());
        // An empty value is nowhere in the text; its key is the place that a person can find.
        let span = match key {
            Some((_, key)) if empty => key.clone(),
            _ => span,
        };
        self.last_end = self.last_end.max(span.end);
        self.positions.nodes.push(YamlNode { span, kind });
        self.positions.nodes.len() - 1
    }

    /// Puts a node into the innermost open mapping or list: as an item, a key, or the value of the key before it. `text` is the node's when it is a scalar.
    fn attach(&mut self, node: usize, text: Option<&str>) {
        let span = self.positions.nodes.get(node).map(|node| node.span.clone());
        let span = span.unwrap_or_default();
        let Some(open) = self.open.last_mut() else {
            return;
        };
        // In a mapping keys and values take turns.
        let key = open.key.take();
        let outer = self.positions.nodes.get_mut(open.node);
        match (outer.map(|node| &mut node.kind), key) {
            (Some(NodeKind::List(items)), _) => items.push(node),
            (Some(NodeKind::Mapping(members)), Some((key, key_span))) => {
                // In YAML 1.1 the key `<<` merges a mapping into the one around it.
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

    /// Reports a merge key with a scalar as its value; its error in `serde_yaml` has no place.
    fn check_merge(&mut self, node: usize, span: Range<usize>) {
        let merged = self.positions.resolve(node);
        if merged.is_some_and(|node| matches!(node.kind, NodeKind::Scalar(_))) {
            let hint = "name an anchor: `<<: *name`";
            self.problems.add(span, "`<<` takes a mapping", hint);
        }
    }

    /// True when the next node is a key of the innermost open mapping.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let node = self.positions.nodes.get(open.node);
            open.key.is_none() && node.is_some_and(|node| matches!(node.kind, NodeKind::Mapping(_)))
        })
    }

    fn add_weight(&mut self, weight: usize) {
        if let Some(open) = self.open.last_mut() {
            open.weight = open.weight.saturating_add(weight);
        }
    }

    /// The byte offset of a character; the end of the text for characters behind it.
    fn byte(&self, character: usize) -> usize {
        let offset = self.offsets.get(character).or(self.offsets.last());
        offset.copied().unwrap_or_default()
    }

    /// The range without white space at its end, which the parser counts as a part of the value.
    fn without_trailing_space(&self, span: Range<usize>) -> Range<usize> {
        let length = self.problems.text(&span).trim_end().len();
        span.start..span.start + length
    }
}
