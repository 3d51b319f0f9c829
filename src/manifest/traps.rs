//! What YAML allows and a manifest does not, and what is not YAML.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::Tag;

use super::syntax;
use crate::diagnostic::{Place, Problem, Problems, Source};

/// How many problems are worth reading.
pub(super) const PROBLEM_LIMIT: usize = 100;

/// What `serde_yaml` reads as a number that JSON does not have.
const NOT_NUMBERS: [&str; 12] = [
    ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN",
    ".NAN",
];

/// The tags that only say what a value is anyway.
const KNOWN_TAGS: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];

/// The problems of one source.
#[derive(Debug)]
pub(super) struct Traps<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) problems: Problems,
}

impl Traps<'_> {
    /// One more problem.
    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = Place::Source {
            source: Arc::clone(self.source),
            span,
        };
        self.problems
            .push(Problem::error(place, message).with_hint(hint));
    }

    /// The text of a span.
    pub(super) fn text(&self, span: &Range<usize>) -> &str {
        self.source.text().get(span.clone()).unwrap_or_default()
    }

    /// A character that may not stand in YAML at all; whether there is none.
    pub(super) fn characters(&mut self) -> bool {
        let mut characters = self.source.text().char_indices();
        let Some((at, character)) = characters.find(|(_, c)| syntax::is_forbidden(*c)) else {
            return true;
        };
        let number = u32::from(character);
        let message = format!("the character U+{number:04X} cannot stand in YAML");
        self.error(at..at + character.len_utf8(), message, "remove it");
        false
    }

    /// A plain scalar that is a number to YAML, but not to JSON.
    pub(super) fn number(&mut self, text: &str, span: &Range<usize>) {
        if NOT_NUMBERS.contains(&text) {
            let message = "infinity and not-a-number have no place here";
            self.error(span.clone(), message, "quote it, if it is a text");
        }
    }

    /// A key that was there before.
    pub(super) fn duplicate(&mut self, span: Range<usize>, first: &Range<usize>) {
        let message = format!("`{}` is there twice", self.text(&span));
        let line = self.source.position(first.start).line;
        let hint = format!("keep one of them; the first is on line {line}");
        self.error(span, message, hint);
    }

    /// The beginning of a second document.
    pub(super) fn second_document(&mut self, span: Range<usize>) {
        let hint = "remove the `---` and what follows it: one file holds one mailing";
        self.error(span, "a second document begins here", hint);
    }

    /// A tag that would make a value something else.
    pub(super) fn tag(&mut self, tag: Option<&Tag>, span: &Range<usize>) {
        let Some(tag) = tag else { return };
        if tag.is_yaml_core_schema() && KNOWN_TAGS.contains(&tag.suffix.as_str()) {
            return;
        }
        let text = self.text(span);
        let length = text.find(char::is_whitespace).unwrap_or(text.len());
        let hint = match tag.suffix.as_str() {
            "env" => "where a value may come from the environment, its member is called `env`",
            _ => "remove it; a text that begins with `!` needs quotes",
        };
        let span = span.start..span.start + length;
        self.error(span, "YAML tags mean nothing here", hint);
    }

    /// A mapping where a key should be: nearly always a template without quotes, `title: {{ name }}`. `outer` is where the mapping around it begins.
    pub(super) fn mapping_as_key(&mut self, outer: usize, span: &Range<usize>) {
        let rest = self.source.text().get(outer..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        if !line.starts_with("{{") {
            return self.structure_as_key(span);
        }
        let length = line.find("}}").map_or(line.len(), |end| end + 2);
        let hint = format!("write '{}'", &line[..length]);
        self.error(outer..outer + length, "a template without quotes", hint);
    }

    /// A mapping or list where a key should be.
    pub(super) fn structure_as_key(&mut self, span: &Range<usize>) {
        let message = "a mapping or list stands where a key should be";
        self.error(span.clone(), message, "a key is a plain text");
    }

    /// What the parser could not read, unless it only follows from another problem on the same line.
    pub(super) fn syntax(&mut self, at: usize, said: &str) {
        let line = self.source.position(at).line;
        let known = self.problems.iter().any(|other| match &other.place {
            Place::Source { span, .. } => self.source.position(span.start).line == line,
            Place::File(_) | Place::Row { .. } => false,
        });
        if !known {
            self.problems.push(syntax::problem(self.source, at, said));
        }
    }
}
