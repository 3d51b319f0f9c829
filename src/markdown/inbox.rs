//! The drawing of a letter's body as Altinn's inbox does it: `CommonMark` with GitHub's extensions, without raw HTML, and with few elements.

use std::borrow::Cow;
use std::fmt::Write as _;

use comrak::html::escape;
use comrak::nodes::{AstNode, ListType, Node, NodeValue, TableAlignment};
use comrak::{Arena, Options, parse_document};

use super::html::{self, Element};
use super::server::delivered;
use crate::text::is_unseen;

/// Draws a body as HTML with the elements that the inbox has. `delivered` is the body after the server's conversions; `mask` is applied to every text and address.
pub(crate) fn html(delivered: &str, mask: &dyn Fn(&str) -> Cow<'_, str>) -> String {
    let arena = Arena::new();
    let mut page = Page {
        out: String::with_capacity(delivered.len() * 2),
        mask,
        depth: 0,
    };
    page.blocks(parse(&arena, delivered));
    page.out
}

/// True when a body as its sender wrote it shows no character to its reader.
pub(crate) fn shows_nothing(body: &str) -> bool {
    let mut rest = body;
    // The conversions take long, and nearly every letter has a word outside of tags, character references and definitions of links.
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '<' if rest.starts_with("<!--") => Some("-->"),
            '<' => Some(">"),
            '&' => Some(";"),
            '[' => Some("\n"),
            _ if c.is_alphanumeric() => return false,
            _ => None,
        };
        let skipped = end.map(|end| rest.find(end).map_or(rest.len(), |at| at + end.len()));
        rest = &rest[skipped.unwrap_or(c.len_utf8())..];
    }
    let page = Element {
        children: html::parse(&html(&delivered(body), &|text| text.into())),
        ..Element::default()
    };
    page.text().chars().all(is_unseen)
}

/// Parses Markdown as the inbox does.
pub(crate) fn parse<'a>(arena: &'a Arena<'a>, delivered: &str) -> Node<'a> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.autolink = true;
    extension.footnotes = true;
    extension.strikethrough = true;
    extension.table = true;
    extension.tasklist = true;
    parse_document(arena, delivered, &options)
}

/// True for a footnote, which the inbox puts behind everything else.
pub(crate) fn is_footnote<'a>(node: &'a AstNode<'a>) -> bool {
    matches!(node.data().value, NodeValue::FootnoteDefinition(_))
}

/// True for an address that the inbox turns into a link.
pub(crate) fn is_link(url: &str) -> bool {
    ["https://", "http://", "mailto:", "#"]
        .iter()
        .any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
}

/// The largest depth of nesting that is drawn; deeper content is drawn flat. Bounds the recursion, because a row may hold any Markdown.
const DEPTH: usize = 20;

struct Page<'m> {
    out: String,
    mask: &'m dyn Fn(&str) -> Cow<'_, str>,
    depth: usize,
}

