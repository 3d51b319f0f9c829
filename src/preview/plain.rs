//! A letter's body as plain text for a terminal: the words that Altinn's inbox shows, with signs for lists, quotes and tables.

use comrak::Arena;
use comrak::nodes::{AstNode, ListType, NodeValue};

use super::mask::masked;
use super::terminal::{WIDTH, visible, wrap};
use crate::markdown::inbox;

/// The largest depth of nesting that is drawn; deeper content is shown as flat text. Bounds the recursion, because a row may hold any Markdown.
const DEPTH: usize = 20;

/// Draws a body after Altinn's conversions in lines of at most [`WIDTH`] columns, with `indent` before each. Returns them and the links in it: the text and address of
/// each whose text is not its address.
pub(super) fn plain_body(delivered: &str, indent: &str) -> (Vec<String>, Vec<(String, String)>) {
    let arena = Arena::new();
    let mut lines = Lines {
        leads: vec![[indent, indent].map(str::to_owned)],
        ..Lines::default()
    };
    lines.blocks(inbox::parse(&arena, delivered), false);
    lines.flush();
    (lines.done, lines.links)
}

#[derive(Debug, Default)]
struct Lines {
    done: Vec<String>,
    links: Vec<(String, String)>,
    /// The text of the current block so far.
    text: String,
    /// The prefixes of the open blocks, of each one for its first line and one for the others.
    leads: Vec<[String; 2]>,
    /// True when an empty line is due before the next block.
    gap: bool,
    depth: usize,
    lists: usize,
}

impl Lines {
    fn blocks<'a>(&mut self, parent: &'a AstNode<'a>, is_tight: bool) {
        let (notes, blocks): (Vec<_>, Vec<_>) =
            parent.children().partition(|node| inbox::is_footnote(node));
        for node in blocks {
            self.block(node, is_tight);
        }
        if !notes.is_empty() {
            // The inbox shows this English heading in every language.
            self.text.push_str("Footnotes");
            self.end_heading();
            for (at, note) in notes.into_iter().enumerate() {
                self.nested(&format!("{}. ", at + 1), None, note, true);
            }
        }
    }

    fn block<'a>(&mut self, node: &'a AstNode<'a>, is_tight: bool) {
        self.depth += 1;
        match &node.data().value {
            _ if self.depth > DEPTH => self.flat(node),
            NodeValue::Paragraph => {
                self.inlines(node);
                self.flush();
                self.gap = !is_tight;
            }
            NodeValue::Heading(_) => {
                self.inlines(node);
                self.end_heading();
            }
            NodeValue::ThematicBreak => {
                self.text.push_str(&"-".repeat(20));
                self.end_block();
            }
            NodeValue::BlockQuote => {
                self.nested("> ", Some("> "), node, false);
                self.gap = true;
            }
            NodeValue::List(list) => {
                self.flush();
                self.gap |= self.lists == 0 && !self.done.is_empty();
                self.lists += 1;
                for (at, item) in node.children().enumerate() {
                    // The inbox numbers every list from 1, whatever the letter says.
                    let sign = match list.list_type {
                        ListType::Ordered => format!("{}. ", at + 1),
                        ListType::Bullet => "* ".to_owned(),
                    };
                    self.nested(&sign, None, item, list.tight);
                }
                self.lists -= 1;
                self.gap = self.lists == 0;
            }
            NodeValue::CodeBlock(code) => {
                self.flush();
                self.leads.push(["    ", "    "].map(str::to_owned));
                self.text.push_str(code.literal.trim_end_matches('\n'));
                self.end_block();
                self.leads.pop();
            }
            NodeValue::Table(_) => {
                for row in node.children() {
                    for (at, cell) in row.children().enumerate() {
                        self.text.push_str(if at > 0 { " | " } else { "" });
                        self.inlines(cell);
                    }
                    self.flush();
                }
                self.gap = true;
            }
            // The inbox drops raw HTML.
            NodeValue::HtmlBlock(_) => {}
            _ => self.inlines(node),
        }
        self.depth -= 1;
    }

    /// Draws the blocks of a node with `sign` before the first line, and `rest` or blanks before the others.
    fn nested<'a>(
        &mut self,
        sign: &str,
        rest: Option<&str>,
        node: &'a AstNode<'a>,
        is_tight: bool,
    ) {
        self.flush();
        let rest = rest.map_or_else(|| " ".repeat(sign.len()), str::to_owned);
        self.leads.push([sign.to_owned(), rest]);
        self.blocks(node, is_tight);
        self.flush();
        self.leads.pop();
    }

    fn inlines<'a>(&mut self, parent: &'a AstNode<'a>) {
        for node in parent.children() {
            self.inline(node);
        }
    }

    fn inline<'a>(&mut self, node: &'a AstNode<'a>) {
        self.depth += 1;
        match &node.data().value {
            NodeValue::Text(text) => self.text.push_str(text),
            NodeValue::Code(code) => self.text.push_str(&code.literal),
            NodeValue::SoftBreak => self.text.push(' '),
            NodeValue::LineBreak => self.text.push('\n'),
            // The inbox shows no images, not even their alternative text.
            NodeValue::Image(_) | NodeValue::HtmlInline(_) => {}
            NodeValue::FootnoteReference(reference) => {
                self.text.push_str(&reference.ix.to_string());
            }
            _ if self.depth > DEPTH => self.flat(node),
            NodeValue::Link(link) => {
                let start = self.text.len();
                self.inlines(node);
                let text = self.text.get(start..).unwrap_or_default();
                if text != link.url && format!("mailto:{text}") != link.url {
                    self.links.push((text.to_owned(), link.url.clone()));
                }
            }
            _ => self.inlines(node),
        }
        self.depth -= 1;
    }

    fn flat<'a>(&mut self, node: &'a AstNode<'a>) {
        for inner in node.descendants() {
            match &inner.data().value {
                NodeValue::Text(text) => self.text.push_str(text),
                NodeValue::Code(code) => self.text.push_str(&code.literal),
                _ => {}
            }
        }
    }

    /// Writes a heading and a line of dashes as long as its longest line.
    fn end_heading(&mut self) {
        let before = self.done.len();
        self.flush();
        let indent = self.rest();
        let own = self.done.iter().skip(before + usize::from(before > 0));
        let width = own.map(|line| line.chars().count()).max();
        let width = width
            .unwrap_or_default()
            .saturating_sub(indent.chars().count());
        self.done.push(format!("{indent}{}", "-".repeat(width)));
        self.gap = true;
    }

    fn end_block(&mut self) {
        self.flush();
        self.gap = true;
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        if std::mem::take(&mut self.gap) && !self.done.is_empty() {
            self.done.push(String::new());
        }
        let first = prefix(self.leads.iter().map(|[first, _]| first.as_str()));
        // The sign of a list item stands before its first line only.
        for [first, rest] in &mut self.leads {
            first.clone_from(rest);
        }
        let text = visible(&masked(&text));
        self.done.extend(wrap(&text, &first, &self.rest()));
    }

    fn rest(&self) -> String {
        prefix(self.leads.iter().map(|[_, rest]| rest.as_str()))
    }
}

