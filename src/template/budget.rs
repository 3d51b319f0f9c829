//! What one rendering may use up: work, memory and text are counted, so that a hostile template ends, and ends alike on every machine.
//!
//! Tera takes plain functions for escaping and gives filters no room of ours; what they have to know of the rendering they are part of stands here,
//! once for each thread.

use std::cell::Cell;
use std::io::{self, Write};

use tera::{Error, Value};

use super::language::Language;

/// How many bytes one template may render to.
pub const TEXT_LIMIT: usize = 1 << 20;

/// How many bytes one value may have that a template keeps or makes.
pub(super) const VALUE_LIMIT: usize = 128 << 10;

/// How many bytes all values may have that a template keeps.
const KEPT_LIMIT: usize = 32 << 20;

/// How much work a rendering may be: about the words in the template, times how often they are gone through.
const WORK_LIMIT: u64 = 20_000_000;

/// Values up to this length make a template no slower; longer ones count for more.
const PLAIN_LENGTH: u64 = 64;

/// What a template is rendered under.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// How much work it is to go through the template once, with what it includes.
    pub(super) weight: u64,
    /// How long its longest value is.
    pub(super) longest: usize,
    /// The language that dates and numbers are written in when the template does not say.
    pub(super) language: Language,
}

thread_local! {
    static TERMS: Cell<Terms> = Cell::default();
    static WORK: Cell<u64> = const { Cell::new(WORK_LIMIT) };
    static KEPT: Cell<usize> = const { Cell::new(0) };
    static LINE_BEGINS: Cell<bool> = const { Cell::new(true) };
    static LINE_MARK: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Begins a rendering on this thread.
pub(super) fn begin(terms: Terms) -> Result<(), Error> {
    TERMS.set(terms);
    WORK.set(WORK_LIMIT);
    KEPT.set(0);
    LINE_BEGINS.set(true);
    LINE_MARK.set(None);
    pass()
}

/// Counts one pass through the template: at its beginning, and each time round a loop.
pub(super) fn pass() -> Result<(), Error> {
    let Terms {
        weight, longest, ..
    } = TERMS.get();
    let longer = 1 + longest as u64 / PLAIN_LENGTH;
    spend(weight.saturating_mul(longer))
}

/// Counts work that a function does.
pub(super) fn spend(work: u64) -> Result<(), Error> {
    match WORK.get().checked_sub(work) {
        Some(left) => {
            WORK.set(left);
            Ok(())
        }
        None => Err(Error::message(TOO_MUCH_WORK)),
    }
}

/// What is said of a template that does not end; its hint is [`ENDLESS_HINT`].
pub(super) const TOO_MUCH_WORK: &str = "the template is more work than any letter, and was stopped";
/// What is said of a template that makes a value too long.
pub(super) const TOO_LONG: &str = "a value in the template grows past 128 KB";
/// What is said of a template that keeps too much.
pub(super) const TOO_MUCH_KEPT: &str = "the template keeps more than 32 MB of values";
/// What to do about a template that does not end or grows without end.
pub(super) const ENDLESS_HINT: &str =
    "look for loops within loops, and for a value that is made longer again and again";

/// Counts a value that the template keeps under a name.
pub(super) fn keep(value: &Value) -> Result<(), Error> {
    let size = size(value);
    if size > VALUE_LIMIT {
        return Err(Error::message(TOO_LONG));
    }
    let kept = KEPT.get() + size;
    if kept > KEPT_LIMIT {
        return Err(Error::message(TOO_MUCH_KEPT));
    }
    KEPT.set(kept);
    let mut terms = TERMS.get();
    terms.longest = terms.longest.max(size);
    TERMS.set(terms);
    Ok(())
}

/// About how many bytes a value is written with, counted up to a little past the limit: the same list inside itself many times is as long as it looks.
pub(super) fn size(value: &Value) -> usize {
    fn add(value: &Value, sum: &mut usize) {
        if *sum > VALUE_LIMIT {
            return;
        }
        *sum += 1;
        if let Some(text) = value.as_str() {
            *sum += text.len();
        } else if let Some(items) = value.as_array() {
            for item in items {
                add(item, sum);
            }
        } else if let Some(members) = value.as_map() {
            for (key, member) in members {
                *sum += key.as_str().map_or(1, str::len);
                add(member, sum);
            }
        }
    }
    let mut sum = 0;
    add(value, &mut sum);
    sum
}

/// The language that the rendering is in.
pub(super) fn language() -> Language {
    TERMS.get().language
}

/// Whether nothing stands on the line so far but what may stand before the beginning of a Markdown block.
pub(super) fn line_begins() -> bool {
    LINE_BEGINS.get()
}

/// Whether the line is a heading or a row of a table, which end where it ends.
pub(super) fn is_one_line() -> bool {
    matches!(LINE_MARK.get(), Some(b'#' | b'|'))
}

/// Remembers the first byte of the line that is being written.
fn mark_line(bytes: &[u8]) {
    let begins = bytes.iter().rposition(|byte| *byte == b'\n');
    let line = match begins {
        Some(at) => bytes.get(at + 1..).unwrap_or_default(),
        None if LINE_MARK.get().is_some() => return,
        None => bytes,
    };
    LINE_MARK.set(line.iter().copied().find(|byte| *byte != b' '));
}

/// A text that does not grow without end, and says where lines begin.
#[derive(Debug)]
pub(super) struct Limited<'a> {
    text: &'a mut Vec<u8>,
    end: usize,
    pub(super) is_over: bool,
}

