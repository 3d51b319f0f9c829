//! The detection of Markdown in a letter's own text that readers will not see as written, with advice on an alternative.

use std::ops::Range;

use comrak::nodes::{AstNode, ListType, NodeValue};
use comrak::{Arena, parse_document};

use super::inbox::is_link;
use super::server;
use crate::diagnostic::Source;
use crate::text::floor_char_boundary;

/// The largest number of findings of one kind in a text.
const OF_A_KIND: usize = 20;

/// The longest line, in characters, that is taken for a line of its own; longer ones are running text.
const SHORT_LINE: usize = 45;

/// A construct that does not reach readers as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    pub kind: Kind,
    pub span: Range<usize>,
}

/// The kinds of constructs that Altinn's conversions or its inbox change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Abbreviation,
    Attributes,
    Backslash,
    CheckBox,
    Citation,
    Container,
    Definition,
    Footnote,
    FrontMatter,
    Image,
    LetteredList,
    LinkScheme,
    ListNumber,
    Mark,
    Math,
    Scripts,
    SingleBreaks,
    StruckThrough,
}

impl Kind {
    /// The effect on readers, as a lowercase fragment.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Abbreviation => "readers do not get the explanation of an abbreviation",
            Self::Attributes => {
                "readers do not get what stands between these braces: it is taken for attributes"
            }
            Self::Backslash => "this backslash does not protect its sign all the way to the reader",
            Self::CheckBox => "readers cannot see which boxes are checked: they are not drawn",
            Self::Citation => {
                "readers see the text between the double quotation marks in italics, without them"
            }
            Self::Container => "readers do not see that this is a box: only its text is drawn",
            Self::Definition => "readers get this list of definitions as bullets",
            Self::Footnote => {
                "readers find footnotes at the end of the letter, under the English heading `Footnotes`"
            }
            Self::FrontMatter => {
                "readers do not get what stands between the `---` at the beginning"
            }
            Self::Image => "readers see neither this picture nor its description",
            Self::LetteredList => "readers see this list with numbers instead of letters",
            Self::LinkScheme => {
                "readers cannot follow this link: its address is put at the end of the letter as text"
            }
            Self::ListNumber => "readers see this list begin at 1",
            Self::Mark => "readers see this text without the mark, as ordinary text",
            Self::Math => "readers see parentheses instead of these dollar signs",
            Self::Scripts => "readers do not see this raised or lowered",
            Self::SingleBreaks => "these lines run together for the reader",
            Self::StruckThrough => "readers see struck-through text as ordinary text",
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Abbreviation => {
                "write the words out where the abbreviation stands first: `NAV (Arbeids- og velferdsetaten)`"
            }
            Self::Attributes => "write `\\{` for a brace that readers are to see, or take it out",
            Self::Backslash => {
                "write `&amp;#35;` for `#`, `&amp;#45;` for `-`, `&amp;#46;` for the `.` after a number, `&amp;#126;` for `~`, `&amp;#91;` for `[`"
            }
            Self::CheckBox => "say it in words: `Signert: ja`, `Datert: nei`",
            Self::Citation => "write `\"` once on each side, or `*text*` for italics",
            Self::Container => "write a heading or a quote (`> text`) instead",
            Self::Definition => {
                "write `**Term:** explanation` in a paragraph or an item of its own"
            }
            Self::Footnote => "put the note in parentheses where it belongs",
            Self::FrontMatter => "take it out; a rule between paragraphs is `***`",
            Self::Image => "say what it shows in words, or attach it as a file",
            Self::LetteredList => {
                "write numbers, or begin each item in its own paragraph with `**a)**`"
            }
            Self::LinkScheme => {
                "write the number or address as text; links are to http, https and mailto"
            }
            Self::ListNumber => {
                "put the number into the text: `Punkt 3: …`, or `År 1986 …` when it is no list"
            }
            Self::Mark => "write `**text**` for bold or `*text*` for italics",
            Self::Math => {
                "write `\\$` for a dollar sign that readers are to see, or `kr` and `USD`"
            }
            Self::Scripts => "write `m²`, `CO₂`, or say it in words",
            Self::SingleBreaks => {
                "end every line but the last with a backslash (`\\`) or two blanks, or leave an empty line between them"
            }
            Self::StruckThrough => {
                "take out what does not hold any more; `allow: [struckThrough]` in the manifest lets it through as ordinary text"
            }
        }
    }
}

