//! What spreadsheets and clipboards do to values, as far as it can be seen in a value.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::charset::Charset;
use crate::diagnostic::is_invisible;

/// What has been done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// A long number was written as a spreadsheet shows it: `9,19E+8`.
    ScientificNotation,
    /// Blanks that do not show stand in it or around it.
    InvisibleBlanks,
    /// Its UTF-8 was read as Windows-1252: `KÃ¥re`.
    WrongEncoding,
}

/// What has been done to a value, and what it probably was; `None` for values that look as people write them.
pub fn detect_damage(value: &str) -> Option<(Damage, String)> {
    let first = *value.as_bytes().first()?;
    let number = first.is_ascii_digit() || first == b'-';
    if let Some(number) = number.then(|| scientific(value)).flatten() {
        return Some((Damage::ScientificNotation, number));
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

/// The day that a spreadsheet counts as this number, when it is one in living memory or soon: 45000 is 2023-03-15.
pub fn serial_date(value: &str) -> Option<Date> {
    let (days, time) = value.split_once(['.', ',']).unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if days.len() != 5 || !digits(days) || !digits(time) {
        return None;
    }
    let days: i64 = days.parse().ok()?;
    let counted = (10_000..=80_000).contains(&days);
    let day = date(1899, 12, 30).checked_add(days.days()).ok()?;
    counted.then_some(day)
}

/// Whether a value is a date as people write it: 2026-12-15, 15.12.2026, 15/12-26.
pub fn is_date(value: &str) -> bool {
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

/// The number that `9,19E+8` is about; `None` for what is no number in scientific notation.
fn scientific(value: &str) -> Option<String> {
    let (mantissa, exponent) = value.split_once('E')?;
    let plain = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, decimals) = plain.split_once([',', '.']).unwrap_or((plain, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.strip_prefix('+').filter(|power| digits(power))?;
    let power: usize = power.parse().ok().filter(|power| *power < 40)?;
    if whole.len() != 1 || !digits(whole) || !digits(decimals) || decimals.len() > power {
        return None;
    }
    let sign = &mantissa[..mantissa.len() - plain.len()];
    let zeros = "0".repeat(power - decimals.len());
    Some([sign, whole, decimals, &zeros].concat())
}

/// Without the blanks that do not show: all of them at the ends, those without any width also inside. What holds emojis together stays.
fn without_invisible(value: &str) -> String {
    let hidden = |c: char| is_invisible(c) && !matches!(c, ' ' | '\t' | '\n' | '\r');
    let trimmed = value.trim_matches(hidden);
    trimmed.replace(['\u{200b}', '\u{2060}', '\u{feff}'], "")
}

/// What a text was before its UTF-8 was read as Windows-1252, as CP850 or as Mac Roman.
fn decoded_twice(value: &str) -> Option<String> {
    // What the first byte of `æ`, `ø`, `å` and their like, or that of a sign, is there: nothing stands so in a text.
    const FIRST: [&[char]; 3] = [&['Ã', 'Â'], &['├', '┬'], &['√', '¬']];
    let charsets = Charset::GUESSED.into_iter().zip(FIRST);
    charsets
        .filter(|(_, first)| value.contains(*first))
        .find_map(|(charset, _)| {
            let upper = charset.upper_half();
            let byte = |c: char| match upper.iter().position(|known| *known == c) {
                Some(place) => u8::try_from(0x80 + place).ok(),
                None => u8::try_from(c).ok().filter(u8::is_ascii),
            };
            String::from_utf8(value.chars().map(byte).collect::<Option<_>>()?).ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named_with_what_the_value_probably_was() {
        use Damage::{InvisibleBlanks, ScientificNotation, WrongEncoding};
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
            "-",
        ] {
            assert_eq!(detect_damage(value), None, "{value}");
        }
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
