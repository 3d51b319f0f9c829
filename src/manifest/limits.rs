//! Settings that are written as short texts: `120/min`, `90s`, `5%`.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// So many requests in a unit of time, as `120/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: NonZeroU32,
    unit: RateUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RateUnit {
    Second,
    Minute,
    Hour,
}

/// A length of time, as `90s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(Duration);

/// How many failures a run bears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MaxFailuresText", into = "MaxFailuresText")]
pub enum MaxFailures {
    /// So many letters.
    Count(u64),
    /// A share of all letters, from 0 to 1.
    Share(f64),
}

/// A text is not what the setting takes; the words say what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(&'static str);

const RATE_WORDS: &str = "must be a rate such as 10/s, 120/min or 1000/h";
const PERIOD_WORDS: &str = "must be a time such as 500ms, 90s, 10m or 1h";
const FAILURES_WORDS: &str = "must be a count such as 20 or a share such as 5%";

impl Rate {
    /// The time between two requests.
    pub fn interval(self) -> Duration {
        let unit = match self.unit {
            RateUnit::Second => 1,
            RateUnit::Minute => 60,
            RateUnit::Hour => 3600,
        };
        Duration::from_secs(unit) / self.count.get()
    }
}

impl Period {
    /// As the standard library's type.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Rate {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let refused = SettingError(RATE_WORDS);
        let (count, unit) = text.split_once('/').ok_or(refused)?;
        let unit = match unit {
            "s" => RateUnit::Second,
            "min" => RateUnit::Minute,
            "h" => RateUnit::Hour,
            _ => return Err(refused),
        };
        let count = u32::try_from(whole(count).ok_or(refused)?).map_err(|_| refused)?;
        let count = NonZeroU32::new(count).ok_or(refused)?;
        Ok(Self { count, unit })
    }
}

impl FromStr for Period {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let refused = SettingError(PERIOD_WORDS);
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let milliseconds = match &text[digits.len()..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(refused),
        };
        let count = whole(digits)
            .filter(|count| (1..1_000_000).contains(count))
            .ok_or(refused)?;
        Ok(Self(Duration::from_millis(count * milliseconds)))
    }
}

impl FromStr for MaxFailures {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let refused = SettingError(FAILURES_WORDS);
        let Some(percent) = text.strip_suffix('%') else {
            return whole(text).map(Self::Count).ok_or(refused);
        };
        // No signs, exponents or names of numbers, which `f64` would take.
        if percent.starts_with('.') || !percent.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(refused);
        }
        match percent.parse::<f64>() {
            Ok(percent) if percent <= 100.0 => Ok(Self::Share(percent / 100.0)),
            _ => Err(refused),
        }
    }
}

/// A whole number written with at most nine digits and nothing else.
fn whole(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            RateUnit::Second => "s",
            RateUnit::Minute => "min",
            RateUnit::Hour => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
            if milliseconds != 0 && milliseconds.is_multiple_of(length) {
                return write!(f, "{}{unit}", milliseconds / length);
            }
        }
        write!(f, "{milliseconds}ms")
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

/// How `maxFailures` is written: a number or a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum MaxFailuresText {
    Count(u64),
    Text(String),
}

impl TryFrom<MaxFailuresText> for MaxFailures {
    type Error = SettingError;

    fn try_from(written: MaxFailuresText) -> Result<Self, SettingError> {
        match written {
            MaxFailuresText::Count(count) => Ok(Self::Count(count)),
            MaxFailuresText::Text(text) => text.parse(),
        }
    }
}

impl From<MaxFailures> for MaxFailuresText {
    fn from(failures: MaxFailures) -> Self {
        match failures {
            MaxFailures::Count(count) => Self::Count(count),
            MaxFailures::Share(_) => Self::Text(failures.to_string()),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = SettingError;

    fn try_from(text: String) -> Result<Self, SettingError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = SettingError;

    fn try_from(text: String) -> Result<Self, SettingError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A rate such as `10/s`, `120/min` or `1000/h`.",
            "type": "string",
            "pattern": "^[1-9][0-9]{0,8}/(s|min|h)$",
            "errorMessage": RATE_WORDS,
            "examples": ["120/min"]
        })
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time such as `500ms`, `90s`, `10m` or `1h`.",
            "type": "string",
            "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h)$",
            "errorMessage": PERIOD_WORDS,
            "examples": ["90s"]
        })
    }
}

impl JsonSchema for MaxFailures {
    fn schema_name() -> Cow<'static, str> {
        "MaxFailures".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A count such as `20`, or a share of all letters such as `5%`.",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 999_999_999 },
                { "type": "string", "pattern": r"^([0-9]{1,2}(\.[0-9]{1,6})?|100)%$" }
            ],
            "errorMessage": FAILURES_WORDS,
            "examples": ["5%", 20]
        })
    }
}

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
        for text in ["", "%", "101%", "-1", "-1%", "nan%", "1e1%", ".%", "5 %"] {
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
