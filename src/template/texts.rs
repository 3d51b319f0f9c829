//! The text filters: `plain` and `markdown`.

use comrak::Arena;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{ListType, NodeValue};
use tera::Value;

use super::markdown;
use crate::markdown::{inbox, text_of_html};

/// The filter `markdown`: escapes a value for Markdown.
pub(super) fn escaped(value: &Value) -> Value {
    // A safe value is escaped already, or Markdown on purpose.
    if value.is_safe() {
        return value.clone();
    }
    Value::safe_string(&markdown::escaped(&value.to_string()))
}

/// The text that a reader sees of Markdown, without markup and tags.
pub(super) fn plain(markdown: &str) -> String {
    // No-break spaces from the number filters have no place in SMS, where they would force UCS-2.
    let markdown = markdown.replace('\u{A0}', " ");
    let arena = Arena::new();
    let mut plain = PlainText {
        text: String::with_capacity(markdown.len()),
        lists: Vec::new(),
    };
    for edge in inbox::parse(&arena, &markdown).traverse() {
        match edge {
            NodeEdge::Start(node) => plain.start(&node.data().value),
            NodeEdge::End(node) => plain.end(&node.data().value),
        }
    }
    let lines: Vec<_> = plain.text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// The plain text so far.
struct PlainText {
    text: String,
    /// The open lists, with the number of the next item of numbered ones.
    lists: Vec<Option<usize>>,
}

impl PlainText {
    fn start(&mut self, value: &NodeValue) {
        match value {
            NodeValue::Text(piece) => self.text.push_str(&piece.replace('\u{A0}', " ")),
            NodeValue::Code(code) => self.text.push_str(&code.literal),
            NodeValue::CodeBlock(code) => self.text.push_str(&code.literal),
            NodeValue::HtmlBlock(block) => {
                let text = text_of_html(&block.literal);
                self.text.push_str(&text.replace('\u{A0}', " "));
            }
            NodeValue::HtmlInline(tag) if tag.starts_with("<br") => self.text.push('\n'),
            NodeValue::SoftBreak => self.text.push(' '),
            NodeValue::LineBreak => self.text.push('\n'),
            NodeValue::List(list) => {
                self.end_line(1);
                let is_ordered = list.list_type == ListType::Ordered;
                self.lists.push(is_ordered.then_some(list.start));
            }
            NodeValue::Item(_) | NodeValue::TaskItem(_) => {
                self.end_line(1);
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.text.extend([&number.to_string(), ". "]);
                        *number += 1;
                    }
                    _ => self.text.push_str("- "),
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, value: &NodeValue) {
        match value {
            NodeValue::TableCell => self.text.push(' '),
            NodeValue::TableRow(_) | NodeValue::HtmlBlock(_) => self.end_line(1),
            NodeValue::List(_) => {
                self.lists.pop();
                self.end_block();
            }
            NodeValue::Paragraph
            | NodeValue::Heading(_)
            | NodeValue::BlockQuote
            | NodeValue::Table(_) => self.end_block(),
            _ => {}
        }
    }

    /// Ends a block with an empty line, except inside lists.
    fn end_block(&mut self) {
        self.end_line(if self.lists.is_empty() { 2 } else { 1 });
    }

    /// Ends the line and adds `breaks - 1` empty lines.
    fn end_line(&mut self, breaks: usize) {
        let there = self.text.len() - self.text.trim_end_matches('\n').len();
        if !self.text.is_empty() {
            let more = std::iter::repeat_n('\n', breaks.saturating_sub(there));
            self.text.extend(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_tags_go_and_the_text_stays() {
        for (markdown, text) in [
            ("Kåre Ødegård", "Kåre Ødegård"),
            ("2026-12-15", "2026-12-15"),
            (
                "# Vedtak\n\nHei **du**,\nder.\n\nHilsen\\\noss",
                "Vedtak\n\nHei du, der.\n\nHilsen\noss",
            ),
            ("* en\n* to\n\nslutt", "- en\n- to\n\nslutt"),
            ("2. en\n3. to", "2. en\n3. to"),
            ("15. desember 2026", "15. desember 2026"),
            ("<div>Hei <b>du</b><br>der &lt;3</div>", "Hei duder <3"),
            ("<div>a &amp; b < c</div>\n\nd", "a & b < c\nd"),
            ("Hei <b>du</b><br>der", "Hei du\nder"),
            ("kr\u{A0}5 &nbsp;", "kr 5"),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "a b\n1 2"),
            ("", ""),
        ] {
            assert_eq!(plain(markdown), text, "{markdown:?}");
        }
    }
}
