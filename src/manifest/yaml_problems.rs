//! Problems of the YAML itself: syntax errors, and what YAML allows but a manifest does not.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::Tag;

use crate::diagnostic::{Place, Problem, Problems, Source};
use crate::text::floor_char_boundary;

/// The most problems that are reported for one manifest.
pub(super) const PROBLEM_LIMIT: usize = 100;

/// Words that `serde_yaml` reads as numbers and that JSON cannot hold.
const NOT_NUMBERS: [&str; 12] = [
    ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN",
    ".NAN",
];

/// Tags of YAML's core schema, which are accepted: they only state the type that a value has.
const KNOWN_TAGS: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];

#[derive(Debug)]
pub(super) struct YamlProblems<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) found: Problems,
}

impl<'s> YamlProblems<'s> {
    pub(super) fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            found: Problems::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = self.source.place(span);
        self.found
            .push(Problem::error(place, message).with_hint(hint));
    }

    pub(super) fn text(&self, span: &Range<usize>) -> &str {
        self.source.text().get(span.clone()).unwrap_or_default()
    }

    /// Reports the first character that may not stand in YAML at all. Returns true when there is none.
    pub(super) fn check_characters(&mut self) -> bool {
        let mut characters = self.source.text().char_indices();
        let Some((at, character)) = characters.find(|(_, c)| is_forbidden(*c)) else {
            return true;
        };
        // The parser would stop at it with an error about something else.
        let number = u32::from(character);
        let message = format!("the character U+{number:04X} cannot stand in YAML");
        self.add(at..at + character.len_utf8(), message, "remove it");
        false
    }

    /// Reports a plain scalar that is a number to YAML but not to JSON.
    pub(super) fn check_number(&mut self, text: &str, span: &Range<usize>) {
        if NOT_NUMBERS.contains(&text) {
            let message = "infinity and not-a-number have no place here";
            self.add(span.clone(), message, "quote it, if it is a text");
        }
    }

    pub(super) fn add_duplicate(&mut self, span: Range<usize>, first: &Range<usize>) {
        let message = format!("`{}` is there twice", self.text(&span));
        let line = self.source.position(first.start).line;
        let hint = format!("keep one of them; the first is on line {line}");
        self.add(span, message, hint);
    }

    /// Reports a tag that would change the type of a value.
    pub(super) fn check_tag(&mut self, tag: Option<&Tag>, span: &Range<usize>) {
        let Some(tag) = tag else { return };
        if tag.is_yaml_core_schema() && KNOWN_TAGS.contains(&tag.suffix.as_str()) {
            return;
        }
        // The span is that of the value with its tag: only the tag is marked.
        let text = self.text(span);
        let length = text.find(char::is_whitespace).unwrap_or(text.len());
        let hint = match tag.suffix.as_str() {
            "env" => "where a value may come from the environment, its member is called `env`",
            _ => "remove it; a text that begins with `!` needs quotes",
        };
        let span = span.start..span.start + length;
        self.add(span, "YAML tags mean nothing here", hint);
    }

    /// Reports a mapping in the place of a key: nearly always a template without quotes, `title: {{ name }}`. `outer` is the byte at which the mapping around it
    /// begins.
    pub(super) fn add_mapping_as_key(&mut self, outer: usize, span: &Range<usize>) {
        let rest = self.source.text().get(outer..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        if !line.starts_with("{{") {
            return self.add_structure_as_key(span);
        }
        let length = line.find("}}").map_or(line.len(), |end| end + 2);
        let hint = format!("write '{}'", &line[..length]);
        self.add(outer..outer + length, "a template without quotes", hint);
    }

    pub(super) fn add_structure_as_key(&mut self, span: &Range<usize>) {
        let message = "a mapping or list stands where a key should be";
        self.add(span.clone(), message, "a key is a plain text");
    }

    /// Adds the parser's error, unless another problem stands on the same line, of which it would be a consequence.
    pub(super) fn add_syntax(&mut self, at: usize, said: &str) {
        let line = self.source.position(at).line;
        let known = self.found.iter().any(|other| match &other.place {
            Place::Source { span, .. } => self.source.position(span.start).line == line,
            Place::File(_) | Place::Row { .. } => false,
        });
        if !known {
            self.found.push(syntax_problem(self.source, at, said));
        }
    }
}

