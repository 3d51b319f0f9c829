//! A strict parser of delimited text by RFC 4180: one record at a time, with the line it begins on.
//!
//! No available parser refuses a value that is *nearly* quoted, or tells where it began; most read all rows up to the next quotation mark as part of it.
//! Here such a value is an error at its own line, and parsing continues with the line after it, so that the rows it would have swallowed are read as rows.

use std::io::{self, BufRead};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};

use crate::text::is_unseen;

/// The longest record, in bytes.
pub(crate) const ROW_LIMIT: usize = 1 << 20;

pub(super) struct Records<R> {
    reader: R,
    delimiter: u8,
    /// The end of a line: `\n`, or `\r` in files of old Macs, which have no `\n`.
    line_end: u8,
    /// The text from the current record on. After an error it may hold further lines, which are parsed again.
    buffer: Vec<u8>,
    /// The position in `buffer` at which the next record begins.
    next: usize,
    /// The line of that position, from 1.
    next_line: u64,
    ended: bool,
}

/// The values of a record. One record is filled again and again, so that its memory is reused.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The values one after the other, without enclosing quotation marks.
    pub(super) text: Vec<u8>,
    /// The end of each value in `text`.
    pub(super) ends: Vec<usize>,
    pub(super) line: u64,
    /// The number of quotation marks inside unquoted values.
    pub(super) loose_quotes: usize,
    /// The lines inside quoted values that span several lines.
    pub(super) parts: Vec<QuotedPart>,
}

/// A line of which a part is inside a quoted value.
#[derive(Debug)]
pub(super) struct QuotedPart {
    /// The whole line, as a range of the buffer.
    line: Range<usize>,
    /// The part inside the value, as a range of the buffer.
    part: Range<usize>,
    value_line: u64,
}

/// The reason why a record cannot be read, and the line on which its value begins.
#[derive(Debug)]
pub(super) struct RecordError {
    pub(super) kind: ErrorKind,
    pub(super) line: u64,
}

