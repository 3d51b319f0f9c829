//! The filters for organisation, account and telephone numbers, which write them in their usual groups.

use tera::{Error, Value};

use super::error::failure;
use crate::correspondence::control_digits;

pub(super) fn organization(value: &Value) -> Result<String, Error> {
    let number = ungrouped(value);
    if !control_digits::organization_control_digit_fits(&number) {
        let message = "`organization` needs nine digits, of which the last fits the others";
        return Err(failure(message, &value.to_string()));
    }
    Ok(grouped(&number, &[3, 3, 3], '\u{A0}'))
}

pub(super) fn account(value: &Value) -> Result<String, Error> {
    let number = ungrouped(value);
    if !control_digits::account_control_digit_fits(&number) {
        let message = "`account` needs eleven digits, of which the last fits the others";
        return Err(failure(message, &value.to_string()));
    }
    Ok(grouped(&number, &[4, 2, 5], '.'))
}

pub(super) fn phone(value: &Value) -> Result<String, Error> {
    let written = value.to_string();
    let number = ungrouped(value);
    let (code, national) = match number.strip_prefix("+47").or(number.strip_prefix("0047")) {
        Some(national) => ("+47\u{A0}", national),
        None => ("", number.as_str()),
    };
    let digits = national.bytes().all(|byte| byte.is_ascii_digit());
    let national = match (digits, national.len(), national.as_bytes().first()) {
        // Mobile and freephone numbers are grouped 3-2-3, other numbers in pairs.
        (true, 8, Some(b'4' | b'8' | b'9')) => grouped(national, &[3, 2, 3], '\u{A0}'),
        (true, 8, _) => grouped(national, &[2, 2, 2, 2], '\u{A0}'),
        (true, 3..=6, _) => national.to_owned(),
        _ if code.is_empty() && is_foreign(&number) => {
            return Ok(written.trim().to_owned());
        }
        _ => {
            return Err(failure(
                "`phone` needs a telephone number of eight digits",
                &written,
            ));
        }
    };
    Ok(format!("{code}{national}"))
}

/// True for a number that may be foreign. Its groups are unknown, so it stays as it is written.
fn is_foreign(number: &str) -> bool {
    let national = number.strip_prefix('+').or(number.strip_prefix("00"));
    national.is_some_and(|national| {
        let digits = national.chars().filter(char::is_ascii_digit).count();
        digits >= 5
            && national
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '(' | ')' | '/'))
    })
}

/// Removes the blanks, points and hyphens that group digits.
fn ungrouped(value: &Value) -> String {
    let text = value.to_string();
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-'))
        .collect()
}

fn grouped(digits: &str, lengths: &[usize], between: char) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    let mut at = 0;
    for length in lengths {
        if at > 0 {
            text.push(between);
        }
        text.push_str(digits.get(at..at + length).unwrap_or_default());
        at += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_however_they_were_written() {
        let plain = |text: Result<String, Error>| text.unwrap().replace('\u{A0}', " ");
        for text in ["991825827", "991 825 827", " 991.825.827"] {
            assert_eq!(plain(organization(&text.into())), "991 825 827");
        }
        assert_eq!(plain(organization(&991_825_827.into())), "991 825 827");
        for text in ["12345678903", "1234 56 78903", "1234.56.78903"] {
            assert_eq!(plain(account(&text.into())), "1234.56.78903");
        }
        for (text, shown) in [
            ("91234567", "912 34 567"),
            ("+47 91 23 45 67", "+47 912 34 567"),
            ("004722334455", "+47 22 33 44 55"),
            ("80012345", "800 12 345"),
            ("02800", "02800"),
            ("+46 8 123 456", "+46 8 123 456"),
        ] {
            assert_eq!(plain(phone(&text.into())), shown);
        }
    }

    #[test]
    fn numbers_that_do_not_add_up_are_refused() {
        assert!(organization(&"991825828".into()).is_err());
        assert!(account(&"12345678904".into()).is_err());
        assert!(account(&"1234567890".into()).is_err());
        for text in ["1234567", "", "+", "00", "++4791234567", "+ukjent", "+46"] {
            assert!(phone(&text.into()).is_err(), "{text}");
        }
    }
}
