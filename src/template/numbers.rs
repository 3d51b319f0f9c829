//! The number filters and functions. They calculate with exact decimals, read numbers as columns hold them, and write in the letter's language.

use std::iter::repeat_n;

use rust_decimal::{Decimal, RoundingStrategy};
use tera::{Error, Kwargs, Value};

use super::error::failure;
use super::writer::language_argument;
use crate::correspondence::Language;
use crate::text::grouped_digits;

/// The no-break space between groups of digits, and between a unit and its amount.
const NO_BREAK: char = '\u{A0}';

/// The largest number of decimals that can be asked for.
const MOST_DECIMALS: u32 = 20;

pub(super) fn money(value: &Value, by: &Kwargs) -> Result<String, Error> {
    let amount = written("money", value, by, Some(2))?;
    Ok(match by.get::<&str>("unit")?.unwrap_or_default() {
        "" => amount,
        unit => format!("{unit}{NO_BREAK}{amount}"),
    })
}

pub(super) fn number(value: &Value, by: &Kwargs) -> Result<String, Error> {
    written("number", value, by, None)
}

/// Writes a number in the letter's language, with the decimals that are asked for, or else `usual` ones.
fn written(filter: &str, value: &Value, by: &Kwargs, usual: Option<u32>) -> Result<String, Error> {
    let decimals = by.get("decimals")?.or(usual);
    if decimals.is_some_and(|decimals| decimals > MOST_DECIMALS) {
        return Err(Error::message(format!(
            "there are at most {MOST_DECIMALS} decimals"
        )));
    }
    let number = read_number(filter, value, decimals.is_some_and(|decimals| decimals > 2))?;
    Ok(format_number(number, decimals, language_argument(by)?))
}

pub(super) fn amount(value: &Value, _: &Kwargs) -> Result<Value, Error> {
    let number = read_number("amount", value, false)?;
    exact(number).ok_or_else(|| too_large("amount", value))
}

pub(super) fn times(value: &Value, by: &Kwargs) -> Result<Value, Error> {
    let (one, other) = (
        read_number("times", value, false)?,
        read_number("times", &by.must_get::<Value>("by")?, false)?,
    );
    // With more decimals than a `Decimal` holds, the product would be rounded silently.
    let fits = one.scale() + other.scale() <= Decimal::MAX_SCALE;
    let product = one.checked_mul(other).filter(|_| fits);
    let product = product.ok_or_else(|| too_large("times", value))?;
    Ok(exact_or_text(product))
}

pub(super) fn sum(by: &Kwargs) -> Result<Value, Error> {
    let numbers = by.must_get::<Vec<Value>>("of")?;
    let mut sum = Decimal::ZERO;
    for number in &numbers {
        let added = sum.checked_add(read_number("sum", number, false)?);
        sum = added.ok_or_else(|| too_large("sum", number))?;
    }
    Ok(exact_or_text(sum))
}

/// Returns a result as a number of Tera, so that it can be compared. When Tera's numbers would round it, as text that can be read in one way only: three
/// decimals get a fourth, because three could be taken for thousands.
fn exact_or_text(number: Decimal) -> Value {
    exact(number).unwrap_or_else(|| {
        let number = number.normalize();
        let zero = if number.scale() == 3 { "0" } else { "" };
        Value::from(format!("{number}{zero}"))
    })
}

/// Converts to a number of Tera; `None` when that does not have the same digits.
fn exact(number: Decimal) -> Option<Value> {
    let number = number.normalize();
    if number.scale() == 0 {
        return Some(match i64::try_from(number.mantissa()) {
            Ok(whole) => Value::from(whole),
            Err(_) => Value::from(number.mantissa()),
        });
    }
    let digits = number.to_string();
    let float: f64 = digits.parse().ok()?;
    (format!("{float:?}") == digits).then(|| Value::from(float))
}

pub(super) fn plural(value: &Value, by: &Kwargs) -> Result<Value, Error> {
    let number = read_number("plural", value, true)?;
    let (one, many) = (by.must_get::<Value>("one")?, by.must_get::<Value>("many")?);
    Ok(match by.get::<Value>("zero")? {
        Some(zero) if number.is_zero() => zero,
        _ if number.abs() == Decimal::ONE => one,
        _ => many,
    })
}

fn too_large(filter: &str, value: &Value) -> Error {
    let message = format!("`{filter}` cannot hold a number so large or so fine");
    failure(&message, &value.to_string())
}

/// Reads a number from a column's text or from a number of Tera. With `three_decimals`, three digits after a single point or comma are decimals; otherwise such
/// a text is an error, because it may be thousands.
fn read_number(filter: &str, value: &Value, three_decimals: bool) -> Result<Decimal, Error> {
    let text = value.to_string();
    let (negative, digits) = unsigned(text.trim());
    let is_text = value.as_str().is_some();
    let plain = normalize(digits).ok_or_else(|| {
        let message = format!("`{filter}` needs a number such as 1234.5 or 1 234,50");
        failure(&message, &text)
    })?;
    if is_text && !three_decimals && is_doubtful(digits) {
        let message = format!("`{filter}` cannot tell thousands from decimals");
        return Err(failure(&message, &text));
    }
    let number = Decimal::from_str_exact(&plain).map_err(|_| too_large(filter, value))?;
    Ok(if negative { -number } else { number })
}