impl<'a> Limited<'a> {
    pub(super) fn new(text: &'a mut Vec<u8>) -> Self {
        Self {
            end: text.len() + TEXT_LIMIT,
            text,
            is_over: false,
        }
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.end {
            self.is_over = true;
            return Err(io::Error::other("the text is too long"));
        }
        self.text.extend_from_slice(bytes);
        mark_line(bytes);
        for byte in bytes.iter().rev() {
            match byte {
                b'\n' | b'\r' => {
                    LINE_BEGINS.set(true);
                    break;
                }
                // Indents, quotations, items of lists, headings and cells of tables.
                b' '
                | b'\t'
                | b'>'
                | b'*'
                | b'+'
                | b'-'
                | b'#'
                | b'0'..=b'9'
                | b'.'
                | b')'
                | b'|' => {}
                _ => {
                    LINE_BEGINS.set(false);
                    break;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_inside_itself_is_as_long_as_it_looks() {
        let mut list = Value::from(vec![Value::from(1), Value::from("ab")]);
        assert_eq!(size(&list), 5);
        for _ in 0..60 {
            list = Value::from(vec![list.clone(), list]);
        }
        assert!(size(&list) > VALUE_LIMIT);
    }

    #[test]
    fn headings_and_rows_of_tables_are_one_line() {
        for (before, one_line) in [
            ("", false),
            ("## Til ", true),
            ("Hei\n\n | a ", true),
            ("# Til\nHei ", false),
            ("Sak # ", false),
        ] {
            begin(Terms::default()).unwrap();
            let mut text = Vec::new();
            let mut limited = Limited::new(&mut text);
            for byte in before.bytes() {
                limited.write_all(&[byte]).unwrap();
            }
            assert_eq!(is_one_line(), one_line, "{before:?}");
        }
    }

    #[test]
    fn what_stands_before_a_value_says_whether_its_line_begins() {
        for (before, begins) in [
            ("", true),
            ("Hei ", false),
            ("Hei,\n", true),
            ("Hei\n\n* ", true),
            ("Hei\n> 1. ", true),
            ("Hei\n# Til ", false),
        ] {
            begin(Terms::default()).unwrap();
            let mut text = Vec::new();
            Limited::new(&mut text)
                .write_all(before.as_bytes())
                .unwrap();
            assert_eq!(line_begins(), begins, "{before:?}");
        }
    }
}
