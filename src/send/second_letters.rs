//! The message about second letters: persons who have a letter of this mailing under a key that is no longer in the file, and would get another because the key is now
//! spelled differently, for example by a spreadsheet.

use std::fmt;

use crate::diagnostic::as_seen;
use crate::plan::as_spreadsheet_leaves_it;
use crate::text::count;

/// The largest number of rows named in the message.
pub(super) const NAMED: usize = 5;

/// Letters to persons who have, or may have, a letter of this mailing under a key that is no longer in the file.
#[derive(Debug, Default)]
pub(crate) struct SecondLetters {
    pub letters: u64,
    /// The first [`NAMED`] of them.
    pub rows: Vec<SecondLetter>,
    /// True when some may be letters to different persons with the same masked number.
    pub possibly: bool,
    /// The number given with `--second-letters`, which differs from `letters`.
    pub allowed: Option<u64>,
    /// True when `recipients.key` in the manifest has changed since the previous run.
    pub key_changed: bool,
    /// The path of the recipients file.
    pub file: String,
}

/// A row that would be a second letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecondLetter {
    pub row: u64,
    /// The line of the CSV file on which the row begins.
    pub line: u64,
    /// The row's key, identity numbers masked.
    pub name: String,
    /// The key under which the earlier letter was sent.
    pub earlier: String,
}

/// The probable cause of a respelled key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Respelled {
    Zeros,
    Blanks,
    Case,
    Accents,
    Spreadsheet,
}

impl Respelled {
    /// The cause, guessed from two spellings. `None` when they do not resemble each other.
    pub(super) fn from_names(earlier: &str, now: &str) -> Option<Self> {
        let same = |spelling: fn(&str) -> String| spelling(earlier) == spelling(now);
        let blanks = |name: &str| name.split_whitespace().collect::<String>();
        let zeros = |name: &str| name.trim_start_matches('0').to_owned();
        // From harmless to vague: the first cause that fits is named.
        if same(blanks) {
            Some(Self::Blanks)
        } else if same(zeros) {
            Some(Self::Zeros)
        } else if same(str::to_lowercase) {
            Some(Self::Case)
        } else if as_seen(earlier) == as_seen(now) {
            Some(Self::Accents)
        } else if same(as_spreadsheet_leaves_it) || is_rounded(now, earlier) {
            Some(Self::Spreadsheet)
        } else {
            None
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Zeros => "leading zeros were lost or added, as a spreadsheet does",
            Self::Blanks => "blanks have come or gone",
            Self::Case => "upper and lower case differ",
            Self::Accents => {
                "the same letters in another Unicode form (NFC or NFD), as between a Mac and other systems"
            }
            Self::Spreadsheet => "a spreadsheet has made a number or a date of it",
        }
    }
}

/// True for a number in scientific notation (`1.2E+8`) in place of plain digits. Only its first two digits are compared: a spreadsheet rounds the later ones.
fn is_rounded(now: &str, earlier: &str) -> bool {
    let Some((mantissa, _)) = now.split_once("E+").or_else(|| now.split_once("e+")) else {
        return false;
    };
    let digits: String = mantissa
        .chars()
        .filter(char::is_ascii_digit)
        .take(2)
        .collect();
    let known = digits.trim_end_matches('0');
    !known.is_empty()
        && earlier.starts_with(known)
        && earlier.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for SecondLetters {
    /// Several lines: the number of letters, the first rows with both keys, and the probable cause of each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = count(self.letters, "letter");
        let possibly = if self.possibly { "possibly " } else { "" };
        let second = if self.letters == 1 {
            "a second letter, to a recipient"
        } else {
            "second letters, to recipients"
        };
        write!(
            f,
            "{letters} would {possibly}be {second} with one of this mailing under a key that is not in {} any more; nothing was sent",
            self.file
        )?;
        for SecondLetter {
            line,
            name,
            earlier,
            ..
        } in &self.rows
        {
            write!(f, "\n  line {line} ({name}), earlier `{earlier}`")?;
            if let Some(cause) = Respelled::from_names(earlier, name) {
                write!(f, ": {}", cause.words())?;
            }
        }
        let more = self.letters.saturating_sub(self.rows.len() as u64);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        if self.key_changed {
            write!(
                f,
                "\n  `recipients.key` in the manifest is another one than in the run before"
            )?;
        }
        match self.allowed {
            Some(allowed) => write!(f, "\n  --second-letters {allowed} allows another number"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_probably_happened_to_a_key_is_told() {
        for (earlier, now, expected) in [
            ("00123", "123", Some(Respelled::Zeros)),
            ("123", "00123", Some(Respelled::Zeros)),
            ("A1", "A1 ", Some(Respelled::Blanks)),
            ("A1", "A\u{a0}1", Some(Respelled::Blanks)),
            ("A2", "a2", Some(Respelled::Case)),
            ("Ås-1", "A\u{30a}s-1", Some(Respelled::Accents)),
            ("Re\u{301}ne", "Réne", Some(Respelled::Accents)),
            ("123456789012", "1.23457E+11", Some(Respelled::Spreadsheet)),
            ("123", "123.0", Some(Respelled::Spreadsheet)),
            ("1-2", "01.feb", Some(Respelled::Spreadsheet)),
            ("3-4-5", "2005-04-03", None),
            ("2026/1", "jan.26", Some(Respelled::Spreadsheet)),
            ("A1", "B1", None),
            ("17", "18", None),
        ] {
            assert_eq!(
                Respelled::from_names(earlier, now),
                expected,
                "{earlier} {now}"
            );
        }
    }
}