/// True for a character that cannot stand in YAML, not even in quotes.
fn is_forbidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        character => character.is_control(),
    }
}

/// The problem for an error `said` by a YAML parser at the byte `at`. The parsers' words describe their own state; the likely cause is looked for in the text.
pub(super) fn syntax_problem(source: &Arc<Source>, at: usize, said: &str) -> Problem {
    let text = source.text();
    let at = floor_char_boundary(text, at);
    let line = &text[source.line_span(source.position(at).line)];
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    let place = source.place(at..at + length);
    if said.contains("recursion limit") {
        return Problem::error(place, "nested too deep")
            .with_hint("a manifest needs no more than eight levels");
    }
    if said.contains("out of range") {
        return Problem::error(place, "the number is too large")
            .with_hint("quote it, if it is a text");
    }
    // Parsers blame the line below for a tab or an odd blank, which no editor shows.
    if let Some((at, odd)) = odd_indentation(text, at) {
        let place = source.place(at..at + odd.len_utf8());
        let message = match odd {
            '\t' => "a tab in the indentation".to_owned(),
            odd => format!("the blank U+{:04X} in the indentation", u32::from(odd)),
        };
        return Problem::error(place, message).with_hint("indent with ordinary spaces");
    }
    // serde_yaml repeats the place in its words.
    let said = said.find(" at line ").map_or(said, |end| &said[..end]);
    // The most likely causes first: text from a word processor, then a template without quotes.
    let hint = if line.contains(TYPOGRAPHIC_QUOTES) {
        "typographic quotation marks are letters to YAML: write ' or \" around the text"
    } else if line.contains("{{") || line.contains("{%") {
        "put the text with the template in single quotes, '…', or on lines of its own under `|`"
    } else {
        let known = SYNTAX_HINTS
            .iter()
            .find(|(words, _)| words.iter().any(|word| said.contains(word)));
        known.map_or(
            "look at the indentation, the quotes and the brackets, here and on the line above",
            |(_, hint)| hint,
        )
    };
    Problem::error(place, "this is not YAML")
        .with_cause(said)
        .with_hint(hint)
}

/// Finds the first tab or other odd blank in an indentation near the byte `at`, and its position. The parser stops at the end of the value above a tab; other
/// blanks it takes for letters, so that it stops at the line below them.
fn odd_indentation(text: &str, at: usize) -> Option<(usize, char)> {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let here = line_start(at);
    let above = line_start(here.saturating_sub(1));
    let mut start = above;
    // The line above, the line itself, and two below: further away the cause has not been seen.
    for line in text[above..].split_inclusive('\n').take(4) {
        let mut blanks = line.char_indices().take_while(|(_, c)| c.is_whitespace());
        let odd = blanks.find(|(_, c)| match c {
            '\t' => start >= here,
            c => !c.is_ascii(),
        });
        if let Some((at, odd)) = odd {
            return Some((start + at, odd));
        }
        start += line.len();
    }
    None
}

/// Typographic quotation marks, which word processors write instead of `"` and `'`.
pub(super) const TYPOGRAPHIC_QUOTES: [char; 5] = ['“', '”', '„', '‘', '’'];

/// Words in the errors of the two parsers (saphyr and libyaml), and the hint for each; the first match counts.
const SYNTAX_HINTS: [(&[&str], &str); 5] = [
    (
        &["in quoted scalar", "scanning a quoted scalar"],
        "a quotation mark is opened here and never closed",
    ),
    (
        &["after double-quoted", "after single-quoted"],
        "the text goes on after its quotation mark; use the other kind of quotation mark around it",
    ),
    (
        &["mapping values are not allowed"],
        "a text with `: ` in it needs quotes; or the line is indented too far",
    ),
    (
        &["anchor"],
        "a text that begins with `*` or `&` needs quotes",
    ),
    (
        &["character", "token"],
        "a text that begins with a sign such as %, @ or ` needs quotes",
    ),
];
