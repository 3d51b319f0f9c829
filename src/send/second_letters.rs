//! The message about second letters: persons who have a letter of this mailing under a key that is no longer in the file, and would get another because the key is now
//! spelled differently, for example by a spreadsheet.

use std::fmt;

use crate::diagnostic::as_seen;
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
    Number,
    Date,
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
        } else if is_a_number_by_a_spreadsheet(now, earlier) {
            Some(Self::Number)
        } else if looks_like_a_date(now) && !looks_like_a_date(earlier) {
            Some(Self::Date)
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
            Self::Number => "a spreadsheet has made a number of it",
            Self::Date => "a spreadsheet has made a date of it",
        }
    }
}

/// True for a number as spreadsheets write it (`1.2E+8`, `123.0`) in place of plain digits.
fn is_a_number_by_a_spreadsheet(now: &str, earlier: &str) -> bool {
    let digits = |name: &str| {
        name.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let decimals = now.strip_suffix(".0").or(now.strip_suffix(",0"));
    let plain = !earlier.is_empty() && earlier.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = now
        .split_once(['E', 'e'])
        .filter(|(_, power)| power.starts_with('+'));
    let scientific = mantissa.is_some_and(|(mantissa, _)| {
        let mantissa = digits(mantissa);
        !mantissa.is_empty()
            // The first two digits must agree; a spreadsheet rounds the later ones.
            && earlier.starts_with(mantissa.trim_end_matches('0').get(..2).unwrap_or(&mantissa))
    });
    plain && (scientific || decimals.is_some_and(|whole| whole == earlier))
}

/// True for dates such as `2026-01-02`, `02.01.2026`, `2/1/26`, `02.jan` and `jan.26`.
fn looks_like_a_date(name: &str) -> bool {
    const MONTHS: [&str; 16] = [
        "jan", "feb", "mar", "apr", "mai", "may", "jun", "jul", "aug", "sep", "okt", "oct", "nov",
        "des", "dec", "sept",
    ];
    let parts: Vec<_> = name
        .split(['.', '-', '/', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    let is_part = |part: &&str| {
        let number = part
            .parse::<u32>()
            .is_ok_and(|number| number <= 31 || (1900..2100).contains(&number));
        number && part.len() <= 4 || MONTHS.contains(&part.to_lowercase().as_str())
    };
    let has_month = parts
        .iter()
        .any(|part| MONTHS.contains(&part.to_lowercase().as_str()));
    parts.iter().all(is_part) && (parts.len() == 3 || parts.len() == 2 && has_month)
}

impl fmt::Display for SecondLetters {
    /// Several lines: the number of letters, the first rows with both keys, and the probable cause of each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = count(self.letters, "letter");
        let possibly = if self.possibly { "possibly " } else { "" };
        write!(
            f,
            "{letters} would {possibly}be second letters, to recipients who have one of this mailing under keys that are not in {} any more; nothing was sent",
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
            ("123456789012", "1.23457E+11", Some(Respelled::Number)),
            ("123", "123.0", Some(Respelled::Number)),
            ("1-2", "02.jan", Some(Respelled::Date)),
            ("3-4-5", "2005-04-03", None),
            ("2026/17", "17.08.2026", Some(Respelled::Date)),
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
