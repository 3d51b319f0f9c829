//! The text of a file that a person wrote, with positions in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::text::floor_char_boundary;

/// The text of a file, kept so that problems can show their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// The offset at which each line begins, by which a line is found without reading those before it.
    lines: Vec<usize>,
}

/// A line and a column, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: path.into(),
            lines: std::iter::once(0).chain(breaks).collect(),
            text,
        }
    }

    /// The path as the person gave it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte offset. An offset past the end counts as the end, one inside a character as the character's start.
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line = self.lines.partition_point(|start| *start <= before.len());
        let start = self.lines[line - 1];
        Position {
            line,
            column: before[start..].chars().count() + 1,
        }
    }

    /// The byte range of line `line` (from 1) without its line break; empty at the end when there is no such line.
    pub fn line_span(&self, line: usize) -> Range<usize> {
        let end = self.text.len();
        let start = *self.lines.get(line.saturating_sub(1)).unwrap_or(&end);
        let next = self.lines.get(line.max(1));
        let written = &self.text[start..next.map_or(end, |next| next - 1)];
        // Files from Windows have `\r` in front of `\n`.
        start..start + written.trim_end_matches('\r').len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("a", "å: 1\nø: 2\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(2), Position { line: 1, column: 2 });
        assert_eq!(source.position(1), Position { line: 1, column: 1 });
        assert_eq!(source.position(6), Position { line: 2, column: 1 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_line_is_found_without_its_break() {
        let source = Source::new("a", "one\r\ntwo");
        assert_eq!(&source.text()[source.line_span(1)], "one");
        assert_eq!(&source.text()[source.line_span(2)], "two");
        assert!(source.line_span(3).is_empty());
    }
}