impl Page<'_> {
    fn blocks<'a>(&mut self, parent: &'a AstNode<'a>) {
        let (footnotes, blocks): (Vec<_>, Vec<_>) =
            parent.children().partition(|node| is_footnote(node));
        for node in blocks {
            self.block(node);
        }
        if !footnotes.is_empty() {
            // The inbox shows this English heading in every language.
            self.out.push_str("<h2>Footnotes</h2>\n<ol>\n");
            for note in footnotes {
                self.element("li", note, true);
            }
            self.out.push_str("</ol>\n");
        }
    }

    fn block<'a>(&mut self, node: &'a AstNode<'a>) {
        self.depth += 1;
        let data = node.data();
        match &data.value {
            _ if self.depth > DEPTH => self.flat(node),
            NodeValue::Paragraph => self.element("p", node, false),
            NodeValue::Heading(heading) => {
                self.element(&format!("h{}", heading.level), node, false);
            }
            NodeValue::ThematicBreak => self.out.push_str("<hr>\n"),
            NodeValue::BlockQuote => self.element("blockquote", node, true),
            NodeValue::List(list) => {
                // Without `start`, which the inbox drops: every list begins at 1.
                let name = if list.list_type == ListType::Ordered {
                    "ol"
                } else {
                    "ul"
                };
                let _ = writeln!(self.out, "<{name}>");
                for item in node.children() {
                    self.item(item, list.tight);
                }
                let _ = writeln!(self.out, "</{name}>");
            }
            NodeValue::CodeBlock(code) => {
                self.out.push_str("<pre><code>");
                self.text(&code.literal);
                self.out.push_str("</code></pre>\n");
            }
            NodeValue::Table(table) => self.table(node, &table.alignments),
            // The inbox drops raw HTML.
            NodeValue::HtmlBlock(_) => {}
            _ => self.inlines(node),
        }
        self.depth -= 1;
    }

    fn item<'a>(&mut self, item: &'a AstNode<'a>, is_tight: bool) {
        self.out.push_str("<li>");
        for child in item.children() {
            // A tight list has its paragraphs without `<p>`.
            let is_paragraph = matches!(child.data().value, NodeValue::Paragraph);
            if is_tight && is_paragraph {
                self.inlines(child);
            } else {
                self.out.push('\n');
                self.block(child);
            }
        }
        self.out.push_str("</li>\n");
    }

    fn table<'a>(&mut self, table: &'a AstNode<'a>, alignments: &[TableAlignment]) {
        self.out.push_str("<table>\n");
        for (at, row) in table.children().enumerate() {
            let (section, cell) = if at == 0 {
                ("thead", "th")
            } else {
                ("tbody", "td")
            };
            // The first row opens `thead`, the second one `tbody`.
            if at < 2 {
                let _ = writeln!(self.out, "<{section}>");
            }
            self.out.push_str("<tr>\n");
            for (column, node) in row.children().enumerate() {
                let align = match alignments.get(column) {
                    Some(TableAlignment::Left) => " align=\"left\"",
                    Some(TableAlignment::Center) => " align=\"center\"",
                    Some(TableAlignment::Right) => " align=\"right\"",
                    _ => "",
                };
                let _ = write!(self.out, "<{cell}{align}>");
                self.inlines(node);
                let _ = writeln!(self.out, "</{cell}>");
            }
            self.out.push_str("</tr>\n");
            if at == 0 || row.next_sibling().is_none() {
                let _ = writeln!(self.out, "</{section}>");
            }
        }
        self.out.push_str("</table>\n");
    }

    fn element<'a>(&mut self, name: &str, node: &'a AstNode<'a>, has_blocks: bool) {
        let _ = write!(self.out, "<{name}>");
        if has_blocks {
            self.out.push('\n');
            self.blocks(node);
        } else {
            self.inlines(node);
        }
        let _ = writeln!(self.out, "</{name}>");
    }

    fn inlines<'a>(&mut self, parent: &'a AstNode<'a>) {
        for node in parent.children() {
            self.inline(node);
        }
    }

    fn inline<'a>(&mut self, node: &'a AstNode<'a>) {
        self.depth += 1;
        let data = node.data();
        match &data.value {
            NodeValue::Text(text) => self.text(text),
            NodeValue::SoftBreak => self.out.push('\n'),
            NodeValue::LineBreak => self.out.push_str("<br>\n"),
            NodeValue::Code(code) => {
                self.out.push_str("<code>");
                self.text(&code.literal);
                self.out.push_str("</code>");
            }
            // The inbox shows neither images nor raw HTML.
            NodeValue::Image(_) | NodeValue::HtmlInline(_) | NodeValue::HtmlBlock(_) => {}
            _ if self.depth > DEPTH => self.flat(node),
            NodeValue::Emph => self.inline_element("em", node),
            NodeValue::Strong => self.inline_element("strong", node),
            NodeValue::Link(link) if is_link(&link.url) => {
                self.out.push_str("<a href=\"");
                self.text(&link.url);
                self.out.push_str("\" rel=\"noopener noreferrer\">");
                self.inlines(node);
                self.out.push_str("</a>");
            }
            NodeValue::FootnoteReference(reference) => {
                let _ = write!(self.out, "<a>{}</a>", reference.ix);
            }
            // All other inlines, such as struck-through text, have no element in the inbox: their text is drawn as ordinary text.
            _ => self.inlines(node),
        }
        self.depth -= 1;
    }

    /// Draws all text inside a node, without structure.
    fn flat<'a>(&mut self, node: &'a AstNode<'a>) {
        for inner in node.descendants() {
            match &inner.data().value {
                NodeValue::Text(text) => self.text(text),
                NodeValue::Code(code) => self.text(&code.literal),
                _ => {}
            }
        }
    }

    fn inline_element<'a>(&mut self, name: &str, node: &'a AstNode<'a>) {
        let _ = write!(self.out, "<{name}>");
        self.inlines(node);
        let _ = write!(self.out, "</{name}>");
    }

    fn text(&mut self, text: &str) {
        // Writing to a text cannot fail.
        let _ = escape(&mut self.out, &(self.mask)(text));
    }
}
