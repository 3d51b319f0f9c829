//! Texts in templates: made plain, and made safe for Markdown.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use tera::{Kwargs, State, Tera, Value};

use super::markdown;
use crate::correspondence::text::without_markup;

/// Registers them; `safe` is Tera's own.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("plain", |value: &Value, _: Kwargs, _: &State<'_>| {
        plain(&value.to_string())
    });
    tera.register_filter("plain_title", |value: &Value, _: Kwargs, _: &State<'_>| {
        without_markup(&value.to_string()).into_owned()
    });
    tera.register_filter("markdown", |value: &Value, _: Kwargs, _: &State<'_>| {
        escaped(value)
    });
}

fn escaped(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    Value::safe_string(&markdown::escaped(&value.to_string()))
}

/// The text that a reader sees of Markdown and of the HTML in it.
fn plain(markdown: &str) -> String {
    let markdown = markdown.replace('\u{A0}', " ");
    let mut plain = PlainText {
        text: String::with_capacity(markdown.len()),
        lists: Vec::new(),
    };
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    for event in Parser::new_ext(&markdown, options) {
        match event {
            Event::Text(piece) | Event::Code(piece) => {
                plain.text.push_str(&piece.replace('\u{A0}', " "));
            }
            Event::Html(piece) => plain.text.push_str(&without_tags(&piece)),
            Event::InlineHtml(tag) if tag.starts_with("<br") => plain.text.push('\n'),
            Event::SoftBreak => plain.text.push(' '),
            Event::HardBreak => plain.text.push('\n'),
            Event::Start(tag) => plain.start(&tag),
            Event::End(tag) => plain.end(tag),
            _ => {}
        }
    }
    let lines: Vec<_> = plain.text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Plain text that is being put together.
struct PlainText {
    text: String,
    /// The lists that are open, with the number of the next item of numbered ones.
    lists: Vec<Option<u64>>,
}

impl PlainText {
    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::List(first) => {
                self.end_line(1);
                self.lists.push(*first);
            }
            Tag::Item => {
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

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::TableCell => self.text.push(' '),
            TagEnd::TableRow | TagEnd::TableHead => self.end_line(1),
            TagEnd::List(_) => {
                self.lists.pop();
                self.end_block();
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::BlockQuote(_) | TagEnd::Table => {
                self.end_block();
            }
            _ => {}
        }
    }

    /// Blocks stand apart by an empty line, but not within lists.
    fn end_block(&mut self) {
        self.end_line(if self.lists.is_empty() { 2 } else { 1 });
    }

    /// Ends the line, and leaves `breaks - 1` lines empty.
    fn end_line(&mut self, breaks: usize) {
        let there = self.text.len() - self.text.trim_end_matches('\n').len();
        if !self.text.is_empty() {
            let more = std::iter::repeat_n('\n', breaks.saturating_sub(there));
            self.text.extend(more);
        }
    }
}

/// A block of HTML without its tags, and with its few necessary entities read.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    for (entity, sign) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, sign);
    }
    text
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
            ("Hei <b>du</b><br>der", "Hei du\nder"),
            ("kr\u{A0}5 &nbsp;", "kr 5"),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "a b\n1 2"),
            ("", ""),
        ] {
            assert_eq!(plain(markdown), text, "{markdown:?}");
        }
    }
}
