//! The scan of a template's tags before compilation. It collects their tokens, and rewrites the names among them to ASCII, because Tera reads no others.
//!
//! It follows the lexer of Tera 2: text, `{{ }}`, `{% %}`, comments and raw blocks; strings in three kinds of quotes with backslashes.

use std::iter::{once, repeat_n};
use std::ops::Range;

use super::ascii_names::{ascii_letter, is_combining_mark};
use super::token::{Kind, Tag, Token};

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The text with ASCII names in its tags. Each character is replaced by one, so that lines and columns in Tera's errors stay right.
    pub(super) text: String,
    /// The tags, comments and raw blocks.
    pub(super) tags: Vec<Tag>,
}

impl Scan {
    pub(super) fn tokens(&self, kind: Kind) -> impl Iterator<Item = &Token> {
        let tokens = self.tags.iter().flat_map(|tag| &tag.tokens);
        tokens.filter(move |token| token.kind == kind)
    }

    /// The files that are included or extended, with repetitions.
    pub(super) fn files(&self) -> impl Iterator<Item = &Token> {
        self.tags.iter().filter_map(Tag::file)
    }

    /// The text outside of the tags, with a letter in place of every value; `None` when it is blank. `text` is the template as written.
    pub(super) fn own_text(&self, text: &str) -> Option<String> {
        let mut pieces = self.pieces(text);
        pieces.find(|(own, _)| !own.trim().is_empty())?;
        let letter = |tag: Option<&Tag>| tag.filter(|tag| !tag.is_statement).map_or("", |_| "x");
        let pieces = self.pieces(text);
        Some(pieces.flat_map(|(own, tag)| [own, letter(tag)]).collect())
    }

    /// The texts between the tags, each with the tag behind it.
    fn pieces<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, Option<&'a Tag>)> {
        let starts = once(0).chain(self.tags.iter().map(|tag| tag.at.end));
        let tags = self.tags.iter().map(Some).chain(once(None));
        starts.zip(tags).map(|(start, tag)| {
            let end = tag.map_or(text.len(), |tag| tag.at.start);
            (text.get(start..end).unwrap_or_default(), tag)
        })
    }
}

/// Replaces the expressions of a template by letters and its other tags by blanks. Length and lines stay the same, so that positions do too.
pub(crate) fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (own, tag) in scan(text).pieces(text) {
        plain.push_str(own);
        let Some(tag) = tag else { break };
        let written = text.get(tag.at.clone()).unwrap_or_default();
        if let Some((inside, _)) = raw_block(written) {
            fill(&mut plain, &written[..inside.start], ' ');
            plain.push_str(&without_tags(&written[inside.clone()]));
            fill(&mut plain, &written[inside.end..], ' ');
        } else {
            fill(
                &mut plain,
                written,
                if tag.is_statement { ' ' } else { 'x' },
            );
        }
    }
    plain
}

/// Adds as many bytes of a letter as a text has; its line breaks stay.
fn fill(plain: &mut String, text: &str, letter: char) {
    for c in text.chars() {
        match c {
            '\n' => plain.push('\n'),
            c => plain.extend(repeat_n(letter, c.len_utf8())),
        }
    }
}

/// Scans a template. One with an unclosed tag is scanned to its end; compiling it reports the error.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner {
        all: text,
        at: 0,
        found: Scan::default(),
    };
    scanner.found.text.reserve(text.len());
    while scanner.scan_next() {}
    scanner.found
}

/// The signs of several characters.
const SIGNS: [&str; 7] = ["...", "==", "!=", "<=", ">=", "?.", "?["];

