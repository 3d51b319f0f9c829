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

/// What has probably happened to a respelled key, guessed from two spellings. `None` when they do not resemble each other.
pub(super) fn respelled(earlier: &str, now: &str) -> Option<&'static str> {
    let same = |spelling: fn(&str) -> String| spelling(earlier) == spelling(now);
    let blanks = |name: &str| name.split_whitespace().collect::<String>();
    let zeros = |name: &str| name.trim_start_matches('0').to_owned();
    // From harmless to vague: the first cause that fits is named.
    if same(blanks) {
        Some("blanks have come or gone")
    } else if same(zeros) {
        Some("leading zeros were lost or added, as a spreadsheet does")
    } else if same(str::to_lowercase) {
        Some("upper and lower case differ")
    } else if as_seen(earlier) == as_seen(now) {
        Some(
            "the same letters in another Unicode form (NFC or NFD), as between a Mac and other systems",
        )
    } else if same(as_spreadsheet_leaves_it) || is_rounded(now, earlier) {
        Some("a spreadsheet has made a number or a date of it")
    } else {
        None
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
            if let Some(cause) = respelled(earlier, name) {
                write!(f, ": {cause}")?;
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
            ("00123", "123", "leading zeros"),
            ("123", "00123", "leading zeros"),
            ("A1", "A1 ", "blanks"),
            ("A1", "A\u{a0}1", "blanks"),
            ("A2", "a2", "upper and lower"),
            ("Ås-1", "A\u{30a}s-1", "the same letters"),
            ("Re\u{301}ne", "Réne", "the same letters"),
            ("123456789012", "1.23457E+11", "a spreadsheet"),
            ("123", "123.0", "a spreadsheet"),
            ("1-2", "01.feb", "a spreadsheet"),
            ("3-4-5", "2005-04-03", ""),
            ("2026/1", "jan.26", "a spreadsheet"),
            ("A1", "B1", ""),
            ("17", "18", ""),
        ] {
            let found = respelled(earlier, now).unwrap_or_default();
            assert!(found.starts_with(expected), "{earlier} {now}: {found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{earlier} {now}");
        }
    }
}
