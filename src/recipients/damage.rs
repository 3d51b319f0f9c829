//! The detection of damage that spreadsheets, clipboards and other programs do to single values.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::charset::Charset;
use crate::correspondence::Language;
use crate::text::{is_unseen, with_code_points};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Damage {
    /// An error of the spreadsheet, or the sign of a column that was too narrow: `#N/A`, `#NAVN?`, `########`.
    SpreadsheetError,
    /// Control characters, or characters that reverse the letters after them.
    Control,
    /// A long number in the form that a spreadsheet shows: `9,19E+8`.
    ScientificNotation,
    /// Invisible blanks in or around the value.
    InvisibleBlanks,
    /// UTF-8 that was decoded with another encoding: `KÃ¥re`.
    WrongEncoding,
    /// A letter that was lost when it was encoded: `K?re`.
    LostLetter,
    /// A formula, or a text written as one: `="2026/1"`.
    Formula,
    /// The apostrophe that marks text in a spreadsheet: `'2026/1`.
    Apostrophe,
    /// A word that programs write for a missing value: `NULL`, `nan`.
    NullWord,
    /// Invisible marks for the direction of writing.
    Direction,
}

impl Damage {
    /// True when a letter with such a value is certainly wrong. The others are warnings.
    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::SpreadsheetError | Self::Control)
    }

    /// The fault as a predicate, whose subject is a column, an entry or a value.
    pub(crate) fn predicate(self) -> &'static str {
        match self {
            Self::SpreadsheetError => "is an error of the spreadsheet, not a value",
            Self::Control => "has control characters, which no text has",
            Self::ScientificNotation => "is a number in scientific notation",
            Self::InvisibleBlanks => "has blanks that do not show",
            Self::WrongEncoding => "was read in the wrong encoding before it was saved",
            Self::LostLetter => "has a question mark inside a word: a letter was lost",
            Self::Formula => "is a formula, or written as one",
            Self::Apostrophe => "begins with an apostrophe, which a spreadsheet does not show",
            Self::NullWord => "is a word that programs write for nothing",
            Self::Direction => "has marks for the direction of writing, which do not show",
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::SpreadsheetError => {
                "mend the formula in the spreadsheet, or make the column wider, and save the file again"
            }
            Self::Control => "remove them: another program has written them into the value",
            Self::ScientificNotation => {
                "a spreadsheet has rounded it, and digits may be lost: export the column as text again"
            }
            Self::InvisibleBlanks | Self::Direction => {
                "remove them: they came with a copy from a page or a document"
            }
            Self::WrongEncoding | Self::LostLetter => {
                "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}"
            }
            Self::Formula => {
                "a letter would show it as it stands: paste the column as values, and save the file again"
            }
            Self::Apostrophe => {
                "a letter would show it: remove it, or format the column as text instead"
            }
            Self::NullWord => "leave the cell empty when there is nothing in it",
        }
    }
}

/// Detects damage to a value, and returns the value it probably was, which is empty when unknown. `None` for values that look undamaged.
pub(crate) fn detect_damage(value: &str) -> Option<(Damage, String)> {
    // The first byte rules out most kinds, because this runs for every value of a file.
    let first = *value.as_bytes().first()?;
    let found = match first {
        b'#' | b'E' | b'F' if is_spreadsheet_error(value) => {
            Some((Damage::SpreadsheetError, String::new()))
        }
        b'0'..=b'9' | b'-' => scientific(value).map(|number| (Damage::ScientificNotation, number)),
        b'=' => formula(value).map(|text| (Damage::Formula, text)),
        b'\'' => apostrophe(value).map(|text| (Damage::Apostrophe, text)),
        b'N' | b'n' | b'u' | b'(' | b'<' | b'\\' if NULL_WORDS.contains(&value) => {
            Some((Damage::NullWord, String::new()))
        }
        _ => None,
    };
    if found.is_some() {
        return found;
    }
    // One pass without branches, as nearly every value is plain ASCII. `?` (a lost letter) is among the odd bytes.
    let odd = value.bytes().fold(false, |odd, byte| {
        odd | !matches!(byte, b' '..=b'>' | b'@'..=b'~' | b'\t' | b'\n' | b'\r')
    });
    if odd { in_text(value) } else { None }
}

