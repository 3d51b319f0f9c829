//! The drawing of a letter's body as Altinn's inbox does it: `CommonMark` with GitHub's extensions, without raw HTML, and with few elements.

use std::borrow::Cow;

use comrak::html::escape;
use comrak::nodes::{AstNode, ListType, Node, NodeList, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::html::text_of_html;
use super::server::delivered;
use crate::text::is_unseen;

/// Draws a body as HTML with the elements that the inbox has. `delivered` is the body after the server's conversions, which bound its depth; `mask` is applied to every text and address.
pub(crate) fn html(delivered: &str, mask: &dyn Fn(&str) -> Cow<'_, str>) -> String {
    let arena = Arena::new();
    let root = parse(&arena, delivered);
    let raw = |html: &str| arena.alloc(NodeValue::Raw(html.to_owned()).into());
    let mut notes = Vec::new();
    // Collected first: the tree must not change while it is walked.
    for node in root.descendants().collect::<Vec<_>>() {
        let mut data = node.data_mut();
        match &mut data.value {
            NodeValue::Text(text) => *text = mask(text).into_owned().into(),
            NodeValue::Code(code) => code.literal = mask(&code.literal).into_owned(),
            NodeValue::CodeBlock(code) => {
                code.literal = mask(&code.literal).into_owned();
                code.info.clear();
            }
            // The inbox drops `start`: every list begins at 1.
            NodeValue::List(list) => list.start = 1,
            NodeValue::LineBreak => data.value = NodeValue::Raw("<br>\n".to_owned()),
            NodeValue::ThematicBreak => data.value = NodeValue::Raw("<hr>\n".to_owned()),
            // It draws no check boxes.
            NodeValue::TaskItem(_) => data.value = NodeValue::Item(NodeList::default()),
            // It shows neither images nor raw HTML.
            NodeValue::Image(_) | NodeValue::HtmlInline(_) | NodeValue::HtmlBlock(_) => {
                drop(data);
                node.detach();
            }
            NodeValue::Link(link) if is_link(&link.url) => {
                let mut open = "<a href=\"".to_owned();
                // Writing to a text cannot fail.
                let _ = escape(&mut open, &mask(&link.url));
                open += "\" rel=\"noopener noreferrer\">";
                drop(data);
                node.insert_before(raw(&open));
                node.insert_after(raw("</a>"));
                replace_by_children(node);
            }
            // These have no element in the inbox: their text is drawn as ordinary text.
            NodeValue::Link(_) | NodeValue::Strikethrough => {
                drop(data);
                replace_by_children(node);
            }
            NodeValue::FootnoteReference(reference) => {
                data.value = NodeValue::Raw(format!("<a>{}</a>", reference.ix));
            }
            NodeValue::FootnoteDefinition(_) => {
                data.value = NodeValue::Item(NodeList::default());
                notes.push(node);
            }
            _ => {}
        }
    }
    if !notes.is_empty() {
        // The inbox shows this English heading in every language.
        root.append(raw("<h2>Footnotes</h2>\n"));
        let list = NodeList {
            list_type: ListType::Ordered,
            start: 1,
            ..NodeList::default()
        };
        let list = arena.alloc(NodeValue::List(list).into());
        root.append(list);
        for note in notes {
            list.append(note);
        }
    }
    let mut page = String::with_capacity(delivered.len() * 2);
    let _ = format_html(root, &Options::default(), &mut page);
    page
}

fn replace_by_children<'a>(node: &'a AstNode<'a>) {
    for child in node.children().collect::<Vec<_>>() {
        node.insert_before(child);
    }
    node.detach();
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
    let page = text_of_html(&html(&delivered(body), &|text| text.into()));
    page.chars().all(is_unseen)
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
