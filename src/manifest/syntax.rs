//! What is not YAML at all, said so that its writer can mend it.

use std::sync::Arc;

use crate::diagnostic::{Place, Problem, Source};

/// Whether a character cannot stand in YAML, not even in quotes.
pub(super) fn is_forbidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        character => character.is_control(),
    }
}

/// The problem behind what a YAML parser says about the byte `at`.
pub(super) fn problem(source: &Arc<Source>, at: usize, said: &str) -> Problem {
    let text = source.text();
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let line = &text[source.line_span(source.position(at).line)];
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    let place = Place::Source {
        source: Arc::clone(source),
        span: at..at + length,
    };
    if said.contains("recursion limit") {
        return Problem::error(place, "nested too deep")
            .with_hint("a manifest needs no more than eight levels");
    }
    if said.contains("out of range") {
        return Problem::error(place, "the number is too large")
            .with_hint("quote it, if it is a text");
    }
    let indentation = &line[..line.len() - line.trim_start().len()];
    if said.contains("tab") || indentation.contains('\t') {
        return Problem::error(place, "a tab in the indentation").with_hint("indent with spaces");
    }
    // The place is shown anyway.
    let said = said.find(" at line ").map_or(said, |end| &said[..end]);
    Problem::error(place, "this is not YAML")
        .with_cause(said)
        .with_hint(hint(line, said))
}

fn hint(line: &str, said: &str) -> &'static str {
    if line.contains("{{") || line.contains("{%") {
        "put the text with the template in single quotes, '…', or on lines of its own under `|`"
    } else if said.contains("in quoted scalar") || said.contains("scanning a quoted scalar") {
        "a quotation mark is opened here and never closed"
    } else if said.contains("after double-quoted") || said.contains("after single-quoted") {
        "the text goes on after its quotation mark; use the other kind of quotation mark around it"
    } else if said.contains("mapping values are not allowed") {
        "a text with `: ` in it needs quotes; or the line is indented too far"
    } else if said.contains("anchor") {
        "a text that begins with `*` or `&` needs quotes"
    } else if said.contains("character") || said.contains("token") {
        "a text that begins with a sign such as %, @ or ` needs quotes"
    } else {
        "look at the indentation, the quotes and the brackets, here and on the line above"
    }
}
