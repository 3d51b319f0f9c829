//! The text of a template or of a file it includes: mistakes are told where they were written.

use std::ops::Range;
use std::sync::Arc;

use super::budget::{ENDLESS_HINT, TOO_LONG, TOO_MUCH_KEPT, TOO_MUCH_WORK};
use super::error::{CAUSE, TemplateError, shown};
use super::names::Names;
use super::scan::{Refused, Scan, Spoken};
use crate::diagnostic::Source;
use crate::secret::redact;

/// The template itself or one of its files.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) name: String,
    source: Arc<Source>,
    is_file: bool,
    /// What Tera sees and nobody wrote.
    inserted: Vec<Inserted>,
}

/// Something in a line of the text that Tera sees.
#[derive(Debug)]
struct Inserted {
    /// The line, from 1.
    line: usize,
    /// The column in characters, from 0.
    column: usize,
    length: usize,
}

impl Piece {
    pub(super) fn new(name: &str, source: Arc<Source>, is_file: bool, scan: &Scan) -> Self {
        let inserted = scan.inserted.iter().map(|(at, length)| {
            let before = scan.text.get(..*at).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            Inserted {
                line: 1 + before.matches('\n').count(),
                column: line.chars().count(),
                length: *length,
            }
        });
        Self {
            name: name.to_owned(),
            inserted: inserted.collect(),
            source,
            is_file,
        }
    }

    pub(super) fn written(&self, at: &Range<usize>) -> &str {
        self.source.text().get(at.clone()).unwrap_or_default()
    }

    /// The error at its place in this piece.
    pub(super) fn locate(&self, mut error: TemplateError, at: Range<usize>) -> TemplateError {
        let position = self.source.position(at.start);
        error.line = position.line;
        error.column = position.column;
        error.span = at;
        error.source = self.is_file.then(|| Arc::clone(&self.source));
        error
    }

    /// The byte of a line (from 1) and column (in characters, from 0) of the text that Tera saw, in the text as it was written.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let before = self
            .inserted
            .iter()
            .filter(|one| one.line == line && one.column < column);
        let shift: usize = before.map(|one| one.length.min(column - one.column)).sum();
        let span = self.source.line_span(line);
        let text = self.source.text().get(span.clone()).unwrap_or_default();
        let within = text.char_indices().nth(column - shift);
        within.map_or(span.end, |(at, _)| span.start + at)
    }

    /// Everything in it that is not allowed: it shows all there is, has no limit, or is not on the reference page.
    pub(super) fn forbidden(&self, scan: &Scan) -> Vec<TemplateError> {
        let shows_all = scan
            .names
            .iter()
            .find(|name| name.word.starts_with("__tera"));
        let shows_all = shows_all.map(|name| {
            let message = format!(
                "`{}` shows everything there is, and is not allowed",
                name.word
            );
            self.locate(TemplateError::new(message), name.at.clone())
        });
        let refused = scan.refused.iter().map(|(at, what)| {
            let (message, hint) = what.told();
            self.locate(TemplateError::new(message).with_hint(hint), at.clone())
        });
        let unknown = scan
            .calls
            .iter()
            .filter(|(kind, name)| kind.find(&name.word).is_none());
        let unknown = unknown.map(|(kind, name)| {
            let error = TemplateError::new(kind.unknown(self.written(&name.at)));
            self.locate(error.with_hint(kind.hint(&name.word)), name.at.clone())
        });
        shows_all
            .into_iter()
            .chain(refused)
            .chain(unknown)
            .collect()
    }

    pub(super) fn unknown_column(&self, key: &Spoken, names: &Names) -> TemplateError {
        let written = self.written(&key.at);
        let error = TemplateError::new(format!("there is no column `{written}`"))
            .with_hint(names.column_hint(written));
        self.locate(error, key.at.clone())
    }
}

impl Refused {
    fn told(self) -> (String, &'static str) {
        match self {
            Self::Tag(tag) => (
                format!("the tag `{tag}` is not taken in letters"),
                "put what several texts share into a file, and `include` it",
            ),
            Self::SetWithBody => (
                "`set` is taken with a value only".to_owned(),
                "write `{% set name = \"text \" ~ column %}`",
            ),
            Self::ForInList => (
                "`for` inside a list is not taken".to_owned(),
                "write `{% for … in … %}` around what is repeated",
            ),
            Self::LongTag => (
                "the tag has more than 1000 words".to_owned(),
                "put lists into `variables` in the manifest",
            ),
        }
    }
}

/// Tera's words as ours: a fragment, masked, with the cause and the hint that belong to it.
pub(super) fn told(message: &str) -> TemplateError {
    let (message, cause) = match message.split_once(CAUSE) {
        Some((message, cause)) => (message, Some(cause)),
        None => (message, None),
    };
    let message = message.split(" Available ").next().unwrap_or(message);
    let message = message.trim_end().trim_end_matches('.');
    let mut letters = message.chars();
    let lowercase = letters.next().map(|first| first.to_ascii_lowercase());
    let message: String = lowercase.into_iter().chain(letters).collect();
    let (message, cause) = match unreadable(&message) {
        Some((message, text)) => (message.to_owned(), Some(shown(text))),
        None => (message, cause.map(str::to_owned)),
    };
    let mut error = TemplateError::new(redact(&message));
    error.cause = cause;
    error.hint = remedy(&message).map(str::to_owned);
    error
}

/// What `int` could not read, apart from what is said of it: rows with the same mistake are told together.
fn unreadable(message: &str) -> Option<(&'static str, &str)> {
    let rest = message.strip_prefix("the string `")?;
    let (text, _) = rest.rsplit_once("` cannot be converted to an int")?;
    Some(("`int` needs a whole number", text))
}

fn remedy(message: &str) -> Option<&'static str> {
    if message.starts_with("found identifier but expected") {
        return Some("a name is one word: the column `Full name` is written `Full_name`");
    }
    matches!(message, TOO_MUCH_WORK | TOO_LONG | TOO_MUCH_KEPT).then_some(ENDLESS_HINT)
}
