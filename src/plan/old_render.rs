//! An earlier output of `massebrev render`, to be compared with the letters of now. Only the place of each letter in the file is kept: 32 bytes a letter.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::Digester;
use super::difference::{Request, unified};
use super::request_line::RequestLine;
use crate::plain_file;

#[derive(Debug)]
pub(crate) struct OldRender {
    path: PathBuf,
    file: BufReader<File>,
    /// The offset in bytes at which the file is read next.
    at: u64,
    /// The letters, sorted by key.
    slots: Vec<Slot>,
    /// The value of `now()` in the first letter that tells it.
    now: Option<Timestamp>,
}

/// The place of a letter in the file, and the first 8 bytes of its request's digest.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: Uuid,
    offset: u64,
    request: u64,
}

/// The difference between a letter of now and the earlier output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LetterChange {
    New,
    /// The request is the same, byte for byte or as the same JSON in another form.
    Same,
    /// The request differs; holds a unified diff, with recipients and identity numbers masked.
    Changed(String),
}

/// A letter of the earlier output that is not among the letters of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemovedLetter {
    pub row: u64,
    pub line: u64,
    /// The sender's own reference. May hold an identity number.
    pub reference: String,
}

/// The reason why a file is no output of `massebrev render`.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct OldRenderError {
    message: String,
    pub hint: Option<&'static str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The most bytes of a line that are read. Altinn takes no letter of this size, and a file of another kind must not fill the memory.
const LINE_LIMIT: u64 = 64 * 1024 * 1024;

