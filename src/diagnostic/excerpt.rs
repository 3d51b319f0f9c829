//! The source line of a problem, masked for showing.

use std::ops::Range;

use super::Source;
use crate::secret;
use crate::text::floor_char_boundary;

/// The longest line that is shown, in bytes: no terminal shows more of it, and masking takes time.
const LINE_LIMIT: usize = 200_000;
/// The length, in bytes, from which a run of letters and digits is taken for a key or a token.
const SECRET_LENGTH: usize = 60;

/// One line, and the part of it that a problem is about.
pub(super) struct Excerpt {
    /// The text, with identity numbers and long keys masked.
    pub(super) text: String,
    /// The bytes of `text` that are marked.
    pub(super) span: Range<usize>,
}

/// The line at the beginning of a span, marked at most to the line's end; `None` for a line that is too long to be of use.
pub(super) fn excerpt(source: &Source, span: &Range<usize>) -> Option<Excerpt> {
    let text = source.text();
    let start = floor_char_boundary(text, span.start);
    let from = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    // A span over several lines is marked on its first line only.
    let to = text[start..]
        .find(['\n', '\r'])
        .map_or(text.len(), |newline| start + newline);
    if to - from > LINE_LIMIT {
        return None;
    }
    let end = floor_char_boundary(text, span.end).clamp(start, to);
    let line = mask(&text[from..to]);
    // A mask of another length would put the mark in the wrong place: then no line is shown.
    (line.len() == to - from).then_some(Excerpt {
        text: line,
        span: start - from..end - from,
    })
}

/// Replaces identity numbers and long keys by stars; every other byte keeps its place.
fn mask(line: &str) -> String {
    let line = secret::redact(line);
    let mut masked = String::with_capacity(line.len());
    let mut rest: &str = &line;
    while let Some(first) = rest.chars().next() {
        // The characters of base64 and base64url.
        let is_key = |c: char| c.is_ascii_alphanumeric() || "+/_-=".contains(c);
        let run = rest.find(|c| !is_key(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(run.max(first.len_utf8()));
        // Any long run, because a key in the wrong place may have any name.
        if run.len() >= SECRET_LENGTH {
            masked.extend(std::iter::repeat_n('*', run.len()));
        } else {
            masked.push_str(run);
        }
        rest = after;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marked: &str) -> (String, String) {
        let start = text.find(marked).unwrap();
        let source = Source::new("a", text);
        let excerpt = excerpt(&source, &(start..start + marked.len())).unwrap();
        let marked = excerpt.text[excerpt.span].to_owned();
        (excerpt.text, marked)
    }

    #[test]
    fn a_span_is_marked_to_the_end_of_its_first_line() {
        let (line, marked) = shown("a: 1\r\nb: å\r\nc: 2", "b: å\r\nc");
        assert_eq!((line.as_str(), marked.as_str()), ("b: å", "b: å"));
    }

    #[test]
    fn numbers_and_keys_are_stars_and_nothing_moves() {
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        let text = format!("å: [07827199405, {key}, here]");
        let (line, marked) = shown(&text, "here");
        assert!(!line.contains("99405") && !line.contains("MIIE"), "{line}");
        assert_eq!((line.len(), marked.as_str()), (text.len(), "here"));
    }

    #[test]
    fn a_span_outside_the_text_is_its_end() {
        let source = Source::new("a", "å");
        let excerpt = excerpt(&source, &(1..99)).unwrap();
        assert_eq!(excerpt.span, 0..2);
        let source = Source::new("a", "x".repeat(LINE_LIMIT + 1));
        assert!(super::excerpt(&source, &(0..1)).is_none());
    }
}