/// Detects the kinds of damage that show in single characters.
fn in_text(value: &str) -> Option<(Damage, String)> {
    let without = |drop: fn(char) -> bool| value.replace(drop, "");
    if value.contains(is_control) {
        return Some((Damage::Control, without(is_control)));
    }
    if value.contains(is_direction_mark) {
        return Some((Damage::Direction, without(is_direction_mark)));
    }
    if has_lost_letter(value) {
        return Some((Damage::LostLetter, String::new()));
    }
    if value.is_ascii() {
        return None;
    }
    let visible = without_invisible(value);
    if visible.len() != value.len() {
        return Some((Damage::InvisibleBlanks, visible));
    }
    Some((Damage::WrongEncoding, decoded_twice(value)?))
}

const NULL_WORDS: [&str; 16] = [
    "NULL",
    "null",
    "Null",
    "None",
    "none",
    "nan",
    "NaN",
    "NAN",
    "N/A",
    "n/a",
    "NA",
    "NaT",
    "(null)",
    "<null>",
    "\\N",
    "undefined",
];

/// True for the errors of spreadsheets. In every language they are upper-case words after `#`, most of them with a final `!` or `?`.
fn is_spreadsheet_error(value: &str) -> bool {
    let value = value.trim_end();
    let Some(word) = value.strip_prefix('#') else {
        let number = value
            .strip_prefix("Err:")
            .or_else(|| value.strip_prefix("Feil:"));
        return number.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
    };
    if word.len() > 1 && word.bytes().all(|byte| byte == b'#') {
        return true;
    }
    let sign =
        |c: char| c.is_uppercase() || c.is_ascii_digit() || matches!(c, '/' | '_' | '.' | ' ');
    match word.strip_suffix(['!', '?']) {
        Some(word) => word.starts_with(char::is_uppercase) && word.chars().all(sign),
        None => matches!(
            word,
            "N/A" | "I/T" | "N/D" | "NV" | "NULL" | "HENTER_DATA" | "GETTING_DATA"
        ),
    }
}

/// The text inside `="2026/1"`; empty for a formula whose value only the spreadsheet knows.
fn formula(value: &str) -> Option<String> {
    let formula = value.strip_prefix('=')?;
    let text = formula
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    if let Some(text) = text {
        return Some(text.to_owned());
    }
    let begins = |c: char| {
        c.is_alphanumeric() || matches!(c, '"' | '+' | '-' | '(' | '$' | '\'' | '@' | '{')
    };
    formula.starts_with(begins).then(String::new)
}

/// The text after an apostrophe that does not belong to it. It does in `'t Hooft` and in a text between two apostrophes.
fn apostrophe(value: &str) -> Option<String> {
    let text = value.strip_prefix('\'')?;
    let mut letters = text.chars();
    let is_word =
        letters.next().is_some_and(char::is_lowercase) && matches!(letters.next(), Some(' ' | '-'));
    (!text.is_empty() && !is_word && !text.ends_with('\'')).then(|| text.to_owned())
}

/// True for control characters except tabs and line breaks, and for those that reverse the letters after them.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
        || matches!(c, '\u{202D}' | '\u{202E}' | '\u{FFFE}' | '\u{FFFF}')
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202C}' | '\u{2066}'..='\u{2069}')
}

/// True for a question mark between two letters, unless the value is a web or e-mail address.
fn has_lost_letter(value: &str) -> bool {
    let Some(at) = value.find('?') else {
        return false;
    };
    let (before, after) = value.split_at(at);
    let follows = after
        .get(1..)
        .is_some_and(|after| after.starts_with(char::is_alphabetic));
    follows && before.ends_with(char::is_alphabetic) && !value.contains(['/', '=', '@'])
}

/// Replaces control characters and direction marks by their code points, as `<U+202E>`.
pub(crate) fn with_signs_named(value: &str) -> String {
    with_code_points(value, |c| is_control(c) || is_direction_mark(c))
}