/// Windows PowerShell writes it in front of redirected output.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl OldRender {
    /// Reads the file once to find the place of each letter. An empty file, a line of another form and a repeated key are errors.
    pub(crate) fn open(path: &Path) -> Result<Self, OldRenderError> {
        let shown = path.display();
        let file = plain_file::open(path).map_err(|error| match error.kind() {
            // A pipe, a folder or something else that can be read once at most.
            io::ErrorKind::InvalidInput => OldRenderError::new(
                format!("{shown} is not a plain file"),
                "write the output to compare with into a file first: it is read more than once",
            ),
            _ => OldRenderError::unreadable(path, error),
        })?;
        let mut earlier = Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(64 * 1024, file),
            at: 0,
            slots: Vec::new(),
            now: None,
        };
        earlier.find_letters()?;
        if earlier.slots.is_empty() {
            return Err(OldRenderError::new(
                format!("{shown} is empty"),
                "a mailing with errors renders nothing, and `> FILE` empties the file before it is read",
            ));
        }
        earlier.refuse_duplicates()?;
        Ok(earlier)
    }

    /// The value of `now()` in the earlier output, if it is told: letters compared with another `now()` would differ in every date counted from it.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Compares a letter of now, as [`super::request_line::write`] writes it, with its earlier request.
    pub(crate) fn compare(&mut self, line: &[u8]) -> Result<LetterChange, OldRenderError> {
        let now = read(line).map_err(|source| self.malformed(0, source))?;
        let found = self.slots.binary_search_by_key(&now.key, |slot| slot.key);
        let Some(slot) = found.ok().and_then(|at| self.slots.get(at)).copied() else {
            return Ok(LetterChange::New);
        };
        // Nearly all letters are the same, and need neither a seek nor a parse.
        if slot.request == request_head(&now) {
            return Ok(LetterChange::Same);
        }
        let old = self.read_at(slot.offset)?;
        let old = read(&old).and_then(|old| Request::from_line(&old));
        let old = old.map_err(|source| self.malformed_at(slot.offset, source))?;
        let now = Request::from_line(&now).map_err(|source| self.malformed(0, source))?;
        let difference = unified(&old, &now);
        // Different bytes may be the same request: the order of members is not significant.
        Ok(if difference.is_empty() {
            LetterChange::Same
        } else {
            LetterChange::Changed(difference)
        })
    }

    /// The letters that are not there any more, in the order of the file. `is_letter` tells whether the first 8 bytes of a key belong to a letter of now.
    pub(crate) fn gone(
        &mut self,
        is_letter: impl Fn(u64) -> bool,
    ) -> impl Iterator<Item = Result<RemovedLetter, OldRenderError>> {
        let is_gone = |slot: &&Slot| !is_letter(slot.key.as_u64_pair().0);
        let gone = self.slots.iter().filter(is_gone);
        let mut offsets: Vec<_> = gone.map(|slot| slot.offset).collect();
        // `slots` is sorted by key; the file's own order is what people compare with, and reads fastest.
        offsets.sort_unstable();
        offsets
            .into_iter()
            .map(|offset| self.removed_letter_at(offset))
    }

    fn removed_letter_at(&mut self, offset: u64) -> Result<RemovedLetter, OldRenderError> {
        let line = self.read_at(offset)?;
        let failed = |source| self.malformed_at(offset, source);
        let line = read(&line).map_err(failed)?;
        let body: Value = serde_json::from_str(line.body.get()).map_err(failed)?;
        let reference = body.pointer("/correspondence/sendersReference");
        let reference = reference.and_then(Value::as_str);
        Ok(RemovedLetter {
            row: line.row,
            line: line.line,
            reference: reference.unwrap_or_default().to_owned(),
        })
    }

    /// Reads all lines and keeps the place of each letter, sorted by key.
    fn find_letters(&mut self) -> Result<(), OldRenderError> {
        let mut line = Vec::new();
        for number in 1.. {
            let offset = self.at;
            if self.next_line(&mut line)? == 0 {
                break;
            }
            // Editors add empty lines.
            if line.trim_ascii().is_empty() {
                continue;
            }
            let letter = read(&line).map_err(|source| self.malformed(number, source))?;
            // The first letter that tells it is enough: all letters of a run share the value.
            self.now = self.now.or(letter.now);
            self.slots.push(Slot {
                key: letter.key,
                offset,
                request: request_head(&letter),
            });
        }
        self.slots
            .sort_unstable_by_key(|slot| (slot.key, slot.offset));
        // The file may hold millions of letters, and a vector grows to twice its need.
        self.slots.shrink_to_fit();
        Ok(())
    }

    /// Refuses a file in which a key stands twice: it would not be known which of the two to compare with.
    fn refuse_duplicates(&self) -> Result<(), OldRenderError> {
        let mut pairs = self.slots.windows(2);
        let Some(twins) = pairs.find(|pair| pair[0].key == pair[1].key) else {
            return Ok(());
        };
        let line = self.number_of(twins[1].offset);
        let key = twins[1].key;
        Err(OldRenderError::new(
            format!(
                "{}:{line}: the key {key} stands in an earlier line too",
                self.path.display()
            ),
            "compare with the output of one run of `massebrev render`",
        ))
    }

    fn read_at(&mut self, offset: u64) -> Result<Vec<u8>, OldRenderError> {
        let step =
            i64::try_from(offset).unwrap_or(i64::MAX) - i64::try_from(self.at).unwrap_or(i64::MAX);
        // Letters mostly come in the order of the file: a relative seek keeps what the buffer has read ahead.
        self.file
            .seek_relative(step)
            .map_err(|error| OldRenderError::unreadable(&self.path, error))?;
        self.at = offset;
        let mut line = Vec::new();
        self.next_line(&mut line)?;
        Ok(line)
    }

    fn next_line(&mut self, line: &mut Vec<u8>) -> Result<usize, OldRenderError> {
        line.clear();
        // A longer line is cut, and then does not parse.
        let read = (&mut self.file).take(LINE_LIMIT).read_until(b'\n', line);
        let length = read.map_err(|error| OldRenderError::unreadable(&self.path, error))?;
        self.at += length as u64;
        Ok(length)
    }

    /// The number of the line that begins at an offset. It is counted from the start of the file, because only errors need it.
    fn number_of(&self, offset: u64) -> u64 {
        let before = |file: File| {
            let bytes = BufReader::new(file.take(offset)).bytes();
            bytes
                .map_while(Result::ok)
                .filter(|byte| *byte == b'\n')
                .count() as u64
        };
        File::open(&self.path).map_or(0, before) + 1
    }

    fn malformed_at(&self, offset: u64, source: serde_json::Error) -> OldRenderError {
        self.malformed(self.number_of(offset), source)
    }

    fn malformed(&self, line: u64, source: serde_json::Error) -> OldRenderError {
        let path = self.path.display();
        OldRenderError {
            source: Some(source.into()),
            ..OldRenderError::new(
                format!("{path}:{line}: not a line that `massebrev render` has written"),
                "keep the output of `massebrev render MANIFEST > OLD` as it is; old versions of PowerShell write UTF-16, which it must not be",
            )
        }
    }
}

impl OldRenderError {
    fn new(message: String, hint: &'static str) -> Self {
        Self {
            message,
            hint: Some(hint),
            source: None,
        }
    }

    fn unreadable(path: &Path, error: io::Error) -> Self {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        Self {
            message: format!("cannot read {}", path.display()),
            hint: is_missing.then_some(
                "OLD is a file with an earlier output, as `massebrev render MANIFEST > OLD` writes it, or a plan as `sha256:…`",
            ),
            source: Some(error.into()),
        }
    }
}

fn read(line: &[u8]) -> Result<RequestLine<'_>, serde_json::Error> {
    serde_json::from_slice(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line))
}

/// The first 8 bytes of the digest of the request: path, body and files, and not the row's place in the file.
fn request_head(line: &RequestLine<'_>) -> u64 {
    let mut digester = Digester::default();
    for part in [&line.path, line.body.get(), line.files.get()] {
        digester.part(part.as_bytes());
    }
    digester.finish().short()
}
