//! The date filters and functions: they read dates as columns hold them, calculate in Norwegian time, and write in the letter's language.

use jiff::civil::Date;
use jiff::{Span, Zoned};
use tera::{Error, Kwargs, Value};

use super::calendar::{WORKDAY_LIMIT, add_workdays};
use super::error::failure;
use super::writer::language_argument;
use crate::correspondence::{Language, Moment, in_norway};

/// A date or a point in time, as a column holds it.
enum DateOrTime {
    Date(Date),
    Time(Zoned),
}

impl DateOrTime {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        if let Some(date) = norwegian(text) {
            return Some(Self::Date(date));
        }
        // A date without a time, such as 2026-12-15.
        if text.len() == 10 {
            return text.parse().ok().map(Self::Date);
        }
        let moment: Moment = text.parse().ok()?;
        Some(Self::Time(in_norway(moment.timestamp())))
    }

    fn date(&self) -> Date {
        match self {
            Self::Date(date) => *date,
            Self::Time(zoned) => zoned.date(),
        }
    }
}

/// Parses a Norwegian date, such as `15.12.2026` or `1.5.2026`.
fn norwegian(text: &str) -> Option<Date> {
    // Without these checks a year of two digits, blanks and signs would be read too.
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let has_year = text.rfind('.').is_some_and(|point| text.len() - point == 5);
    if !is_plain || !has_year {
        return None;
    }
    Date::strptime("%d.%m.%Y", text).ok()
}

fn not_a_date(filter: &str, value: &Value) -> Error {
    let message = format!("`{filter}` needs a date such as 2026-12-15 or 15.12.2026, or a time");
    failure(&message, &value.to_string())
}

/// The filter `date`: writes a date in words, or in one of the other forms.
pub(super) fn format_date(value: &Value, by: &Kwargs) -> Result<String, Error> {
    let when = DateOrTime::read(value).ok_or_else(|| not_a_date("date", value))?;
    let language = language_argument(by)?;
    let date = when.date();
    let (day, year) = (date.day(), date.year());
    let english = language == Language::English;
    let month = language.month(date.month());
    let long = if english {
        format!("{day} {month} {year}")
    } else {
        format!("{day}. {month} {year}")
    };
    Ok(match by.get::<&str>("form")?.unwrap_or("long") {
        "long" => long,
        "weekday" => format!("{} {long}", weekday(language, date)),
        "month" => format!("{month} {year}"),
        // English readers differ on the order of day and month in figures, so the month is a word.
        "short" if english => format!("{day} {} {year}", month.get(..3).unwrap_or(month)),
        "short" => date.strftime("%d.%m.%Y").to_string(),
        "iso" => date.to_string(),
        "time" => {
            let DateOrTime::Time(zoned) = &when else {
                return Err(failure("a date has no time of day", &value.to_string()));
            };
            let format = if english { "%H:%M" } else { "%H.%M" };
            zoned.strftime(format).to_string()
        }
        other => {
            let message = "`form` must be `long`, `weekday`, `month`, `short`, `time` or `iso`";
            return Err(failure(message, other));
        }
    })
}

fn weekday(language: Language, date: Date) -> String {
    let names = match language {
        Language::Bokmal => [
            "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag",
        ],
        Language::Nynorsk => [
            "måndag", "tysdag", "onsdag", "torsdag", "fredag", "laurdag", "sundag",
        ],
        Language::English => return date.strftime("%A").to_string(),
    };
    let place = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
    names.get(place).copied().unwrap_or_default().to_owned()
}

/// The arguments of `plus`; each may be negative.
#[derive(Default)]
struct Added {
    months: i64,
    days: i64,
    hours: i64,
    workdays: i64,
}

/// The filter `plus`. A date stays a date, and a time a time. Months come first, then days, then hours, then working days.
pub(super) fn plus(value: &Value, by: &Kwargs) -> Result<String, Error> {
    let added = Added::read(by)?;
    let when = DateOrTime::read(value).ok_or_else(|| not_a_date("plus", value))?;
    if matches!(when, DateOrTime::Date(_)) && added.hours != 0 {
        let message = "hours cannot be added to a date";
        return Err(failure(message, &value.to_string()));
    }
    let sum = added.to(&when);
    sum.map_err(|_| failure("`plus` leads out of the calendar", &value.to_string()))
}