/// The number of the month with this name, as spreadsheets write it in Norwegian or English: `jan`, `mai.`, `Dec`, `oktober`.
pub(crate) fn month_of(word: &str) -> Option<i16> {
    let word = word.trim_end_matches('.');
    // Asked for a part of every key, which seldom begins with a letter.
    if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let is_word = |name: &str| {
        let short = name.get(..3).filter(|_| word.len() == 3).unwrap_or(name);
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(short)
    };
    let is_month = |month: &i8| {
        [Language::Bokmal, Language::English]
            .iter()
            .any(|language| is_word(language.month(*month)))
    };
    (1..=12).find(is_month).map(i16::from)
}

/// The date of a spreadsheet's serial number, when it is between 1927 and 2119: 45000 is 2023-03-15.
pub(crate) fn serial_date(value: &str) -> Option<Date> {
    let (days, time) = value.split_once(['.', ',']).unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if days.len() != 5 || !digits(days) || !digits(time) {
        return None;
    }
    let days: i64 = days.parse().ok()?;
    let counted = (10_000..=80_000).contains(&days);
    // Excel counts 1900 as a leap year, so its day 1 is effectively 1899-12-31.
    let day = date(1899, 12, 30).checked_add(days.days()).ok()?;
    counted.then_some(day)
}

