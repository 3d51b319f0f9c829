//! A letter's Markdown as plain text for a terminal: lists, quotes and tables as they read, without the signs that make them.

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

use super::markdown::{events, target};
use super::terminal::{WIDTH, visible, wrap};

/// The lines of a letter's body, each at most as wide as a terminal, `indent` before each.
pub(super) fn lines(source: &str, indent: &str) -> Vec<String> {
    let mut lines = Lines {
        leads: vec![Lead::both(indent)],
        ..Lines::default()
    };
    for event in events(source) {
        lines.take(event);
    }
    lines.flush();
    lines.written
}

/// What stands before a block: before its first line, and before the others.
#[derive(Debug, Clone)]
struct Lead {
    first: String,
    rest: String,
}

impl Lead {
    fn both(text: &str) -> Self {
        Self {
            first: text.to_owned(),
            rest: text.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct Lines {
    written: Vec<String>,
    /// The text that is being gathered.
    text: String,
    leads: Vec<Lead>,
    /// The lists that are open, with the number of the next item of numbered ones.
    lists: Vec<Option<u64>>,
    /// The links that are open: where they lead, and where in the text they began.
    links: Vec<(String, usize)>,
    /// Whether an empty line is due before the next block.
    gap: bool,
    in_code: bool,
}

impl Lines {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_code => self.text.push_str(&text),
            Event::Text(text) | Event::Code(text) => self.text.push_str(&text),
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Rule => {
                self.text.push_str(&"-".repeat(20));
                self.block();
            }
            // What is left out of a letter is left out here.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::List(first) => {
                self.flush();
                self.gap |= self.lists.is_empty() && !self.written.is_empty();
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let sign = self.sign();
                let rest = " ".repeat(sign.len());
                self.leads.push(Lead { first: sign, rest });
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.leads.push(Lead::both("> "));
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.in_code = true;
                self.leads.push(Lead::both("    "));
            }
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.link(link_type, &dest_url),
            Tag::Image { dest_url, .. } => {
                self.text.push_str("[picture: ");
                self.links.push((dest_url.to_string(), self.text.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Table => self.block(),
            TagEnd::Heading(_) => self.heading(),
            TagEnd::TableCell => self.text.push_str(" | "),
            TagEnd::TableHead | TagEnd::TableRow => {
                self.text.truncate(self.text.trim_end_matches(" | ").len());
                self.flush();
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.gap = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                self.leads.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.block();
                self.leads.pop();
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.text.truncate(self.text.trim_end_matches('\n').len());
                self.block();
                self.leads.pop();
            }
            TagEnd::Link => self.end_link(),
            TagEnd::Image => {
                if let Some((url, began)) = self.links.pop() {
                    let comma = if self.text.len() > began { ", " } else { "" };
                    self.text.extend([comma, &url, "]"]);
                }
            }
            _ => {}
        }
    }

    fn link(&mut self, kind: LinkType, url: &str) {
        let leads = target(kind, url).unwrap_or_else(|| url.to_owned());
        self.links.push((leads, self.text.len()));
    }

    fn end_link(&mut self) {
        let Some((leads, began)) = self.links.pop() else {
            return;
        };
        let text = self.text.get(began..).unwrap_or_default();
        if text != leads && format!("mailto:{text}") != leads {
            self.text.extend([" (", &leads, ")"]);
        }
    }

    /// What stands before an item of the innermost list.
    fn sign(&mut self) -> String {
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                sign
            }
            _ => "* ".to_owned(),
        }
    }

    fn heading(&mut self) {
        let before = self.written.len();
        self.flush();
        let indent = self.rest();
        let width = self.written.iter().skip(before + usize::from(before > 0));
        let width = width
            .map(|line| line.chars().count())
            .max()
            .unwrap_or_default();
        let width = width.saturating_sub(indent.chars().count());
        self.written.push(format!("{indent}{}", "-".repeat(width)));
        self.gap = true;
    }

    /// Ends a block, after which an empty line stands.
    fn block(&mut self) {
        self.flush();
        self.gap = true;
    }

    /// Writes what has been gathered.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        if std::mem::take(&mut self.gap) && !self.written.is_empty() {
            self.written.push(String::new());
        }
        let first = joined(self.leads.iter().map(|lead| lead.first.as_str()));
        // An item has its sign once.
        for lead in &mut self.leads {
            lead.first.clone_from(&lead.rest);
        }
        let text = visible(&super::mask::masked(&text));
        self.written.extend(wrap(&text, &first, &self.rest()));
    }

    fn rest(&self) -> String {
        joined(self.leads.iter().map(|lead| lead.rest.as_str()))
    }
}

/// What stands before a line; half of the line is left for the text.
fn joined<'a>(leads: impl Iterator<Item = &'a str>) -> String {
    let signs = leads.flat_map(str::chars);
    signs.take(WIDTH / 2).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn read(source: &str) -> String {
        lines(source, "").join("\n")
    }

    #[test]
    fn markdown_reads_as_plain_text() {
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
            ("* one\n\n  more\n\n* two", "* one\n\n  more\n\n* two"),
            ("# Title\n\ntext", "Title\n-----\n\ntext"),
            ("text\n\n## Title\ntext", "text\n\nTitle\n-----\n\ntext"),
            ("> quoted\n> text\n\nb", "> quoted text\n\nb"),
            ("```\na  b\n  c\n```\nd", "    a  b\n      c\n\nd"),
            ("| a | b |\n|--|--|\n| 1 | 2 |\n\nc", "a | b\n1 | 2\n\nc"),
            (
                "[here](https://a.no) <https://b.no> <c@d.no>",
                "here (https://a.no) https://b.no c@d.no",
            ),
            (
                "![Map](http://a) ![](http://b)",
                "[picture: Map, http://a] [picture: http://b]",
            ),
            ("a <b>c</b>\n\n<div>x</div>\n\nd", "a c\n\nd"),
            ("a\n\n---\n\nb", "a\n\n--------------------\n\nb"),
            ("nr 07827199405", "nr 078271*****"),
        ] {
            assert_eq!(read(source), text, "{source}");
        }
    }

    #[test]
    fn depth_without_end_leaves_room_for_the_text() {
        for sign in [">", "* ", "- 1. ", "[", "![", "|"] {
            let source = format!("{}{}", sign.repeat(10_000 / sign.len()), "x".repeat(10_000));
            let text = lines(&source, "  ");
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
