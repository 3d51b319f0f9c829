//! The writer that templates render into. It limits the length, and knows what filters and escaping depend on.
//!
//! Tera takes a plain function for escaping and passes no state of ours to filters. So the letter's language and the beginning of the current line go through
//! thread-local variables, which is safe because a rendering never changes its thread.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

use tera::{Error, Kwargs};

use super::error::failure;
use crate::correspondence::Language;

/// The largest text that a template may render to, in bytes. It is the only defence against endless templates, and enough, because their author is the sender.
pub(crate) const TEXT_LIMIT: usize = 1 << 20;

/// The beginning of the current line, as far as it matters to Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// True when the line so far holds only signs after which a block may begin, such as blanks, quote signs and list markers.
    pub(super) begins: bool,
    /// True for a heading or a row of a table, which end with the line.
    pub(super) is_one_line: bool,
}

thread_local! {
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::Bokmal) };
    /// Set by the writer's `flush`, by which escaping recognises it behind Tera's `dyn Write`.
    static LINE: Cell<Option<Line>> = const { Cell::new(None) };
    /// Values with signs that were written as character references.
    static PROTECTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The largest number of values that are recorded for a row.
const NOTED: usize = 16;

/// Records a value with a sign that was written as a character reference.
pub(super) fn note_protected(value: &str) {
    PROTECTED.with_borrow_mut(|noted| {
        if noted.len() < NOTED && !noted.iter().any(|other| other == value) {
            noted.push(value.to_owned());
        }
    });
}

/// Returns and clears the values that this thread has written with character references, because readers would otherwise see them as headings, lists, links or
/// other Markdown.
pub(crate) fn take_protected() -> Vec<String> {
    PROTECTED.take()
}

/// The language in the argument `lang`, or the letter's own.
pub(super) fn language_argument(by: &Kwargs) -> Result<Language, Error> {
    match by
        .get::<&str>("lang")?
        .filter(|named| !named.trim().is_empty())
    {
        None => Ok(LANGUAGE.get()),
        Some(named) => Language::parse(named)
            .ok_or_else(|| failure("`lang` must be `nb`, `nn` or `en`", named)),
    }
}

/// The beginning of the line that `output` continues.
///
/// Tera escapes into the letter or, inside `set`, `filter`, components and `super()`, into a buffer of its own. They are told apart by a flush, which only the
/// letter's writer records. The text of a buffer may end up anywhere, so it is always escaped as if it began a line, which is correct in every place.
pub(super) fn line_of(output: &mut dyn Write) -> Line {
    LINE.set(None);
    // Flushing a buffer cannot fail.
    let _ = output.flush();
    LINE.take().unwrap_or(Line {
        begins: true,
        is_one_line: false,
    })
}

/// A writer that limits the length of a text, and tells how the current line begins.
#[derive(Debug)]
pub(super) struct LimitedWriter {
    pub(super) text: String,
}

impl LimitedWriter {
    /// Begins a rendering on this thread.
    pub(super) fn new(language: Language) -> Self {
        LANGUAGE.set(language);
        Self {
            // Enough for most members.
            text: String::with_capacity(256),
        }
    }

    fn line(&self) -> Line {
        let line = self.text.rsplit('\n').next().unwrap_or_default();
        let last = line.rsplit('\r').next().unwrap_or_default();
        // Signs of indents, quotes, list items, headings and table cells, after which a block may begin.
        let is_sign = |byte: u8| b" \t>*+-#0123456789.)|".contains(&byte);
        Line {
            begins: last.bytes().all(is_sign),
            is_one_line: line.trim_start_matches(' ').starts_with(['#', '|']),
        }
    }
}

impl Write for LimitedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > TEXT_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Tera and escaping write whole characters.
        let text = simdutf8::basic::from_utf8(bytes).map_err(io::Error::other)?;
        self.text.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        LINE.set(Some(self.line()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_after(before: &str, step: usize) -> Line {
        let mut writer = LimitedWriter::new(Language::Bokmal);
        for bytes in before.as_bytes().chunks(step) {
            writer.write_all(bytes).unwrap();
        }
        line_of(&mut writer)
    }

    #[test]
    fn what_stands_before_a_value_says_how_its_line_began() {
        for (before, begins, is_one_line) in [
            ("", true, false),
            ("Hei ", false, false),
            ("Hei,\n", true, false),
            ("Hei\n\n* ", true, false),
            ("Hei\n> 1. ", true, false),
            ("Hei\n# Til ", false, true),
            ("## Til ", false, true),
            ("Hei\n\n | a ", false, true),
            ("# Til\nHei ", false, false),
            ("Sak # ", false, false),
        ] {
            let line = Line {
                begins,
                is_one_line,
            };
            assert_eq!(line_after(before, 1), line, "{before:?}");
            assert_eq!(line_after(before, 100), line, "{before:?}");
        }
    }

    #[test]
    fn a_buffer_of_teras_may_end_up_where_a_line_begins() {
        let mut writer = LimitedWriter::new(Language::Bokmal);
        writer.write_all(b"# Hei ").unwrap();
        let line = line_of(&mut Vec::new());
        assert_eq!(
            line,
            Line {
                begins: true,
                is_one_line: false
            }
        );
    }

    #[test]
    fn a_text_has_a_limit() {
        let mut writer = LimitedWriter::new(Language::Bokmal);
        writer.write_all(&vec![b'x'; TEXT_LIMIT]).unwrap();
        let error = writer.write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