/// Splits a number into its sign (true for negative) and its digits.
fn unsigned(text: &str) -> (bool, &str) {
    // U+2212 is the minus sign that word processors write.
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => (true, digits.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// True when three digits follow the only point or comma, so that it may separate thousands: `1.234`, but not `0,125`.
fn is_doubtful(digits: &str) -> bool {
    let mut parts = digits.split(['.', ',']);
    let (Some(whole), Some(rest), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    rest.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
}

/// Normalises a number to digits with at most one decimal point; `None` when the text is no number. Groups of three may be separated by spaces, or by a point
/// or comma that is not the decimal sign.
fn normalize(digits: &str) -> Option<String> {
    const SEPARATORS: [char; 6] = [' ', NO_BREAK, '\u{202F}', '\u{2009}', '.', ','];
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // The last point or comma is the decimal sign, unless there are several of it.
    let point = digits.rfind(['.', ',']);
    let point = point.filter(|at| digits.matches(&digits[*at..=*at]).count() == 1);
    let (whole, decimals) = match point {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let separator = whole.chars().find(|c| SEPARATORS.contains(c));
    let mut groups = whole.split(|c| Some(c) == separator);
    let first = groups.next()?;
    let mut number = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.len() > 3 {
            return None;
        }
        number.push_str(group);
    }
    if first.is_empty() || !are_digits(&number) || !decimals.is_none_or(are_digits) {
        return None;
    }
    number.extend(decimals.iter().flat_map(|decimals| [".", decimals]));
    Some(number)
}

/// Formats a number with separated thousands. Halves are rounded away from zero, as amounts of money usually are.
fn format_number(number: Decimal, decimals: Option<u32>, language: Language) -> String {
    let (group, point) = match language {
        Language::Bokmal | Language::Nynorsk => (NO_BREAK, ','),
        Language::English => (',', '.'),
    };
    let digits = match decimals {
        Some(decimals) => {
            let strategy = RoundingStrategy::MidpointAwayFromZero;
            let rounded = number.abs().round_dp_with_strategy(decimals, strategy);
            // `{:.*}` would panic beyond 32 characters.
            let mut digits = rounded.to_string();
            let fraction = digits
                .split_once('.')
                .map_or(0, |(_, fraction)| fraction.len());
            let missing = (decimals as usize).saturating_sub(fraction);
            if fraction == 0 && missing > 0 {
                digits.push('.');
            }
            digits.extend(repeat_n('0', missing));
            digits
        }
        None => number.abs().to_string(),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let is_negative = number.is_sign_negative() && digits.contains(|c| matches!(c, '1'..='9'));
    let sign = if is_negative { "-" } else { "" };
    let whole = grouped_digits(whole, group);
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Result<String, String> {
        let number =
            read_number("money", &Value::from(text), false).map_err(|error| error.to_string())?;
        Ok(format_number(number, Some(2), Language::Bokmal).replace(NO_BREAK, " "))
    }

    #[test]
    fn a_number_may_have_more_characters_than_a_decimal() {
        let number = Decimal::from(123_456_789_012_i64);
        let shown = format_number(number, Some(20), Language::English);
        assert_eq!(shown, "123,456,789,012.00000000000000000000");
    }

    #[test]
    fn amounts_are_read_as_columns_hold_them() {
        for (text, shown) in [
            ("1234.5", "1 234,50"),
            ("1234,5", "1 234,50"),
            ("1 234,50", "1 234,50"),
            ("1\u{A0}234,50", "1 234,50"),
            ("1\u{202F}234\u{202F}567", "1 234 567,00"),
            ("1.234,50", "1 234,50"),
            ("1,234.50", "1 234,50"),
            ("1.234.567", "1 234 567,00"),
            ("1,234,567.891", "1 234 567,89"),
            (" -12 ", "-12,00"),
            ("\u{2212}1 000", "-1 000,00"),
            ("+7", "7,00"),
            ("0,125", "0,13"),
            ("1234.567", "1 234,57"),
            ("007", "7,00"),
            ("0", "0,00"),
        ] {
            assert_eq!(amount(text).as_deref(), Ok(shown), "{text:?}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero_and_nothing_is_lost_on_the_way() {
        for (text, shown) in [
            ("0.005", "0,01"),
            ("-0.005", "-0,01"),
            ("-0.004", "0,00"),
            ("2.675", "2,68"),
            ("1000000000000.005", "1 000 000 000 000,01"),
            ("99999999999999999999.995", "100 000 000 000 000 000 000,00"),
            ("999.995", "1 000,00"),
        ] {
            let number = read_number("money", &Value::from(text), true).unwrap();
            let written = format_number(number, Some(2), Language::Bokmal).replace(NO_BREAK, " ");
            assert_eq!(written, shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_two_is_refused() {
        for text in [
            "",
            "-",
            "12 34",
            "1 2345",
            "1234 567",
            "1.23.456",
            "1,2,3",
            "12a",
            "1e5",
            "1,",
            ",5",
            "kr 5",
            "1 234.567 890",
        ] {
            let error = amount(text).unwrap_err();
            assert!(error.contains("needs a number"), "{text:?}: {error}");
        }
        for text in ["1.234", "12,345", "-999.999"] {
            let error = amount(text).unwrap_err();
            assert!(
                error.contains("cannot tell thousands from decimals"),
                "{text}: {error}"
            );
        }
        assert!(amount(&"9".repeat(40)).unwrap_err().contains("so large"));
    }

    #[test]
    fn numbers_of_the_manifest_are_exact_as_they_are_written() {
        let value = |json: serde_json::Value| Value::try_from_serializable(&json).unwrap();
        for (json, shown) in [
            (serde_json::json!(1.005), "1,01"),
            (serde_json::json!(1.234), "1,23"),
            (serde_json::json!(-7), "-7,00"),
        ] {
            let number = read_number("money", &value(json), false).unwrap();
            assert_eq!(format_number(number, Some(2), Language::Nynorsk), shown);
        }
    }
}