/// Finds the constructs in a letter's own text that readers will not see as written. In `text`, letters stand in place of values, which are checked elsewhere.
pub(crate) fn advice(text: &str) -> Vec<Advice> {
    let source = Source::new("", text);
    let arena = Arena::new();
    let mut found = Vec::new();
    for node in parse_document(&arena, text, &server::options()).descendants() {
        if let Some(kind) = kind_of_node(node) {
            found.push(Advice {
                kind,
                span: span(node, &source),
            });
        }
        if matches!(node.data().value, NodeValue::Paragraph) {
            check_lines(node, &source, &mut found);
        }
    }
    found.sort_by_key(|advice| (advice.span.start, advice.kind as usize));
    // Nested nodes may report the same construct.
    found.dedup_by(|a, b| a.kind == b.kind && a.span.start == b.span.start);
    let mut counts = std::collections::HashMap::new();
    found.retain(|advice| {
        let count = counts.entry(advice.kind).or_insert(0usize);
        *count += 1;
        *count <= OF_A_KIND
    });
    found
}

/// The range of a node on its first line.
fn span<'a>(node: &'a AstNode<'a>, source: &Source) -> Range<usize> {
    let position = node.data().sourcepos;
    let line = source.line_span(position.start.line);
    // Columns of nodes may point into a character.
    let at = |column| floor_char_boundary(source.text(), line.end.min(line.start + column));
    let start = at(position.start.column.saturating_sub(1));
    let end = if position.end.line == position.start.line {
        at(position.end.column)
    } else {
        line.end
    };
    start..end.max(start)
}

fn kind_of_node<'a>(node: &'a AstNode<'a>) -> Option<Kind> {
    Some(match &node.data().value {
        NodeValue::Strikethrough => Kind::StruckThrough,
        NodeValue::TaskItem(_) => Kind::CheckBox,
        NodeValue::Image(_) => Kind::Image,
        NodeValue::List(list) if list.list_type == ListType::Ordered && list.start != 1 => {
            Kind::ListNumber
        }
        NodeValue::FootnoteReference(_) => Kind::Footnote,
        NodeValue::FrontMatter(_) => Kind::FrontMatter,
        NodeValue::Link(link) if has_scheme(&link.url) && !is_link(&link.url) => Kind::LinkScheme,
        NodeValue::Subscript | NodeValue::Superscript => Kind::Scripts,
        NodeValue::Highlight | NodeValue::Insert => Kind::Mark,
        NodeValue::BlockDirective(_) | NodeValue::Alert(_) => Kind::Container,
        NodeValue::Escaped if is_lost(node) => Kind::Backslash,
        NodeValue::HtmlInline(tag) => kind_of_tag(tag)?,
        // The first construct in a block of HTML.
        NodeValue::HtmlBlock(block) => {
            let html = &block.literal;
            let mut tags = html.match_indices('<');
            tags.find_map(|(at, _)| kind_of_tag(&html[at..]))?
        }
        NodeValue::Text(text) => return kind_of_text(text),
        _ => return None,
    })
}

