//! The first reading of a manifest, event by event: it records the position of every value, and finds what `serde_yaml` hides or reports without a place.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::positions::{Member, NodeKind, Positions, YamlNode, YamlValue};
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
    // Secrets are looked for in what has been read, whether it has an end or not.
    while !reader.open.is_empty() {
        reader.close(0..0);
    }
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
    /// The values with an anchor, by the parser's number for it, and their weights. A value is there when it is closed.
    anchors: HashMap<usize, (Arc<YamlNode>, usize)>,
    /// The number of values that aliases have added so far.
    expanded: usize,
    last_end: usize,
    documents: usize,
    /// The end of the first document, in bytes.
    end: usize,
}

/// A mapping or list of which the end has not been read.
struct OpenNode {
    node: YamlNode,
    anchor: usize,
    /// The key of a mapping whose value comes next: its text, when it is a plain text, and its range.
    key: Option<(Option<String>, Range<usize>)>,
    /// The keys of a mapping so far, to find duplicates.
    seen: HashMap<String, Range<usize>>,
    is_key: bool,
    /// The number of values in it. An alias counts as many as the value it stands for.
    weight: usize,
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
        let mut span = self.without_trailing_space(span);
        // Only plain scalars are read as numbers; quotes or a tag make a text of them.
        if plain {
            self.problems.check_number(text, &span);
        }
        // An empty value is nowhere in the text; its key is the place that a person can find.
        let key = self.open.last().and_then(|open| open.key.as_ref());
        if let Some((_, key)) = key.filter(|_| plain && text.is_empty()) {
            span = key.clone();
        }
        let kind = NodeKind::Scalar(style);
        self.add(YamlNode { span, kind }, anchor, 1, Some(text));
    }

    /// Adds an alias and counts the values it stands for; an alias within its own anchor, or one too many, ends the reading.
    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Flow {
        let Some((node, weight)) = self.anchors.get(&anchor).cloned() else {
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
        self.attach(YamlValue { span, node }, weight, None);
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
            match (&kind, self.open.last()) {
                (NodeKind::Mapping(_), Some(outer)) => {
                    let start = outer.node.span.start;
                    self.problems.add_mapping_as_key(start, &span);
                }
                _ => self.problems.add_structure_as_key(&span),
            }
        }
        self.last_end = self.last_end.max(span.end);
        self.open.push(OpenNode {
            node: YamlNode { span, kind },
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
        let Some(mut open) = self.open.pop() else {
            return;
        };
        // A block has no closing sign, and the parser's span for its end is empty: it ends with the last value in it.
        let end = if span.is_empty() {
            self.last_end
        } else {
            self.without_trailing_space(span).end
        };
        open.node.span.end = end.max(open.node.span.end);
        self.last_end = self.last_end.max(end);
        self.add(open.node, open.anchor, open.weight, None);
    }

    /// Adds a value whose end has been read. `text` is that of a scalar.
    fn add(&mut self, node: YamlNode, anchor: usize, weight: usize, text: Option<&str>) {
        let value = YamlValue {
            span: node.span.clone(),
            node: Arc::new(node),
        };
        // The parser's number for a value without an anchor is 0.
        if anchor != 0 {
            let anchored = (Arc::clone(&value.node), weight);
            self.anchors.insert(anchor, anchored);
        }
        self.attach(value, weight, text);
    }

    /// Puts a value into the innermost open mapping or list: as an item, a key, or the value of the key before it.
    fn attach(&mut self, value: YamlValue, weight: usize, text: Option<&str>) {
        self.last_end = self.last_end.max(value.span.end);
        let Some(open) = self.open.last_mut() else {
            self.positions.root.get_or_insert(value);
            return;
        };
        open.weight = open.weight.saturating_add(weight);
        // In a mapping keys and values take turns.
        match (&mut open.node.kind, open.key.take()) {
            (NodeKind::List(items), _) => items.push(value),
            (NodeKind::Mapping(members), Some((key, key_span))) => {
                // In YAML 1.1 the key `<<` merges a mapping into the one around it. The error of a scalar in its place has no place in `serde_yaml`.
                if key.as_deref() == Some("<<") && matches!(value.node.kind, NodeKind::Scalar(_)) {
                    let (span, hint) = (value.span.clone(), "name an anchor: `<<: *name`");
                    self.problems.add(span, "`<<` takes a mapping", hint);
                }
                members.push(Member {
                    key,
                    key_span,
                    value,
                });
            }
            (NodeKind::Mapping(_), None) => {
                let span = value.span;
                open.key = Some((text.map(str::to_owned), span.clone()));
                let first = text.and_then(|text| open.seen.insert(text.to_owned(), span.clone()));
                if let Some(first) = first {
                    self.problems.add_duplicate(span, &first);
                }
            }
            (NodeKind::Scalar(_), _) => {}
        }
    }

    /// True when the next node is a key of the innermost open mapping.
    fn expects_key(&self) -> bool {
        let open = self.open.last();
        open.is_some_and(|open| {
            open.key.is_none() && matches!(open.node.kind, NodeKind::Mapping(_))
        })
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