/// The state of a scan.
struct Scanner<'a> {
    all: &'a str,
    at: usize,
    found: Scan,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.all.get(self.at..).unwrap_or_default()
    }

    /// Copies the next `bytes` unchanged.
    fn copy(&mut self, bytes: usize) {
        let rest = self.rest();
        let piece = rest.get(..bytes).unwrap_or(rest);
        self.found.text.push_str(piece);
        self.at += piece.len();
    }

    /// Scans the text up to the next tag, and that tag; false at the end.
    fn scan_next(&mut self) -> bool {
        let rest = self.rest();
        let mut pairs = rest.as_bytes().windows(2);
        let marker = pairs.position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"));
        self.copy(marker.unwrap_or(rest.len()));
        let (start, rest) = (self.at, self.rest());
        if rest.is_empty() {
            return false;
        }
        let opening = if rest.as_bytes().get(2) == Some(&b'-') {
            3
        } else {
            2
        };
        let mut tag = Tag {
            is_statement: !rest.starts_with("{{"),
            ..Tag::default()
        };
        if rest.starts_with("{#") {
            let length = rest.get(opening..).and_then(|rest| rest.find("#}"));
            self.copy(length.map_or(rest.len(), |length| opening + length + 2));
        } else if let Some((_, length)) = raw_block(rest) {
            self.copy(length);
        } else {
            self.copy(opening);
            self.scan_tag(&mut tag);
        }
        tag.at = start..self.at;
        self.found.tags.push(tag);
        true
    }

    /// Scans a tag to its end.
    fn scan_tag(&mut self, tag: &mut Tag) {
        let end = if tag.is_statement { "%}" } else { "}}" };
        loop {
            let rest = self.rest();
            let after_dash = rest.strip_prefix('-').unwrap_or(rest);
            if rest.is_empty() || after_dash.starts_with(end) {
                self.copy(rest.len() - after_dash.len() + end.len());
                return;
            }
            if let Some(token) = self.token(tag.tokens.last()) {
                tag.push(token);
            }
        }
    }

    /// Scans a token or a blank, for which there is none.
    fn token(&mut self, before: Option<&Token>) -> Option<Token> {
        let (rest, start) = (self.rest(), self.at);
        let first = rest.chars().next()?;
        let run = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (kind, length) = if matches!(first, '"' | '\'' | '`') {
            (Kind::Text, quoted(rest, first))
        } else if first.is_ascii_digit() {
            (Kind::Number, run(|c| c.is_ascii_digit() || c == '.'))
        } else if ascii_letter(first).is_some() {
            return Some(self.name(
                run(|c| ascii_letter(c).is_some() || is_combining_mark(c)),
                before,
            ));
        } else if first.is_whitespace() && !first.is_ascii_whitespace() {
            // Pasted text often has no-break spaces; Tera accepts ASCII blanks only.
            self.found.text.push(' ');
            self.at += first.len_utf8();
            return None;
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (Kind::Sign, sign.map_or(first.len_utf8(), |sign| sign.len()))
        };
        self.copy(length);
        let at = match kind {
            // A string that is not closed has no quote at its end.
            Kind::Text => start + 1..(self.at - 1).max(start + 1),
            _ => start..self.at,
        };
        let text = self.all.get(at.clone()).unwrap_or_default().to_owned();
        (!first.is_ascii_whitespace()).then_some(Token { kind, text, at })
    }

    /// Scans a name, of `length` bytes, which stands behind the token `before`.
    fn name(&mut self, length: usize, before: Option<&Token>) -> Token {
        let start = self.at;
        self.at += length;
        let written = self.all.get(start..self.at).unwrap_or_default();
        let text: String = written.chars().filter_map(ascii_letter).collect();
        self.found.text.push_str(&text);
        // Combining accents have no ASCII letter; blanks in their place keep Tera's columns right.
        let accents = written.chars().filter(|c| is_combining_mark(*c)).count();
        self.found.text.extend(repeat_n(' ', accents));
        let kind = match before.map_or("", Token::word) {
            "." | "?." => Kind::Field,
            "|" => Kind::Filter,
            "@" => Kind::Implicit,
            _ => Kind::Name,
        };
        Token {
            kind,
            text,
            at: start..self.at,
        }
    }
}