fn has_scheme(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

fn kind_of_tag(tag: &str) -> Option<Kind> {
    let name = tag.trim_start_matches('<');
    let end = name
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    Some(match name[..end].to_ascii_lowercase().as_str() {
        "s" | "del" | "strike" => Kind::StruckThrough,
        "img" => Kind::Image,
        "sub" | "sup" => Kind::Scripts,
        "u" | "mark" | "ins" => Kind::Mark,
        "input" => Kind::CheckBox,
        _ => return None,
    })
}

fn kind_of_text(text: &str) -> Option<Kind> {
    text.char_indices().find_map(|(at, c)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at..];
        match c {
            '{' if before != Some('{') => server::attributes(rest).map(|_| Kind::Attributes),
            '$' => server::math(rest, before).map(|_| Kind::Math),
            '"' => server::delimited(rest, before, "\"\"", false).map(|_| Kind::Citation),
            ':' => server::delimited(rest, before, "::", true).map(|_| Kind::Container),
            _ => None,
        }
    })
}

/// True when the escaped sign becomes Markdown again, after Altinn's server has dropped the backslash in its conversion.
fn is_lost<'a>(node: &'a AstNode<'a>) -> bool {
    let sign = node
        .first_child()
        .and_then(|child| match &child.data().value {
            NodeValue::Text(text) => text.chars().next(),
            _ => None,
        });
    let before = node
        .previous_sibling()
        .map(|before| match &before.data().value {
            NodeValue::Text(text) => text.to_string(),
            NodeValue::LineBreak => String::new(),
            _ => "x".to_owned(),
        });
    let before = before.unwrap_or_default();
    match sign {
        // These signs matter at the beginning of a line only.
        Some('#' | '-' | '+') => before.trim().is_empty(),
        // These matter after a number at the beginning of a line: a list.
        Some('.' | ')') => {
            !before.is_empty() && before.trim().bytes().all(|byte| byte.is_ascii_digit())
        }
        Some('~' | '[' | '`') => true,
        _ => false,
    }
}

/// Checks the lines of a paragraph for constructs of Markdig that comrak does not know, and for line breaks that readers will not see.
fn check_lines<'a>(paragraph: &'a AstNode<'a>, source: &Source, found: &mut Vec<Advice>) {
    let position = paragraph.data().sourcepos;
    let lines: Vec<(Range<usize>, &str)> = (position.start.line..=position.end.line)
        .map(|line| {
            let span = source.line_span(line);
            let text = server::split_prefix(&source.text()[span.clone()]).1;
            (span, text)
        })
        .collect();
    let mut in_letters = false;
    for (at, (span, text)) in lines.iter().enumerate() {
        let kind = if server::is_abbreviation(text) {
            Kind::Abbreviation
        } else if at > 0 && server::is_definition(text) {
            Kind::Definition
        } else if let Some((number, ..)) = server::letter_item(text)
            && (at == 0 || number == 1)
            && !in_letters
        {
            in_letters = true;
            Kind::LetteredList
        } else {
            continue;
        };
        found.push(Advice {
            kind,
            span: span.clone(),
        });
    }
    // A paragraph with one of these constructs has its own advice already.
    let is_plain = found
        .last()
        .is_none_or(|last| last.span.start < lines.first().map_or(0, |line| line.0.start));
    if is_plain && let Some(at) = run_together(paragraph, &lines) {
        found.push(Advice {
            kind: Kind::SingleBreaks,
            span: lines[at].0.clone(),
        });
    }
}