/// True for a date in a usual spelling: 2026-12-15, 15.12.2026, 15/12-26.
pub(crate) fn is_date(value: &str) -> bool {
    let value = value.split([' ', 'T']).next().unwrap_or_default();
    let mut parts = value.split(['-', '.', '/']);
    let (Some(first), Some(second), Some(third), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let number = |text: &str, longest: usize| {
        let short = (1..=longest).contains(&text.len());
        short && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let year_first = first.len() == 4 && number(first, 4) && number(third, 2);
    let year_last = matches!(third.len(), 2 | 4) && number(first, 2) && number(third, 4);
    number(second, 2) && (year_first || year_last)
}

/// The number that `9,19E+8` stands for, with zeros for the lost digits; `None` for anything that is not a number in scientific notation.
fn scientific(value: &str) -> Option<String> {
    let (mantissa, exponent) = value.split_once('E')?;
    let plain = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, decimals) = plain.split_once([',', '.']).unwrap_or((plain, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.strip_prefix('+').filter(|power| digits(power))?;
    // The exponent decides how many zeros are written; a larger one is no identifier.
    let power: usize = power.parse().ok().filter(|power| *power < 40)?;
    if whole.len() != 1 || !digits(whole) || !digits(decimals) || decimals.len() > power {
        return None;
    }
    let sign = &mantissa[..mantissa.len() - plain.len()];
    let zeros = "0".repeat(power - decimals.len());
    Some([sign, whole, decimals, &zeros].concat())
}

/// Removes invisible blanks: all at the ends, and those without width inside. The joiners inside emojis stay.
fn without_invisible(value: &str) -> String {
    let hidden = |c: char| is_unseen(c) && !matches!(c, ' ' | '\t' | '\n' | '\r');
    let trimmed = value.trim_matches(hidden);
    trimmed.replace(
        [
            '\u{ad}', '\u{200b}', '\u{2028}', '\u{2029}', '\u{2060}', '\u{feff}',
        ],
        "",
    )
}

/// The text before its UTF-8 was decoded as Windows-1252, CP850 or Mac Roman.
fn decoded_twice(value: &str) -> Option<String> {
    // The lead bytes of UTF-8 letters and signs, as each of the encodings shows them. In a genuine text they do not occur before such characters.
    const FIRST: [&[char]; 3] = [&['Ã', 'Â'], &['├', '┬'], &['√', '¬']];
    let charsets = Charset::GUESSED.into_iter().zip(FIRST);
    charsets
        .filter(|(_, first)| value.contains(*first))
        .find_map(|(charset, _)| String::from_utf8(charset.encoded(value)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named_with_what_the_value_probably_was() {
        use Damage::{
            Apostrophe, Control, Direction, Formula, InvisibleBlanks, LostLetter, NullWord,
            ScientificNotation, SpreadsheetError, WrongEncoding,
        };
        for (value, expected, probably) in [
            ("9,19E+8", ScientificNotation, "919000000"),
            ("9.1982E+08", ScientificNotation, "919820000"),
            ("-1E+12", ScientificNotation, "-1000000000000"),
            ("\u{a0}Kåre", InvisibleBlanks, "Kåre"),
            ("2026\u{200b}/1", InvisibleBlanks, "2026/1"),
            ("Oslo\u{2007}", InvisibleBlanks, "Oslo"),
            ("KÃ¥re Ã˜degÃ¥rd", WrongEncoding, "Kåre Ødegård"),
            ("Ã…se", WrongEncoding, "Åse"),
            ("2\u{c2}\u{a0}000", WrongEncoding, "2\u{a0}000"),
            ("K├Ñre", WrongEncoding, "Kåre"),
            ("K√•re", WrongEncoding, "Kåre"),
            ("#N/A", SpreadsheetError, ""),
            ("#NAVN?", SpreadsheetError, ""),
            ("#I/T", SpreadsheetError, ""),
            ("#VERDI!", SpreadsheetError, ""),
            ("#REF!", SpreadsheetError, ""),
            ("#DIV/0!", SpreadsheetError, ""),
            ("#OVERFLYT!", SpreadsheetError, ""),
            ("########", SpreadsheetError, ""),
            ("Err:502", SpreadsheetError, ""),
            ("=\"2026/1\"", Formula, "2026/1"),
            ("=A1+B2", Formula, ""),
            ("'2026/1", Apostrophe, "2026/1"),
            ("'Ingrid Dæhli", Apostrophe, "Ingrid Dæhli"),
            ("NULL", NullWord, ""),
            ("nan", NullWord, ""),
            ("\u{1f}Aslak", Control, "Aslak"),
            ("Ingrid\u{b}D\u{e6}hli", Control, "IngridD\u{e6}hli"),
            ("\u{202e}Eira", Control, "Eira"),
            (
                "\u{202a}+47 912 34 567\u{202c}",
                Direction,
                "+47 912 34 567",
            ),
            ("so\u{ad}lid", InvisibleBlanks, "solid"),
            ("K?re", LostLetter, ""),
        ] {
            let found = detect_damage(value);
            assert_eq!(found, Some((expected, probably.to_owned())), "{value}");
        }
    }

    #[test]
    fn what_people_write_is_no_damage() {
        for value in [
            "",
            " ",
            "Kåre",
            "1E5",
            "3E-12",
            "12E+3",
            "2E+x",
            "1,2345E+3",
            "85 726,05",
            "85\u{a0}726,05",
            " padded ",
            "Â",
            "SÃO PAULO",
            "\u{1F468}\u{200D}\u{1F469}",
            "#1",
            "#",
            "# Overskrift",
            "= 5 kr",
            "'t Hooft",
            "'s-Gravenhage",
            "'sitat'",
            "Nan",
            "Hva?",
            "Hva?? Nei",
            "https://example.no/?a",
            "Feil: ukjent",
            "to\nlinjer",
            "-",
        ] {
            assert_eq!(detect_damage(value), None, "{value}");
        }
    }

    #[test]
    fn what_does_not_show_is_named() {
        assert_eq!(with_signs_named("\u{1f}A\u{202e}"), "<U+001F>A<U+202E>");
        assert_eq!(month_of("mai."), Some(5));
        assert_eq!(month_of("Dec"), Some(12));
        assert_eq!(month_of("ma"), None);
    }

    #[test]
    fn days_are_counted_as_spreadsheets_do() {
        let day = |value: &str| serial_date(value).map(|day| day.to_string());
        assert_eq!(day("45000").as_deref(), Some("2023-03-15"));
        assert_eq!(day("46371,5").as_deref(), Some("2026-12-15"));
        for value in [
            "9999", "80001", "450000", "45000 kr", "+45000", "45,000,1", "æ1234",
        ] {
            assert_eq!(day(value), None, "{value}");
        }
    }

    #[test]
    fn dates_are_recognised() {
        for date in [
            "2026-12-15",
            "15.12.2026",
            "1.2.26",
            "15/12-2026",
            "2026-12-15T12:00",
            "15.12.2026 12:00",
        ] {
            assert!(is_date(date), "{date}");
        }
        for other in [
            "",
            "45000",
            "2026/00001",
            "15.12",
            "1.2.3",
            "a.b.2026",
            "192.168.0.1",
            "1-2-345",
        ] {
            assert!(!is_date(other), "{other}");
        }
    }
}
