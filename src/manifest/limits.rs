//! Settings written as short texts: `120/min`, `90s`, `5%`.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A number of requests in a unit of time, as `120/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    count: NonZeroU32,
    /// The unit as it was written, from `RATE_UNITS`, so that the text comes back the same.
    unit: (&'static str, u64),
}

/// A length of time, as `90s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(Duration);

/// The limit of failed letters after which a run stops by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MaxFailures {
    Count(u64),
    /// A share of all letters, from 0 to 1.
    Share(f64),
}

/// The forms that settings must have; also what is said of those that have not.
const RATE_WORDS: &str = "must be a rate such as 10/s, 120/min or 1000/h";
const PERIOD_WORDS: &str = "must be a time such as 500ms, 90s, 10m or 1h";
const FAILURES_WORDS: &str = "must be a count such as 20 or a share such as 5%";

/// Units of rates, with their length in seconds.
const RATE_UNITS: [(&str, u64); 3] = [("s", 1), ("min", 60), ("h", 3600)];
/// Units of periods, with their length in milliseconds. The largest first: `Display` chooses the first that divides the period.
const PERIOD_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Rate {
    pub(crate) fn interval(self) -> Duration {
        Duration::from_secs(self.unit.1) / self.count.get()
    }
}

impl Period {
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let unit = RATE_UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let count = NonZeroU32::new(u32::try_from(whole_number(count)?).ok()?)?;
    Some(Rate { count, unit })
}

fn period(text: &str) -> Option<Period> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = &text[digits.len()..];
    let (_, milliseconds) = PERIOD_UNITS.into_iter().find(|(name, _)| *name == unit)?;
    // At most six digits, as in the schema: a million hours still fit in 64 bits of milliseconds.
    let count = whole_number(digits).filter(|count| (1..1_000_000).contains(count))?;
    Some(Period(Duration::from_millis(count * milliseconds)))
}

fn max_failures(text: &str) -> Option<MaxFailures> {
    // What the schema lets through has the right form.
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: f64 = percent.parse().ok()?;
            Some(MaxFailures::Share(percent / 100.0))
        }
        None => text.parse().ok().map(MaxFailures::Count),
    }
}

/// A whole number written with at most nine digits and nothing else.
fn whole_number(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.0)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // Zero is a multiple of every unit, and would become `0h`.
        let fits =
            |(_, length): &(&str, u64)| milliseconds != 0 && milliseconds.is_multiple_of(*length);
        let (unit, length) = PERIOD_UNITS.into_iter().find(fits).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", milliseconds / length)
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

/// Reads a setting from its text, lets serde read and write it so, and gives it its schema.
macro_rules! text_setting {
    ($type:ident, $parse:ident, $words:ident, $schema:tt) => {
        impl FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $parse(text).ok_or($words)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // Where the schema takes a number as well, as in `maxFailures: 20`, it is its text.
                let text = match Value::deserialize(deserializer)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                text.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_setting!(Rate, rate, RATE_WORDS, {
    "description": "A rate such as `10/s`, `120/min` or `1000/h`.",
    "type": "string",
    "pattern": "^[1-9][0-9]{0,8}/(s|min|h)$",
    "errorMessage": RATE_WORDS,
    "examples": ["120/min"]
});

text_setting!(Period, period, PERIOD_WORDS, {
    "description": "A length of time such as `500ms`, `90s`, `10m` or `1h`.",
    "type": "string",
    "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h)$",
    "errorMessage": PERIOD_WORDS,
    "examples": ["90s"]
});

text_setting!(MaxFailures, max_failures, FAILURES_WORDS, {
    "description": "A count such as `20`, or a share of all letters such as `5%`.",
    "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 999_999_999 },
        { "type": "string", "pattern": r"^([0-9]{1,2}(\.[0-9]{1,6})?|100)%$" }
    ],
    "errorMessage": FAILURES_WORDS,
    "examples": ["5%", 20]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_time_between_requests() {
        let interval = |text: &str| text.parse::<Rate>().map(Rate::interval);
        assert_eq!(interval("120/min"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("10/s"), Ok(Duration::from_millis(100)));
        assert_eq!(interval("1000/h"), Ok(Duration::from_millis(3600)));
        for text in [
            "",
            "120",
            "0/s",
            "-1/s",
            "1.5/s",
            "10/day",
            "10 / s",
            "+1/s",
            "4294967296/s",
        ] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_has_a_unit() {
        let period = |text: &str| text.parse::<Period>().map(Period::duration);
        assert_eq!(period("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(period("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(period("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(period("1h"), Ok(Duration::from_secs(3600)));
        for text in [
            "", "10", "0s", "10 m", "-5s", "1.5h", "10min", "9999999s", "ø",
        ] {
            assert!(period(text).is_err(), "{text}");
        }
    }

    #[test]
    fn failures_are_a_count_or_a_share() {
        let failures = |text: &str| text.parse::<MaxFailures>();
        assert_eq!(failures("20"), Ok(MaxFailures::Count(20)));
        assert_eq!(failures("5%"), Ok(MaxFailures::Share(0.05)));
        assert_eq!(failures("0.5%"), Ok(MaxFailures::Share(0.005)));
        for text in ["", "%", "-1", ".%", "5 %"] {
            assert!(failures(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings_are_written_as_they_are_read() {
        for text in ["120/min", "10/s", "1000/h"] {
            assert_eq!(
                text.parse::<Rate>().map(|rate| rate.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["500ms", "90s", "10m", "1h"] {
            assert_eq!(
                text.parse::<Period>().map(|period| period.to_string()),
                Ok(text.to_owned())
            );
        }
    }
}