impl Added {
    fn read(by: &Kwargs) -> Result<Self, Error> {
        let missing = || Error::message(format!("`plus` needs one of {UNITS}"));
        if by.iter().next().is_none() {
            return Err(missing());
        }
        let mut added = Self::default();
        for (key, value) in by.iter() {
            let name = key.as_str().unwrap_or_default();
            let (sum, each) = match name {
                "years" => (&mut added.months, 12),
                "months" => (&mut added.months, 1),
                "weeks" => (&mut added.days, 7),
                "days" => (&mut added.days, 1),
                "hours" => (&mut added.hours, 1),
                "workdays" => (&mut added.workdays, 1),
                // Unknown names are found when the template is compiled.
                _ => return Err(missing()),
            };
            let count = whole_number(value).ok_or_else(|| {
                let message = format!("`plus` needs a whole number for `{name}`");
                failure(&message, &value.to_string())
            })?;
            *sum = sum.saturating_add(count.saturating_mul(each));
        }
        if added.workdays.unsigned_abs() > WORKDAY_LIMIT {
            return Err(Error::message("`plus` counts at most 10000 workdays"));
        }
        Ok(added)
    }

    fn to(&self, when: &DateOrTime) -> Result<String, jiff::Error> {
        let months = Span::new().try_months(self.months)?;
        let days = Span::new().try_days(self.days)?;
        let hours = Span::new().try_hours(self.hours)?;
        match when {
            DateOrTime::Date(date) => {
                let date = date.checked_add(months)?.checked_add(days)?;
                Ok(add_workdays(date, self.workdays)?.to_string())
            }
            DateOrTime::Time(zoned) => {
                let zoned = zoned.checked_add(months)?.checked_add(days)?;
                let zoned = zoned.checked_add(hours)?;
                let date = add_workdays(zoned.date(), self.workdays)?;
                // The time of day stays, even across a change to or from summer time.
                Ok(Moment::from(&zoned.with().date(date).build()?).to_string())
            }
        }
    }
}

const UNITS: &str = "`years`, `months`, `weeks`, `days`, `hours` and `workdays`";

/// Reads a whole number, also from a text as columns hold it.
fn whole_number(value: &Value) -> Option<i64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tera::Context;

    use super::super::engine;

    fn render(template: &str) -> Result<String, String> {
        let now = "2026-10-20T10:00:00.5Z".parse().unwrap();
        let tera = engine::new(now, Arc::default());
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
            (
                "{{ now() | plus(workdays=5) }}",
                "2026-10-27T12:00:00+01:00",
            ),
            ("{{ '2026-01-31' | plus(months=1) }}", "2026-02-28"),
            ("{{ '2024-02-29' | plus(years=1, days=1) }}", "2025-03-01"),
            ("{{ '24.12.2026' | plus(workdays=1) }}", "2026-12-28"),
            ("{{ ' 2026-12-15 ' | plus(days='14') }}", "2026-12-29"),
            (
                "{{ '2026-12-15T12:00' | plus(days=1) }}",
                "2026-12-16T12:00:00+01:00",
            ),
            // In Norwegian time it is the next day already.
            (
                "{{ '2026-12-14T23:30:00Z' | date(form='short') }}",
                "15.12.2026",
            ),
            (
                "{{ '2026-06-07T22:30:00Z' | date(form='time', lang='en') }}",
                "00:30",
            ),
            (
                "{{ '2026-06-07' | date(form='weekday', lang='NN-no') }}",
                "sundag 7. juni 2026",
            ),
            (
                "{{ '2026-09-07' | date(form='short', lang='en') }}",
                "7 Sep 2026",
            ),
        ] {
            assert_eq!(render(template).unwrap(), text, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        for (template, message) in [
            ("{{ '15/12/2026' | plus(days=1) }}", "`plus` needs a date"),
            ("{{ '31.2.2026' | date }}", "`date` needs a date"),
            ("{{ 46371 | date }}", "`date` needs a date"),
            ("{{ '' | plus(days=1) }}", "`plus` needs a date"),
            ("{{ now() | plus }}", "`plus` needs one of `years`"),
            (
                "{{ now() | plus(decades=1) }}",
                "`plus` needs one of `years`",
            ),
            ("{{ now() | plus(days='x') }}", "a whole number for `days`"),
            ("{{ now() | plus(days=9999999999) }}", "out of the calendar"),
            (
                "{{ now() | plus(workdays=-9223372036854775807 - 1) }}",
                "at most 10000 workdays",
            ),
            (
                "{{ now() | plus(workdays='-9223372036854775808') }}",
                "at most 10000 workdays",
            ),
            (
                "{{ now() | plus(workdays=99999) }}",
                "at most 10000 workdays",
            ),
            (
                "{{ '2026-12-15' | plus(hours=1) }}",
                "hours cannot be added",
            ),
            ("{{ '2026-12-15' | date(form='time') }}", "no time of day"),
            ("{{ '2026-12-15' | date(form='kort') }}", "`form` must be"),
            ("{{ '2026-12-15' | date(lang='se') }}", "`lang` must be"),
        ] {
            let error = render(template).unwrap_err();
            assert!(error.contains(message), "{template}: {error}");
        }
    }
}
