//! The spelling of keys: forms in which keys are equal that a person, or a spreadsheet, takes for the same.

use jiff::civil::Date;

use crate::diagnostic::as_seen;
use crate::recipients::month_of;

/// The key as a spreadsheet leaves it when it takes it for a number or a date: it loses leading zeros and decimals, and `2026/1` is written `jan.26`.
/// Two different texts with the same result may have been the same key.
pub(crate) fn as_spreadsheet_leaves_it(key: &str) -> String {
    let seen = as_seen(key);
    if !seen.bytes().any(|byte| byte.is_ascii_digit()) {
        return seen;
    }
    // `1234,00` and `1234.00` are 1234 to a spreadsheet; other decimals stay.
    let whole = seen.split_once([',', '.']);
    let whole = whole.filter(|(_, decimals)| {
        !decimals.is_empty() && decimals.bytes().all(|digit| digit == b'0')
    });
    let number = whole.map_or(seen.as_str(), |(number, _)| number);
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = number.trim_start_matches('0');
        return if digits.is_empty() { "0" } else { digits }.to_owned();
    }
    normalized_date(&seen).unwrap_or(seen)
}

/// A date, or a part of one, in one spelling: `2026/1`, `1/2026` and `jan.26` are the same, and so are `2026-12-01`, `1.12.2026` and `01.12.26`. `None` for
/// any other key.
fn normalized_date(key: &str) -> Option<String> {
    // Longer than any date; the limit keeps long keys cheap.
    if key.len() > 20 {
        return None;
    }
    let parts: Vec<&str> = key
        .split(['-', '.', '/', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    let number = |text: &str, most: usize| -> Option<i16> {
        let fits = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let year = |text: &str| match text.len() {
        4 => number(text, 4).filter(|year| (1900..2100).contains(year)),
        // The century as spreadsheets choose it: 30 and later is the 1900s.
        2 => number(text, 2).map(|year| if year < 30 { 2000 + year } else { 1900 + year }),
        _ => None,
    };
    let month = |text: &str| {
        number(text, 2)
            .or_else(|| month_of(text))
            .filter(|month| (1..=12).contains(month))
    };
    let in_words = parts.iter().any(|part| month_of(part).is_some());
    match parts.as_slice() {
        [first, second] => {
            let (year, month) = match (first.len(), second.len()) {
                (4, _) => (year(first)?, month(second)?),
                (_, 4) => (year(second)?, month(first)?),
                // A spreadsheet reads `jan.26` as January 2026, but `1. jan` as a day of this year.
                (3.., 2) if month_of(first).is_some() => (year(second)?, month(first)?),
                lengths if in_words || matches!(lengths, (1 | 2, 1 | 2)) => {
                    let day = number(first, 2)?;
                    let month = month(second)?;
                    let is_day = in_words || (1..=31).contains(&day);
                    return is_day.then(|| format!("day {month:02}-{day:02}"));
                }
                _ => return None,
            };
            Some(format!("month {year}-{month:02}"))
        }
        [first, second, third] => {
            let (y, m, d) = if first.len() == 4 {
                (first, second, third)
            } else {
                (third, second, first)
            };
            let date = Date::new(
                year(y)?,
                i8::try_from(month(m)?).ok()?,
                i8::try_from(number(d, 2)?).ok()?,
            );
            date.ok().map(|date| date.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_a_person_takes_for_the_same_are_seen_as_the_same() {
        for (one, other) in [
            ("SAK-1", "sak-1"),
            ("2026/1", "2026/1 "),
            ("2026/1", "\u{a0}2026/1"),
            ("\u{c5}s-1", "A\u{30a}s-1"),
            ("Sak 1", "sak\u{a0}1"),
            ("2026-1", "2026\u{2013}1"),
            ("a1", "a\u{200b}1"),
        ] {
            assert_eq!(as_seen(one), as_seen(other), "{one:?} {other:?}");
        }
        for (one, other) in [("1", "01"), ("2026/1", "2026-1"), ("a", "b"), ("a1", "a 1")] {
            assert_ne!(as_seen(one), as_seen(other));
        }
    }

    #[test]
    fn what_a_spreadsheet_makes_of_a_key_is_undone() {
        for (one, other) in [
            ("0001", "1"),
            ("0001", "1,0"),
            ("000", "0"),
            ("2026/1", "jan.26"),
            ("1/2026", "Jan-26"),
            ("2026-12-01", "01.12.2026"),
            ("1.12.2026", "01.12.26"),
            ("1-2", "01.feb"),
            ("1/2", "1. feb."),
            ("12-5", "12.mai"),
        ] {
            assert_eq!(
                as_spreadsheet_leaves_it(one),
                as_spreadsheet_leaves_it(other),
                "{one} {other}"
            );
        }
        for key in [
            "2026/00001",
            "2026/13",
            "a-1",
            "1-2-3-4",
            "abc",
            "",
            "1234-56-789",
            "31/13",
            "3.5.7",
        ] {
            assert_eq!(as_spreadsheet_leaves_it(key), key);
        }
    }
}