#[derive(Debug)]
pub(super) enum ErrorKind {
    Io(io::Error),
    /// A line is longer than [`ROW_LIMIT`] bytes; nothing is read after it.
    Endless,
    /// A quoted value ends neither before the file nor within [`ROW_LIMIT`] bytes.
    Unclosed,
    /// Blanks, and not the delimiter, follow a closing quotation mark; it is on this line.
    BlankAfterQuote(u64),
    /// Text follows it.
    TextAfterQuote(u64),
    /// Text follows it, and a backslash stands in front of it: `\"`.
    EscapedQuote(u64),
    /// Blanks stand in front of the opening quotation mark.
    BlankBeforeQuote,
    /// A carriage return without a line feed stands outside of quoted values.
    LoneReturn,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R, delimiter: u8, cr_ends_lines: bool) -> Self {
        Self {
            reader,
            delimiter,
            line_end: if cr_ends_lines { b'\r' } else { b'\n' },
            buffer: Vec::new(),
            next: 0,
            next_line: 1,
            ended: false,
        }
    }

    /// Reads the next record, also a blank line; false at the end. After an error the next call continues with the line after the one on which the faulty value began.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        record.text.clear();
        record.ends.clear();
        record.parts.clear();
        record.loose_quotes = 0;
        record.line = self.next_line;
        // The buffer is moved only when it is used up or large: moving it for every record would be quadratic.
        if self.next == self.buffer.len() || self.next > ROW_LIMIT {
            self.buffer.drain(..self.next);
            self.next = 0;
        }
        let begin = self.next;
        let line = match self.line_from(begin) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(false),
            Err(kind) => return Err(self.stop(kind)),
        };
        let content = self.content(line.clone());
        let bytes = self.buffer.get(content.clone()).unwrap_or_default();
        // Most lines have no quotation mark and are split by the fast path below.
        if memchr(b'"', bytes).is_some() {
            return self.quoted(line, record).map(|()| true);
        }
        self.next = line.end;
        self.next_line += 1;
        if memchr(b'\r', bytes).is_some() {
            return Err(RecordError {
                kind: ErrorKind::LoneReturn,
                line: record.line,
            });
        }
        let mut from = 0;
        for at in memchr_iter(self.delimiter, bytes) {
            record.push(bytes.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        record.push(bytes.get(from..).unwrap_or_default());
        Ok(true)
    }

    /// Goes back to the line after `line`, which must be one of the lines of the last record.
    pub(super) fn resume_after(&mut self, line: u64) {
        while self.next_line > line + 1 {
            let before = self.buffer.get(..self.next.saturating_sub(1));
            let end = before.and_then(|before| memrchr(b'\n', before));
            self.next = end.map_or(0, |end| end + 1);
            self.next_line -= 1;
        }
    }

    /// Reads a record with quotation marks in it; `line` is its first line.
    fn quoted(&mut self, mut line: Range<usize>, record: &mut Record) -> Result<(), RecordError> {
        let mut number = record.line;
        let mut at = line.start;
        loop {
            // Here `at` is the beginning of a value, and the line after it is where parsing continues after an error.
            let value_line = number;
            let resume = line.end;
            let read = if self.buffer.get(at) == Some(&b'"') {
                self.quoted_value(&mut at, &mut line, &mut number, record)
            } else {
                self.plain_value(&mut at, &line, record)
            };
            if let Err(kind) = read {
                if matches!(kind, ErrorKind::Io(_) | ErrorKind::Endless) {
                    return Err(RecordError {
                        line: value_line,
                        ..self.stop(kind)
                    });
                }
                self.next = resume;
                self.next_line = value_line + 1;
                return Err(RecordError {
                    kind,
                    line: value_line,
                });
            }
            let content = self.content(line.clone());
            if at < content.end {
                // Skips the delimiter.
                at += 1;
                continue;
            }
            self.next = line.end;
            self.next_line = number + 1;
            return Ok(());
        }
    }

    /// Reads a quoted value, whose quotation mark is at `at`. Afterwards `at` is behind the value, in `line`, whose number is `number`.
    fn quoted_value(
        &mut self,
        at: &mut usize,
        line: &mut Range<usize>,
        number: &mut u64,
        record: &mut Record,
    ) -> Result<(), ErrorKind> {
        let (first, value_line) = (*at, *number);
        *at += 1;
        loop {
            let rest = self.buffer.get(*at..line.end).unwrap_or_default();
            let Some(length) = memchr(b'"', rest) else {
                record.text.extend_from_slice(rest);
                record.part(line, (*at).max(line.start)..line.end, value_line);
                if line.end - first > ROW_LIMIT {
                    return Err(ErrorKind::Unclosed);
                }
                *line = self.line_from(line.end)?.ok_or(ErrorKind::Unclosed)?;
                *number += 1;
                *at = line.start;
                continue;
            };
            record
                .text
                .extend_from_slice(rest.get(..length).unwrap_or_default());
            let quote = *at + length;
            // A doubled quotation mark is one that belongs to the text.
            if self.buffer.get(quote + 1) == Some(&b'"') && quote + 1 < line.end {
                record.text.push(b'"');
                *at = quote + 2;
                continue;
            }
            if *number > value_line {
                record.part(line, line.start..quote, value_line);
            }
            *at = quote + 1;
            let end = self.content(line.clone()).end;
            let after = self.buffer.get(*at..end).unwrap_or_default();
            return match after.first() {
                Some(byte) if *byte != self.delimiter => {
                    Err(self.after_quote(first, quote, after, *number))
                }
                _ => {
                    record.ends.push(record.text.len());
                    Ok(())
                }
            };
        }
    }

    fn after_quote(&self, first: usize, quote: usize, after: &[u8], line: u64) -> ErrorKind {
        let end = memchr(self.delimiter, after).unwrap_or(after.len());
        let text = String::from_utf8_lossy(after.get(..end).unwrap_or_default());
        let before = quote.checked_sub(1).filter(|before| *before > first);
        if text.chars().all(is_unseen) {
            ErrorKind::BlankAfterQuote(line)
        } else if before.and_then(|before| self.buffer.get(before)) == Some(&b'\\') {
            ErrorKind::EscapedQuote(line)
        } else {
            ErrorKind::TextAfterQuote(line)
        }
    }

    /// Reads an unquoted value at `at`. Afterwards `at` is behind it.
    fn plain_value(
        &self,
        at: &mut usize,
        line: &Range<usize>,
        record: &mut Record,
    ) -> Result<(), ErrorKind> {
        let end = self.content(line.clone()).end;
        let rest = self.buffer.get(*at..end).unwrap_or_default();
        let value = memchr(self.delimiter, rest).map_or(rest, |length| &rest[..length]);
        *at += value.len();
        let quotes = memchr_iter(b'"', value);
        let count = quotes.count();
        if count > 0 {
            // Only for values with a quotation mark, because the conversion costs time.
            let text = String::from_utf8_lossy(value);
            if text.trim_start_matches(is_unseen).starts_with('"') {
                return Err(ErrorKind::BlankBeforeQuote);
            }
        }
        if memchr(b'\r', value).is_some() {
            return Err(ErrorKind::LoneReturn);
        }
        record.loose_quotes += count;
        record.push(value);
        Ok(())
    }

    /// Returns the line that begins at `from` in the buffer, including its end, and reads it if necessary. `None` at the end of the file.
    fn line_from(&mut self, from: usize) -> Result<Option<Range<usize>>, ErrorKind> {
        let known = self.buffer.get(from..).unwrap_or_default();
        if let Some(length) = memchr(b'\n', known) {
            return Ok(Some(from..from + length + 1));
        }
        while !self.ended {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ErrorKind::Io(error)),
            };
            if bytes.is_empty() {
                self.ended = true;
                break;
            }
            let end = memchr(self.line_end, bytes).map(|end| end + 1);
            let length = end.unwrap_or(bytes.len());
            self.buffer
                .extend_from_slice(bytes.get(..length).unwrap_or(bytes));
            self.reader.consume(length);
            if end.is_some() {
                // Lines of old Macs get the same end in the buffer as all others.
                if let Some(last) = self.buffer.last_mut() {
                    *last = b'\n';
                }
                break;
            }
            if self.buffer.len() - from > ROW_LIMIT {
                return Err(ErrorKind::Endless);
            }
        }
        Ok((self.buffer.len() > from).then_some(from..self.buffer.len()))
    }

    /// A line without its end: LF, CR LF, or CR CR LF, which programs write that convert line ends twice.
    fn content(&self, line: Range<usize>) -> Range<usize> {
        let bytes = self.buffer.get(line.clone()).unwrap_or_default();
        let mut length = bytes.len();
        if bytes.last() == Some(&b'\n') {
            length -= 1;
        }
        while length > 0 && bytes.get(length - 1) == Some(&b'\r') {
            length -= 1;
        }
        line.start..line.start + length
    }

    /// Ends parsing for good and returns the error.
    fn stop(&mut self, kind: ErrorKind) -> RecordError {
        self.ended = true;
        self.next = 0;
        self.buffer.clear();
        RecordError {
            kind,
            line: self.next_line,
        }
    }

    /// Finds a quoted value that holds another row: a line with as many values as there are `columns`, one of which `names_recipient` accepts; or with fewer, such as a row
    /// that was cut short, but one of these in the place of one of the record's own (`has_recipient`). Returns the line on which the value begins. The lines of genuine
    /// prose are not like that.
    pub(super) fn swallowed_row(
        &self,
        record: &Record,
        columns: Option<usize>,
        has_recipient: impl Fn(usize) -> bool,
        names_recipient: impl Fn(&str) -> bool,
    ) -> Option<u64> {
        let split = |range: &Range<usize>| {
            let bytes = self.buffer.get(range.clone()).unwrap_or_default();
            bytes.split(|byte| *byte == self.delimiter)
        };
        let is_recipient = |value: &[u8]| {
            let value = std::str::from_utf8(value).unwrap_or_default();
            let value = value.trim_matches(|c| is_unseen(c) || c == '"');
            !value.is_empty() && names_recipient(value)
        };
        let found = record.parts.iter().find(|part| {
            let whole = columns.is_none_or(|columns| split(&part.line).count() == columns);
            let has_several = split(&part.part).nth(1).is_some();
            let mut recipients = split(&part.part).map(is_recipient).enumerate();
            recipients.any(|(at, is)| is && (whole || has_several && has_recipient(at)))
        });
        found.map(|part| part.value_line)
    }
}

