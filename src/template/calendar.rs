//! Norwegian public holidays and the working days between them.

use jiff::civil::{Date, Weekday, date};
use jiff::{Error, ToSpan as _};

/// The largest number of working days that can be added. They are counted one by one, and a row must not take forever.
pub(super) const WORKDAY_LIMIT: u64 = 10_000;

/// Adds `count` working days, or subtracts them when it is negative. 0 returns the same day, even if it is a holiday.
pub(super) fn add_workdays(from: Date, count: i64) -> Result<Date, Error> {
    let mut day = from;
    for _ in 0..count.unsigned_abs() {
        day = next(day, count)?;
        while !is_workday(day) {
            day = next(day, count)?;
        }
    }
    Ok(day)
}

fn next(day: Date, direction: i64) -> Result<Date, Error> {
    day.checked_add(direction.signum().days())
}

/// True when a day is neither Saturday, Sunday nor a public holiday.
fn is_workday(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(day)
}

/// True for Norway's public holidays: New Year's Day, 1 May, 17 May and Christmas, and those that depend on Easter: Maundy Thursday to Easter Monday (except
/// Saturday), Ascension Day, Whit Sunday and Whit Monday.
fn is_holiday(day: Date) -> bool {
    let fixed = matches!(
        (day.month(), day.day()),
        (1 | 5, 1) | (5, 17) | (12, 25 | 26)
    );
    let with_easter = || {
        let since = day.day_of_year() - easter(day.year()).day_of_year();
        matches!(since, -3 | -2 | 0 | 1 | 39 | 49 | 50)
    };
    fixed || with_easter()
}

/// The date of Easter Sunday in the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher.
fn easter(year: i16) -> Date {
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let corrected = century - century / 4 - (8 * century + 13) / 25;
    let moon = (19 * golden + corrected + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 19 * to_sunday) / 433;
    let month = (moon + to_sunday - 7 * late + 90) / 25;
    let day = (moon + to_sunday - 7 * late + 33 * month + 19) % 32;
    // The numbers are a month and a day and always fit.
    let small = |number: i16| i8::try_from(number).unwrap_or(1);
    date(year, small(month), small(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_when_it_is() {
        for (year, month, day) in [
            (1961, 4, 2),
            (2000, 4, 23),
            (2008, 3, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
            (2285, 3, 22),
        ] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn public_holidays_are_those_of_the_law() {
        let of = |year: i16| -> Vec<String> {
            let days = date(year, 1, 1).series(1.days());
            days.take_while(|day| day.year() == year)
                .filter(|day| is_holiday(*day))
                .map(|day| day.strftime("%m-%d").to_string())
                .collect()
        };
        assert_eq!(
            of(2026),
            [
                "01-01", "04-02", "04-03", "04-05", "04-06", "05-01", "05-14", "05-17", "05-24",
                "05-25", "12-25", "12-26"
            ]
        );
        assert!(
            of(2024).contains(&"05-20".to_owned()),
            "Whit Monday in a leap year"
        );
    }

    #[test]
    fn working_days_pass_over_holidays_both_ways() {
        for (from, count, to) in [
            (date(2026, 12, 15), 10, date(2026, 12, 30)),
            (date(2026, 4, 1), 1, date(2026, 4, 7)),
            (date(2026, 4, 7), -1, date(2026, 4, 1)),
            (date(2026, 5, 15), 1, date(2026, 5, 18)),
            (date(2026, 11, 21), 1, date(2026, 11, 23)),
            (date(2026, 11, 21), 0, date(2026, 11, 21)),
        ] {
            assert_eq!(add_workdays(from, count).unwrap(), to, "{from} {count}");
        }
        assert!(add_workdays(date(9999, 12, 31), 1).is_err());
    }
}