/// Joins the prefixes of nested blocks, cut so that half of the line is left for the text.
fn prefix<'a>(leads: impl Iterator<Item = &'a str>) -> String {
    let signs = leads.flat_map(str::chars);
    signs.take(WIDTH / 2).collect()
}

#[cfg(test)]
mod tests {
    use super::plain_body;
    use crate::markdown::delivered;

    fn read(source: &str) -> String {
        plain_body(&delivered(source), "").0.join("\n")
    }

    #[test]
    fn a_body_reads_as_in_the_inbox() {
        for (source, text) in [
            (
                "Dear **Ane**,\nwe _write_.\n\nBye  \nus",
                "Dear Ane, we write.\n\nBye\nus",
            ),
            (
                "a\n\n* one\n* two\n  more\n\nb",
                "a\n\n* one\n* two more\n\nb",
            ),
            (
                "1. one\n2. two\n   * in\n3. three",
                "1. one\n2. two\n   * in\n3. three",
            ),
            ("7. one\n8. two", "1. one\n2. two"),
            ("* one\n\n  more\n\n* two", "* one\n\n  more\n\n* two"),
            ("# Title\n\ntext", "Title\n-----\n\ntext"),
            ("text\n\n## Title\ntext", "text\n\nTitle\n-----\n\ntext"),
            ("> quoted\n> text\n\nb", "> quoted text\n\nb"),
            ("```\na  b\n  c\n```\nd", "    a  b\n      c\n\nd"),
            ("| a | b |\n|--|--|\n| 1 | 2 |\n\nc", "a | b\n1 | 2\n\nc"),
            (
                "[here](https://a.no) <https://b.no> <c@d.no>",
                "here https://b.no c@d.no",
            ),
            ("x ![Map](http://a)", "x"),
            ("a <b>c</b>\n\n<div>x</div>\n\nd", "a c\n\nx\n\nd"),
            ("a\n\n---\n\nb", "a\n\n--------------------\n\nb"),
            ("~~old~~ new", "old new"),
            (
                "a[^1]\n\n[^1]: note",
                "a1\n\nFootnotes\n---------\n\n1. note",
            ),
            ("nr 07827199405", "nr 078271*****"),
        ] {
            assert_eq!(read(source), text, "{source}");
        }
    }

    #[test]
    fn links_are_told_apart_from_the_text() {
        let body = plain_body(
            &delivered("[here](https://a.no) <https://b.no> <c@d.no>"),
            "",
        );
        assert_eq!(body.1, [("here".to_owned(), "https://a.no".to_owned())]);
    }

    #[test]
    fn depth_without_end_leaves_room_for_the_text() {
        for sign in [">", "* ", "- 1. ", "\\- ", "[", "![", "|", "<div>", "**a"] {
            let source = format!("{}{}", sign.repeat(2_000 / sign.len()), "x".repeat(2_000));
            let text = plain_body(&delivered(&source), "  ").0;
            assert!(
                text.iter().map(String::len).sum::<usize>() < 200_000,
                "{sign}"
            );
            assert!(text.iter().all(|line| line.chars().count() <= 80), "{sign}");
        }
    }

    #[test]
    fn controls_are_shown_by_their_numbers() {
        assert_eq!(read("a\u{1b}[2Jb &#27; c"), "a<U+001B>[2Jb <U+001B> c");
    }
}
