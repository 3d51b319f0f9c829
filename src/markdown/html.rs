//! HTML as a tree: parsed and cleaned by `ammonia` (html5ever), whose well-formed output is then read by a simple parser.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Element(Element),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: HashMap<String, String>,
    pub(super) children: Vec<Node>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(child) => Some(child),
            Node::Text(_) => None,
        })
    }

    /// Calls `visit` with the parent and the element, for every element below this one in document order.
    pub(super) fn descend<'a>(&'a self, visit: &mut impl FnMut(&'a Self, &'a Self)) {
        for child in self.elements() {
            visit(self, child);
            child.descend(visit);
        }
    }
}

/// The text of a fragment of HTML, without tags.
pub(crate) fn text_of_html(html: &str) -> String {
    text(&parse(html))
}

/// The text of nodes and their descendants.
pub(super) fn text(nodes: &[Node]) -> String {
    let text = |node: &Node| match node {
        Node::Text(part) => part.clone(),
        Node::Element(element) => text(&element.children),
    };
    nodes.iter().map(text).collect()
}

/// Elements that have a Markdown form, or whose nesting matters.
const ELEMENTS: &str = "a b blockquote br cite code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img input li ol p pre s section span strike strong sub sup table \
    tbody td tfoot th thead tr ul";

/// Keeps elements that have a Markdown form or whose nesting matters. The tags of all others are dropped while their text stays, as in Altinn's
/// converter; scripts and styles are dropped with their content.
static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(ELEMENTS.split(' ').collect())
        .clean_content_tags(HashSet::from(["script", "style"]))
        .generic_attributes(HashSet::from(["class", "id"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("img", HashSet::from(["src", "alt", "title"])),
            ("input", HashSet::from(["type", "checked"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["align", "style"])),
            ("th", HashSet::from(["align", "style"])),
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None);
    cleaner
});

/// The largest depth of the tree. Deeper elements are dropped and their text stays, so that functions on the tree may recurse.
const DEPTH: usize = 100;

/// Parses a fragment of HTML. An address with a scheme other than http, https and mailto loses its attribute.
pub(super) fn parse(html: &str) -> Vec<Node> {
    let clean = CLEANER.clean(html.trim_end()).to_string();
    // The open elements, the root first.
    let mut open = vec![Element::default()];
    let mut rest = clean.as_str();
    let mut too_deep = 0usize;
    while let Some(start) = rest.find('<') {
        push_text(&mut open, &rest[..start]);
        let Some(end) = rest[start..].find('>').map(|end| start + end) else {
            break;
        };
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let element = element(tag);
        let is_void = matches!(element.name.as_str(), "br" | "hr" | "img" | "input");
        match (tag.starts_with('/'), open.len() > DEPTH) {
            // The closing tags of dropped elements must not close others.
            (true, _) if too_deep > 0 => too_deep -= 1,
            (true, _) => close(&mut open),
            (false, true) => too_deep += usize::from(!is_void),
            (false, false) => {
                open.push(element);
                if is_void {
                    close(&mut open);
                }
            }
        }
    }
    push_text(&mut open, rest);
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map(|root| root.children).unwrap_or_default()
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(element) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.children.push(Node::Element(element));
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(parent) = open.last_mut()
        && !text.is_empty()
    {
        parent.children.push(Node::Text(unescape(text)));
    }
}

/// Parses the inside of a tag, such as `a href="x" title="y"`. The serializer always quotes values with `"`, and escapes `"`, `<` and `>` in them.
fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut attributes = HashMap::new();
    while let Some((key, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        attributes.insert(key.trim().to_owned(), unescape(value));
        rest = after;
    }
    Element {
        name: name.to_owned(),
        attributes,
        children: Vec::new(),
    }
}

/// Undoes the escapes of the serializer, which writes no others. `&amp;` comes last, because otherwise `&amp;lt;` would become `<`.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}