/// The text of a raw block, when one begins here, and the end of the block. One without an end continues to the end of the text.
fn raw_block(text: &str) -> Option<(Range<usize>, usize)> {
    // The word of a tag that consists of nothing else, and the end of that tag.
    let word = |tag: usize| {
        let (tag, rest) = text.get(tag..)?.strip_prefix("{%")?.split_once("%}")?;
        let word = tag.strip_prefix('-').unwrap_or(tag);
        let word = word.strip_suffix('-').unwrap_or(word).trim_ascii();
        Some((word, text.len() - rest.len()))
    };
    let (_, begin) = word(0).filter(|(word, _)| *word == "raw")?;
    let mut tags = text.match_indices("{%").map(|(tag, _)| tag);
    let end = tags.find_map(|tag| {
        let (_, end) = word(tag).filter(|(word, _)| *word == "endraw")?;
        Some((tag, end))
    });
    let (tag, end) = end.unwrap_or((text.len(), text.len()));
    Some((begin..tag, end))
}

/// The length of a string with its quotes, or up to the end when it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(tokens: impl Iterator<Item = &'a Token>) -> Vec<&'a str> {
        tokens.map(|token| token.text.as_str()).collect()
    }

    #[test]
    fn a_templates_own_text_is_known() {
        for (text, own) in [
            ("{{ a }}", None),
            (" {% if a %}{{ a }}{% endif %}\n", None),
            ("Hei {{ a }}{{ b }}, {# c #}du", Some("Hei xx, du")),
            ("{% if a %}ja{% else %}nei{% endif %}", Some("janei")),
            ("{{ '}}' }}!", Some("x!")),
            ("+47", Some("+47")),
        ] {
            assert_eq!(scan(text).own_text(text).as_deref(), own, "{text}");
        }
    }

    #[test]
    fn what_is_left_without_tags_stays_in_its_place() {
        for (text, plain) in [
            ("Hei {{ Språk }}!", "Hei xxxxxxxxxxxx!"),
            ("{% if a\n%}ja{# å\n#}", "       \n  ja     \n  "),
            ("{{ '}}' }}{#id}", "xxxxxxxxxx     "),
            (
                "{% raw %}{{ a }}\n{% endraw %}b",
                "         xxxxxxx\n            b",
            ),
            ("uten", "uten"),
        ] {
            assert_eq!(without_tags(text), plain);
        }
    }

    #[test]
    fn names_become_ascii_where_they_are_names() {
        for (written, mapped) in [
            ("Språk {{ Språk }} å", "Språk {{ Sprak }} å"),
            ("{{ Spra\u{30A}k }}x", "{{ Sprak  }}x"),
            ("{{ a\u{A0}~\u{202F}b }}", "{{ a ~ b }}"),
            (
                "{% if a == \"Språk\" %}{{ 'å' ~ `ø` }}{% endif %}",
                "{% if a == \"Språk\" %}{{ 'å' ~ `ø` }}{% endif %}",
            ),
            ("{{ \"\\\"å\" ~ Å }}", "{{ \"\\\"å\" ~ A }}"),
            ("{# Språk #}{{ Å }}", "{# Språk #}{{ A }}"),
            (
                "{% raw %}{{ Språk }}{% endraw %}{{ Å }}",
                "{% raw %}{{ Språk }}{% endraw %}{{ A }}",
            ),
            (
                "{%- raw -%}{{ å {% if å %}{%- endraw -%}{{ Å }}",
                "{%- raw -%}{{ å {% if å %}{%- endraw -%}{{ A }}",
            ),
            ("{{- Språk -}} å", "{{- Sprak -}} å"),
            ("{{ Спрос }}", "{{ Спрос }}"),
            ("{{ å", "{{ a"),
            ("{{ \"å", "{{ \"å"),
            ("{# å", "{# å"),
            ("{% raw %} å", "{% raw %} å"),
        ] {
            assert_eq!(scan(written).text, mapped, "{written}");
            assert_eq!(scan(written).text.chars().count(), written.chars().count());
        }
    }

    #[test]
    fn names_are_found_with_their_places() {
        let text = "å {{ Språk }}";
        let scan = scan(text);
        let name = scan.tokens(Kind::Name).next().unwrap();
        assert_eq!((&*name.text, &text[name.at.clone()]), ("Sprak", "Språk"));
        let scan = super::scan("{{ a.b?.c | f(x=y) }} {% for i in [...list] %}");
        for (kind, names) in [
            (Kind::Name, vec!["a", "x", "y", "for", "i", "in", "list"]),
            (Kind::Field, vec!["b", "c"]),
            (Kind::Filter, vec!["f"]),
        ] {
            assert_eq!(texts(scan.tokens(kind)), names);
        }
        assert!(super::scan("no tags } here {").tags.is_empty());
    }

    #[test]
    fn the_columns_behind_row_are_found() {
        for (text, columns, whole_row) in [
            ("{{ row[\"E-post\"] }}", vec![("E-post", 8..14)], false),
            ("{{ row?.Språk }}", vec![("Sprak", 8..14)], false),
            ("{{ row[name] }}", vec![], true),
            ("{% for k, v in row %}", vec![], true),
            ("{{ a.row }}{{ a.row.b }}", vec![], false),
        ] {
            let found = scan(text);
            let words = found.tokens(Kind::Column);
            let words: Vec<_> = words
                .map(|key| (key.text.as_str(), key.at.clone()))
                .collect();
            let is_whole = found.tokens(Kind::Name).any(|name| name.text == "row");
            assert_eq!((words, is_whole), (columns, whole_row), "{text}");
        }
    }

    #[test]
    fn files_and_assigned_names_are_found() {
        let found = scan("{%- include 'a.md' %}{% extends \"b/å.md\" -%}{% include 'a.md' %}");
        assert_eq!(texts(found.files()), ["a.md", "b/å.md", "a.md"]);
        let found = scan(
            "{% set x = a | upper %}{% for k, v in m %}{% endfor %}{% filter lower %}{{ b | x(y=c | z) }}\
            {% component Sum(value, unit=\"kr\") %}{% endcomponent %}",
        );
        let assigned: Vec<_> = found.tags.iter().flat_map(Tag::assigned).collect();
        assert_eq!(assigned, ["x", "k", "v", "Sum", "value", "unit"]);
    }

    #[test]
    fn filters_that_write_in_the_letters_language_are_found() {
        for (text, language) in [
            ("{{ a | date }}", true),
            ("{{ b | x(y=c | money) }}", true),
            ("{% filter number %}1{% endfilter %}", true),
            ("{% set x = a | upper %}{{ date }}", false),
        ] {
            let mut tags = scan(text).tags.into_iter();
            assert_eq!(tags.any(|tag| tag.writes_in_language()), language, "{text}");
        }
    }

    #[test]
    fn what_is_shown_whether_it_is_empty_or_not_is_found() {
        for (text, shown) in [
            ("Hei {{ Navn }},", vec!["Navn"]),
            (
                "{{ Fornavn ~ \" \" ~ row[\"E-post\"] | upper }}",
                vec!["Fornavn", "E_post"],
            ),
            ("{{ Navn | default(value=\"x\", boolean=true) }}", vec![]),
            ("{{ Navn or \"x\" }}{{ a if a != \"\" else b }}", vec![]),
            (
                "{% if Navn != '' %}{{ Navn }}{{ Sak }}{% endif %}{{ Navn }}",
                vec!["Sak", "Navn"],
            ),
            (
                "{% if row['E-post'] %}x{% else %}{{ E_post }}{% endif %}",
                vec![],
            ),
            ("{{ sum(of=[Beløp]) }}{{ a.b }}", vec!["a"]),
            ("{% set x = Navn %}{# {{ Navn }} #}", vec![]),
        ] {
            let scan = scan(text);
            let found: Vec<_> = crate::template::token::shown(&scan.tags)
                .into_iter()
                .filter_map(Token::variable)
                .collect();
            assert_eq!(found, shown, "{text}");
        }
    }
}
