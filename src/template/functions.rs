//! What templates can do beside Tera's own functions and filters: the time of the mailing, and days counted from a time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use tera::{Error, Kwargs, State, Tera, Value};

use super::error::shown;
use crate::correspondence::{Moment, OSLO};

/// Stands between the message and the cause in an error of ours: Tera's errors are one text.
pub(super) const CAUSE: char = '\u{1F}';

/// Tera's own filters and ours, for "did you mean".
pub(super) const FILTERS: [&str; 39] = [
    "safe",
    "default",
    "upper",
    "lower",
    "wordcount",
    "escape",
    "escape_html",
    "escape_xml",
    "newlines_to_br",
    "pluralize",
    "trim",
    "trim_start",
    "trim_end",
    "replace",
    "capitalize",
    "title",
    "truncate",
    "indent",
    "str",
    "int",
    "float",
    "length",
    "reverse",
    "split",
    "abs",
    "round",
    "first",
    "last",
    "nth",
    "join",
    "sort",
    "unique",
    "get",
    "values",
    "keys",
    "pairs",
    "group_by",
    "plus",
    "map",
];

/// Tera's own functions and ours.
pub(super) const FUNCTIONS: [&str; 3] = ["now", "range", "throw"];

/// Makes `now()` and `plus` known.
pub(super) fn register(tera: &mut Tera, now: Timestamp) -> Result<(), jiff::Error> {
    let oslo = TimeZone::get(OSLO)?;
    let text = Moment::from(&now.to_zoned(oslo.clone())).to_string();
    tera.register_function("now", move |_: Kwargs, _: &State<'_>| text.clone());
    tera.register_filter("plus", move |text: &str, by: Kwargs, _: &State<'_>| {
        plus(text, &by, &oslo)
    });
    Ok(())
}

/// `text | plus(days=14)`: a date stays a date; a time is counted in Norwegian time, so that noon stays noon over the change of clocks.
fn plus(text: &str, by: &Kwargs, oslo: &TimeZone) -> Result<String, Error> {
    let [months, days, hours] = spans(by)?;
    let text = text.trim();
    let wrong = || failure("`plus` needs a date or a time such as 2026-12-15", text);
    let far = |_| too_far(text);
    if text.len() == 10 {
        let date: Date = text.parse().map_err(|_| wrong())?;
        if !hours.is_zero() {
            return Err(failure("hours cannot be added to a date", text));
        }
        let date = date
            .checked_add(months)
            .and_then(|date| date.checked_add(days));
        return Ok(date.map_err(far)?.to_string());
    }
    let moment: Moment = text.parse().map_err(|_| wrong())?;
    let mut zoned = moment.timestamp().to_zoned(oslo.clone());
    for span in [months, days, hours] {
        zoned = zoned.checked_add(span).map_err(far)?;
    }
    Ok(Moment::from(&zoned).to_string())
}

/// Months, days and hours, each with a sign of its own.
fn spans(by: &Kwargs) -> Result<[Span; 3], Error> {
    let (mut months, mut days, mut hours) = (None, None, None);
    for (key, value) in by.iter() {
        let name = key.as_str().unwrap_or_default();
        let (sum, each) = match name {
            "months" => (&mut months, 1),
            "weeks" => (&mut days, 7),
            "days" => (&mut days, 1),
            "hours" => (&mut hours, 1),
            _ => {
                return Err(Error::message(format!(
                    "`plus` does not know `{name}`: only `hours`, `days`, `weeks` and `months`"
                )));
            }
        };
        let count = count(value).ok_or_else(|| {
            let message = format!("`plus` needs a whole number for `{name}`");
            failure(&message, &value.to_string())
        })?;
        *sum = Some(
            sum.unwrap_or(0_i64)
                .saturating_add(count.saturating_mul(each)),
        );
    }
    if months.or(days).or(hours).is_none() {
        let message = "`plus` needs `hours`, `days`, `weeks` or `months`";
        return Err(Error::message(message));
    }
    let span = Span::new();
    let spans = [
        span.try_months(months.unwrap_or(0)),
        span.try_days(days.unwrap_or(0)),
        span.try_hours(hours.unwrap_or(0)),
    ];
    let [Ok(months), Ok(days), Ok(hours)] = spans else {
        return Err(Error::message("`plus` leads out of the calendar"));
    };
    Ok([months, days, hours])
}

/// A whole number, also as the text that a column holds.
fn count(value: &Value) -> Option<i64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_i64(),
    }
}

fn too_far(text: &str) -> Error {
    failure("`plus` leads out of the calendar", text)
}

fn failure(message: &str, found: &str) -> Error {
    Error::message(format!("{message}{CAUSE}{}", shown(found)))
}

#[cfg(test)]
mod tests {
    use tera::Context;

    use super::*;

    fn render(template: &str) -> Result<String, String> {
        let mut tera = Tera::new();
        register(&mut tera, "2026-10-20T10:00:00.5Z".parse().unwrap()).unwrap();
        tera.render_str(template, &Context::new(), false)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn now_is_norwegian_time_with_whole_seconds() {
        assert_eq!(render("{{ now() }}").unwrap(), "2026-10-20T12:00:00+02:00");
    }

    #[test]
    fn days_are_counted_in_norwegian_time() {
        for (template, text) in [
            // The clocks change on 25 October 2026: noon stays noon, hours do not.
            ("{{ now() | plus(days=14) }}", "2026-11-03T12:00:00+01:00"),
            ("{{ now() | plus(hours=240) }}", "2026-10-30T11:00:00+01:00"),
            (
                "{{ now() | plus(weeks=1, days=-1, hours=2) }}",
                "2026-10-26T14:00:00+01:00",
            ),
            ("{{ '2026-01-31' | plus(months=1) }}", "2026-02-28"),
            ("{{ ' 2026-12-15 ' | plus(days='14') }}", "2026-12-29"),
            (
                "{{ '2026-12-15T12:00' | plus(days=1) }}",
                "2026-12-16T12:00:00+01:00",
            ),
        ] {
            assert_eq!(render(template).unwrap(), text, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        for (template, message) in [
            ("{{ '15.12.2026' | plus(days=1) }}", "`plus` needs a date"),
            ("{{ '' | plus(days=1) }}", "`plus` needs a date"),
            ("{{ now() | plus }}", "`plus` needs `hours`"),
            ("{{ now() | plus(years=1) }}", "does not know `years`"),
            ("{{ now() | plus(days='x') }}", "a whole number for `days`"),
            ("{{ now() | plus(days=9999999999) }}", "out of the calendar"),
            (
                "{{ '2026-12-15' | plus(hours=1) }}",
                "hours cannot be added",
            ),
        ] {
            let error = render(template).unwrap_err();
            assert!(error.contains(message), "{template}: {error}");
        }
    }
}