/// Finds the first line of a block such as an address, a signature or a list of facts, whose lines will run together: short lines, each with a new
/// beginning, and none with the end of a sentence.
fn run_together<'a>(paragraph: &'a AstNode<'a>, lines: &[(Range<usize>, &str)]) -> Option<usize> {
    let has_soft_break = paragraph
        .children()
        .any(|node| matches!(node.data().value, NodeValue::SoftBreak));
    if !has_soft_break {
        return None;
    }
    (0..lines.len().saturating_sub(1)).find(|at| {
        let (line, next) = (lines[*at].1, lines[at + 1].1);
        // A backslash or two blanks at the end make a hard break, which stays.
        let is_hard = line.ends_with('\\') || line.ends_with("  ");
        let line = line.trim_end();
        let is_short =
            line.chars().count() <= SHORT_LINE && next.trim_end().chars().count() <= SHORT_LINE;
        // Signs of emphasis, quotes and parentheses may precede the first letter.
        let begins_anew = next
            .chars()
            .find(|c| !matches!(c, '*' | '_' | '"' | '«' | '('))
            .is_some_and(|c| {
                // In place of an expression at least five letters `x` stand.
                c.is_uppercase() || c.is_ascii_digit() || c == '+' || next.starts_with("xxxxx")
            });
        let ends_sentence =
            line.ends_with(['.', '!', '?', ';', '-', '–', '&']) && !line.ends_with("nr.");
        !is_hard && is_short && begins_anew && !ends_sentence
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, advice};

    fn kinds(text: &str) -> Vec<(usize, Kind)> {
        advice(text)
            .into_iter()
            .map(|advice| {
                (
                    text[..advice.span.start].matches('\n').count() + 1,
                    advice.kind,
                )
            })
            .collect()
    }

    #[test]
    fn every_construct_is_named_at_its_line() {
        for (text, line, kind) in [
            ("a\n\n~~gammel~~ ny", 3, Kind::StruckThrough),
            ("<del>gammel</del> ny", 1, Kind::StruckThrough),
            ("- [ ] a\n- [x] b", 1, Kind::CheckBox),
            ("a ![logo](https://x.no/a.png)", 1, Kind::Image),
            ("a\n\n3. b\n4. c", 3, Kind::ListNumber),
            ("1986. var året", 1, Kind::ListNumber),
            ("a {#id} b", 1, Kind::Attributes),
            ("Pris $5$", 1, Kind::Math),
            ("a \"\"b\"\" c", 1, Kind::Citation),
            ("a\n\n::: tip\nb\n:::", 3, Kind::Container),
            ("H~2~O", 1, Kind::Scripts),
            ("m^2^", 1, Kind::Scripts),
            ("a[^1]\n\n[^1]: b", 1, Kind::Footnote),
            ("---\na: b\n---\nc", 1, Kind::FrontMatter),
            ("[ring](tel:22000000)", 1, Kind::LinkScheme),
            ("Term\n:   forklaring", 2, Kind::Definition),
            (
                "a\n\n*[NAV]: Arbeids- og velferdsetaten",
                3,
                Kind::Abbreviation,
            ),
            ("a\n\nb) c", 3, Kind::LetteredList),
            ("==a==", 1, Kind::Mark),
            ("\\# a", 1, Kind::Backslash),
            ("1\\. a", 1, Kind::Backslash),
            (
                "Kontonummer: 1234.56.78903\nKID: 0001234567",
                1,
                Kind::SingleBreaks,
            ),
            ("Hei\n\nMed hilsen\nOslo kommune", 3, Kind::SingleBreaks),
            (
                "xxxxxxxxxx\nxxxxxxxxxxxxx\nxxxxxxxxxxxx xxxxxxxxxx",
                1,
                Kind::SingleBreaks,
            ),
        ] {
            let found = kinds(text);
            assert_eq!(found.first(), Some(&(line, kind)), "{text}");
            assert!(
                found.iter().all(|found| found.1 == kind),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn what_reaches_readers_as_it_is_written_is_left_alone() {
        for text in [
            "# Vedtak\n\nHei xxxxxxxxxx,\n\ndu har **fått** _svar_ på [søknaden](https://x.no).\n\n* a\n* b\n\n1. c\n2. d",
            "Vi viser til søknaden din av 1. oktober 2026 om støtte\ntil ombygging av bolig, og ber om svar innen fristen.",
            "Med hilsen\\\nOslo kommune",
            "Med hilsen  \nOslo kommune",
            "                \nSe vedlegget.\n           ",
            "                  \nHei",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "kr 100 og C++ og 5 < 6, a_b, 12:30, post@x.no, https://x.no/a~b",
            "\\* a, \\_b\\_, \\<c>",
            "Hei xxxxxxxxxxxxxxxxx!",
            "```\n~~a~~\n```",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }
}
