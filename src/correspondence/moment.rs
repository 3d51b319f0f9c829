//! Points in time as the API writes them: RFC 3339 with an offset.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The time zone of times without an offset, by the data compiled in where the machine has none.
static NORWAY: LazyLock<TimeZone> = LazyLock::new(|| {
    let oslo = "Europe/Oslo";
    let zone = TimeZone::get(oslo).or_else(|_| TimeZoneDatabase::bundled().get(oslo));
    zone.unwrap_or(TimeZone::UTC)
});

pub(crate) fn in_norway(at: Timestamp) -> Zoned {
    at.to_zoned(NORWAY.clone())
}

/// A point in time that keeps the offset it was written with.
///
/// Written to Altinn as RFC 3339 with whole seconds. A date or time without an offset is Norwegian time; a plain date is its first instant. Altinn
/// itself would read a missing offset as UTC, which is why massebrev never sends one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    offset: Offset,
}

impl Moment {
    pub fn timestamp(self) -> Timestamp {
        self.at
    }

    /// The written day, when the instant falls on another day in Norway; else `None`.
    pub(crate) fn other_day_in_norway(self) -> Option<Date> {
        let written = self.offset.to_datetime(self.at).date();
        (in_norway(self.at).date() != written).then_some(written)
    }
}

/// Deserialises a deadline: a plain date means the last second of that day in Norway, unlike in other members, where it means the first.
pub(super) fn deadline<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Moment>, D::Error> {
    let text = <Option<Cow<'de, str>>>::deserialize(deserializer)?;
    // Templates often leave a line break behind a value.
    let read = text.as_deref().map(str::trim).map(|text| {
        let is_date = text.len() == 10 && text.parse::<Date>().is_ok();
        let end_of_day = is_date.then(|| format!("{text}T23:59:59"));
        end_of_day.as_deref().unwrap_or(text).parse()
    });
    read.transpose().map_err(de::Error::custom)
}

impl From<&Zoned> for Moment {
    fn from(zoned: &Zoned) -> Self {
        Self {
            at: zoned.timestamp(),
            offset: zoned.offset(),
        }
    }
}

/// A deadline as people name it: `the end of 2026-12-15 in Norway`, or its Norwegian time where that is another one.
pub(crate) fn deadline_text(at: Timestamp) -> String {
    let local = in_norway(at);
    // 23:59:59 is what `deadline` makes of a plain date.
    if (local.hour(), local.minute()) == (23, 59) {
        return format!("the end of {} in Norway", local.date());
    }
    local_time(at)
}

/// Norwegian local time to the minute, for people, with its offset, so that it cannot be taken for another clock's: `2026-07-02 00:30+02:00`.
pub fn local_time(at: Timestamp) -> String {
    in_norway(at).strftime("%Y-%m-%d %H:%M%:z").to_string()
}

/// The largest offset that .NET reads, in seconds.
const MOST_OFFSET: i32 = 14 * 60 * 60;

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // At most 40 characters.
        let because = |reason| format!("`{text:.40}` {reason}");
        // The end of what `Timestamp` can hold.
        let is_last = text.starts_with("9999-12-3");
        let refused = || {
            because(if is_last {
                "is after 9999-12-29, the last date that massebrev knows"
            } else {
                "is not a date and time such as 2026-12-15T12:00:00+01:00 or 2026-12-15"
            })
        };
        if let Ok(at) = text.parse::<Timestamp>() {
            // `Timestamp` checks the offset but does not keep it; `Pieces` returns it.
            let offset = jiff::fmt::temporal::Pieces::parse(text)
                .ok()
                .and_then(|pieces| pieces.to_numeric_offset())
                .unwrap_or(Offset::UTC);
            if offset.seconds().abs() > MOST_OFFSET {
                return Err(because(
                    "has an offset beyond 14 hours, which Altinn does not read",
                ));
            }
            // .NET has no other years.
            if !(1..=9999).contains(&offset.to_datetime(at).year()) {
                return Err(refused());
            }
            return Ok(Self { at, offset });
        }
        let local = match text.parse::<Date>() {
            Ok(date) if text.len() == 10 => date.at(0, 0, 0, 0),
            _ => text.parse::<DateTime>().map_err(|_| refused())?,
        };
        // Twice a year a local time is missing or occurs twice: `compatible` takes the later time in a gap and the earlier of two.
        let zoned = NORWAY
            .to_ambiguous_zoned(local)
            .compatible()
            .map_err(|_| refused())?;
        Ok(Self::from(&zoned))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.at.as_second()).unwrap_or(self.at);
        write!(f, "{}", whole.display_with_offset(self.offset))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.trim().parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A date and time such as `2026-12-15T12:00:00+01:00`, or a date; without an offset it is Norwegian time.",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Moment>().unwrap().to_string()
    }

    #[test]
    fn an_offset_is_kept() {
        assert_eq!(
            written("2026-12-15T12:00:00+01:00"),
            "2026-12-15T12:00:00+01:00"
        );
        assert_eq!(
            written("2026-12-15T12:00:00.75Z"),
            "2026-12-15T12:00:00+00:00"
        );
    }

    #[test]
    fn without_an_offset_it_is_norwegian_time() {
        assert_eq!(written("2026-12-15T12:00"), "2026-12-15T12:00:00+01:00");
        assert_eq!(written("2026-07-01"), "2026-07-01T00:00:00+02:00");
    }

    #[test]
    fn a_deadline_on_a_day_is_the_end_of_that_day() {
        let read = |text: &str| {
            let text = serde_json::Value::from(text);
            let read = deadline(text).map(|read| read.map(|moment| moment.to_string()));
            read.ok().flatten()
        };
        for (text, expected) in [
            ("2026-12-15", Some("2026-12-15T23:59:59+01:00")),
            (" 2026-07-01\n", Some("2026-07-01T23:59:59+02:00")),
            ("2026-12-15T00:00", Some("2026-12-15T00:00:00+01:00")),
            ("2026-12-15T12:00:00Z", Some("2026-12-15T12:00:00+00:00")),
            ("15.12.2026", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
        let end = "2026-12-15T22:59:59Z".parse().unwrap();
        assert_eq!(deadline_text(end), "the end of 2026-12-15 in Norway");
        let noon = "2026-12-15T11:00:00Z".parse().unwrap();
        assert_eq!(deadline_text(noon), "2026-12-15 12:00+01:00");
    }

    #[test]
    fn a_day_that_is_another_one_in_norway_is_known() {
        for (text, other) in [
            ("2026-12-15T23:59:59Z", true),
            ("2026-12-15T22:59:59Z", false),
            ("2026-12-15T23:59:59+01:00", false),
            ("2026-12-15T23:59:59", false),
            ("2026-07-15T22:00:00Z", true),
            ("2026-12-15T00:30:00+05:00", true),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.other_day_in_norway().is_some(), other, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "15.12.2026",
            "2026-02-30",
            "tomorrow",
            "46371",
            "2026-12-15T12:00:00+14:01",
            "2026-12-15T12:00:00-15:00",
            "-000001-12-15T12:00:00Z",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn people_see_norwegian_time() {
        let at = "2026-07-01T22:30:00.5Z".parse().unwrap();
        assert_eq!(local_time(at), "2026-07-02 00:30+02:00");
    }
}