impl Record {
    /// The values as text, with replacement characters for invalid UTF-8.
    pub(super) fn values(&self) -> impl Iterator<Item = String> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| {
            let value = self.text.get(begin..*end).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        })
    }

    fn push(&mut self, value: &[u8]) {
        self.text.extend_from_slice(value);
        self.ends.push(self.text.len());
    }

    fn part(&mut self, line: &Range<usize>, part: Range<usize>, value_line: u64) {
        self.parts.push(QuotedPart {
            line: line.clone(),
            part,
            value_line,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Values = Vec<Vec<String>>;

    /// The records of a text; `None` when one of them is refused. Blank lines are left out.
    fn ours(text: &[u8]) -> Option<Values> {
        let mut records = Records::new(text, b';', false);
        let (mut record, mut all) = (Record::default(), Vec::new());
        while records.read(&mut record).ok()? {
            all.push(record.values().collect());
        }
        all.retain(|values: &Vec<String>| values != &[""]);
        Some(all)
    }

    fn another_reader(text: &[u8]) -> Values {
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(b';').has_headers(false).flexible(true);
        let records = reader.from_reader(text).into_records();
        let records = records.map(|record| record.unwrap().iter().map(str::to_owned).collect());
        records
            .filter(|values: &Vec<String>| values != &[""])
            .collect()
    }

    #[test]
    fn every_text_that_is_taken_is_read_as_another_reader_reads_it() {
        const SIGNS: &[u8] = b"a\";\n \\";
        let (mut taken, mut refused) = (0, 0);
        for length in 0..6 {
            for mut number in 0..SIGNS.len().pow(length) {
                let mut text = Vec::new();
                for _ in 0..length {
                    text.push(SIGNS[number % SIGNS.len()]);
                    number /= SIGNS.len();
                }
                match ours(&text) {
                    Some(values) => {
                        taken += 1;
                        assert_eq!(values, another_reader(&text), "{:?}", text.escape_ascii());
                    }
                    None => refused += 1,
                }
            }
        }
        assert!(taken > 5000 && refused > 2000, "{taken} {refused}");
    }

    /// Each judged by Python's `csv` module, `csv.reader(text.splitlines(True), delimiter=";", strict=True)`, and the one thing that it lets pass: blanks
    /// before a quotation mark.
    #[test]
    fn what_a_strict_reader_refuses_is_refused() {
        for (text, taken) in [
            ("a;b\n", true),
            ("a;\"b\"\n", true),
            ("a;\"b\"c\n", false),
            ("a;\"b\" \n", false),
            ("\"a\"\";b\n", false),
            ("\"a\"\"\";b\n", true),
            ("a;\"b\n", false),
            ("a;\"b\nc;d\n", false),
            ("a;\"b\nc\";d\n", true),
            ("a;\"b\nc\"d\n", false),
            ("a;24\" b\n", true),
            ("a;b\"\n", true),
            ("a;\"\\\"\n", true),
            ("\"\\\"a\\\"\";b\n", false),
            ("\"C:\\Users\\\";b\n", true),
            ("\"a\\\"b\";c\n", false),
            ("\"\"\n", true),
            ("\"\";\"\"\n", true),
            ("\"\"\"\";a\n", true),
            ("\"\"\"\n", false),
            ("a;\"b\"\"\n", false),
            ("a;\"b\";\n", true),
            ("\"a\"\n\"b\n", false),
        ] {
            assert_eq!(ours(text.as_bytes()).is_some(), taken, "{text:?}");
        }
    }
}
