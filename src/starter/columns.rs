//! The roles of the columns of a recipients file: recipient, key, name, language and contacts.

use std::fmt;

use super::value_counts::LANGUAGES;
use crate::recipients::Dialect;

/// The columns of a recipients file, as indexes from 0, with their roles. Displays as a table without the value of any row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(super) headers: Vec<String>,
    /// The dialect of the file; `None` for the built-in example.
    pub(super) dialect: Option<Dialect>,
    pub(super) rows: u64,
    pub(crate) unreadable: u64,
    pub(super) recipient: usize,
    /// The column with the recipient of rows that have none in `recipient`.
    pub(super) or_recipient: Option<usize>,
    pub(super) key: Key,
    /// The column of the name, or those of first and last name; empty when no column names the recipient in every row.
    pub(super) name: Vec<usize>,
    pub(super) language: Option<Language>,
    pub(super) email: Option<Contact>,
    pub(super) mobile: Option<Contact>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Key {
    /// A column; with `simple` all its values are safe in a title, where Altinn allows plain text only.
    Column {
        column: usize,
        simple: bool,
    },
    Recipient,
    #[default]
    None,
}

/// A column with the language of each letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Language {
    pub(super) column: usize,
    /// True for each language that occurs: `nb`, `nn`, `en`.
    pub(super) present: [bool; 3],
    pub(super) blanks: bool,
}

/// A column with e-mail addresses or mobile numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) column: usize,
    /// True when the numbers have no country code and need `+47` in front.
    pub(super) domestic: bool,
}

impl Columns {
    /// True when some column tells all rows apart. Otherwise the mailing will not validate.
    pub(crate) fn has_key(&self) -> bool {
        self.key != Key::None
    }

    pub(super) fn header(&self, column: usize) -> &str {
        self.headers.get(column).map_or("", String::as_str)
    }

    /// The columns without a role, in the order of the file.
    pub(super) fn unused(&self) -> impl Iterator<Item = usize> {
        (0..self.headers.len()).filter(|column| !self.is_used(*column))
    }

    pub(super) fn is_used(&self, column: usize) -> bool {
        let contacts = [self.email, self.mobile].into_iter().flatten();
        column == self.recipient
            || Some(column) == self.or_recipient
            || matches!(self.key, Key::Column { column: key, .. } if key == column)
            || self.name.contains(&column)
            || self
                .language
                .is_some_and(|language| language.column == column)
            || contacts.into_iter().any(|contact| contact.column == column)
    }
}

impl Language {
    /// The languages in which a letter is needed, by their positions in [`LANGUAGES`].
    pub(super) fn needed(self) -> Vec<usize> {
        // Rows without a language get `nb`.
        let is_needed = |at: &usize| self.present[*at] || (*at == 0 && self.blanks);
        (0..LANGUAGES.len()).filter(is_needed).collect()
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dialect) = &self.dialect {
            write!(f, "{dialect}, ")?;
        }
        write!(f, "{} rows", self.rows)?;
        for (role, found) in self.roles() {
            write!(f, "\n  {role:<9}  {found}")?;
        }
        Ok(())
    }
}

impl Columns {
    fn roles(&self) -> Vec<(&'static str, String)> {
        let named = |columns: &[usize]| {
            let headers = columns.iter().map(|column| printable(self.header(*column)));
            headers.collect::<Vec<_>>().join(", ")
        };
        let key = match self.key {
            Key::Column { column, .. } => named(&[column]),
            Key::Recipient => "the recipient, who is another one in every row".to_owned(),
            Key::None => "not found: no column is different in every row".to_owned(),
        };
        let name = match self.name.as_slice() {
            [] => "not found: Altinn fills in the name it knows".to_owned(),
            columns => named(columns),
        };
        let language = self.language.map_or_else(
            || "not found: nb".to_owned(),
            |language| {
                let rest = if language.blanks {
                    "; nb where there is none"
                } else {
                    ""
                };
                let needed = language.needed().into_iter();
                let needed: Vec<_> = needed.map(|at| LANGUAGES[at]).collect();
                let column = named(&[language.column]);
                format!("{column} ({}{rest})", needed.join(", "))
            },
        );
        let recipients: Vec<_> = [self.recipient]
            .into_iter()
            .chain(self.or_recipient)
            .collect();
        let mut roles = vec![
            ("recipient", named(&recipients)),
            ("key", key),
            ("name", name),
            ("language", language),
        ];
        roles.extend(self.email.map(|email| ("e-mail", named(&[email.column]))));
        roles.extend(
            self.mobile
                .map(|mobile| ("mobile", named(&[mobile.column]))),
        );
        let others: Vec<_> = self.unused().collect();
        if !others.is_empty() {
            roles.push(("not used", named(&others)));
        }
        roles
    }
}

/// A header without control characters, which could control the terminal.
fn printable(header: &str) -> String {
    let replace = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    header.chars().map(replace).collect()
}
