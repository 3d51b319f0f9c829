//! Parses a JSON body as the API does: names in any case, unknown members ignored, types checked, and nulls accepted or refused member by member.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::problem::Entry;

/// A member of a body: its name, its type, and the meaning of a null or a missing value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    presence: Presence,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    /// A 32-bit number, also as a string.
    Integer,
    Guid,
    Time,
    /// One of these names, separated by blanks, in any case, or its index as a number.
    Enum(&'static str),
    Object(&'static [Member]),
    List(&'static Self),
    /// An object with any names, whose values are strings.
    StringMap,
}

/// The consequence of a member that is null or missing. Model validation reports it together with all other faults; a fault in parsing is reported alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    /// It may be null or missing.
    Optional,
    /// It must be there and not null, by model validation.
    Required,
    /// It may be missing, but a null fails model validation.
    NotNull,
    /// It may be missing, but its type has no null, so that a null fails parsing.
    NotNullInJson,
    /// A missing one fails parsing, a null model validation.
    RequiredInJson,
}

#[derive(Default)]
pub(super) struct Body {
    /// The known members under their exact names, without nulls.
    pub(super) value: Value,
    /// The faults that model validation has found so far.
    pub(super) entries: Vec<Entry>,
    /// Numbers that are no index of their enum, with their path, such as `correspondence.notification.notificationChannel`.
    pub(super) undefined: Vec<(String, i64)>,
    /// True when a value of `propertyList` is null: Altinn answers that with an unhandled error.
    pub(super) null_property: bool,
}

/// Parses a body. An `Err` holds the first fault of the JSON; `parameter` is the API's name for the whole body, which every such answer repeats.
pub(super) fn read(
    bytes: &[u8],
    members: &'static [Member],
    parameter: &str,
) -> Result<Body, Vec<Entry>> {
    match serde_json::from_slice(bytes) {
        Ok(value) => read_value(value, members, parameter),
        Err(_) if bytes.is_empty() => {
            let entry = Entry::new("", "A non-empty request body is required.");
            Err(unreadable(entry, parameter))
        }
        Err(error) => {
            let entry = Entry::new("$", format!("The JSON is malformed: {error}."));
            Err(unreadable(entry, parameter))
        }
    }
}

/// Like [`read`], for JSON that is parsed already.
pub(super) fn read_value(
    value: Value,
    members: &'static [Member],
    parameter: &str,
) -> Result<Body, Vec<Entry>> {
    let mut reader = Reader::default();
    let read = match value {
        Value::Object(object) => reader.object(members, object),
        _ => Err(reader.conversion_error("an object")),
    };
    match read {
        Ok(object) => Ok(Body {
            value: Value::Object(object),
            ..reader.body
        }),
        Err(entry) => Err(unreadable(entry, parameter)),
    }
}

fn unreadable(entry: Entry, parameter: &str) -> Vec<Entry> {
    let whole = Entry::new(parameter, format!("The {parameter} field is required."));
    vec![entry, whole]
}

/// Writes a path as model validation does: `correspondence.content.messageTitle` becomes `Correspondence.Content.MessageTitle`.
pub(super) fn pascal(path: &str) -> String {
    let upper = |name: &str| {
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    path.split('.').map(upper).collect::<Vec<_>>().join(".")
}

impl Member {
    /// A member that may be null or missing.
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            presence: Presence::Optional,
        }
    }

    pub(super) const fn with(self, presence: Presence) -> Self {
        Self { presence, ..self }
    }
}

#[derive(Default)]
struct Reader {
    path: String,
    body: Body,
}

impl Reader {
    fn object(
        &mut self,
        members: &'static [Member],
        object: Map<String, Value>,
    ) -> Result<Map<String, Value>, Entry> {
        let mut read = Map::with_capacity(object.len());
        for (name, value) in object {
            let same = |member: &&Member| member.name.eq_ignore_ascii_case(&name);
            let Some(member) = members.iter().find(same) else {
                continue;
            };
            let parent_len = self.enter(member.name);
            // A name that comes twice counts with its last value, so a null removes an earlier one.
            if value.is_null() {
                read.remove(member.name);
                match member.presence {
                    Presence::Optional => {}
                    Presence::NotNullInJson => return Err(self.conversion_error("a value")),
                    _ => self.report_absent(),
                }
            } else if let Some(value) = self.value(member.kind, value)? {
                read.insert(member.name.to_owned(), value);
            }
            self.path.truncate(parent_len);
        }
        for member in members {
            let parent_len = self.enter(member.name);
            match member.presence {
                _ if read.contains_key(member.name) => {}
                Presence::RequiredInJson => return Err(self.conversion_error("a value")),
                Presence::Required => self.report_absent(),
                _ => {}
            }
            self.path.truncate(parent_len);
        }
        Ok(read)
    }

    fn value(&mut self, kind: Kind, value: Value) -> Result<Option<Value>, Entry> {
        let read = match (kind, value) {
            (Kind::Text, text @ Value::String(_)) => Some(text),
            (Kind::Flag, flag @ Value::Bool(_)) => Some(flag),
            (Kind::Integer, number) => integer(&number),
            (Kind::Guid, Value::String(text)) => guid(text),
            (Kind::Time, Value::String(text)) => time(&text),
            (Kind::Enum(names), value) => return self.enum_value(names, &value),
            (Kind::Object(members), Value::Object(object)) => {
                Some(Value::Object(self.object(members, object)?))
            }
            (Kind::List(kind), Value::Array(list)) => Some(self.list(*kind, list)?),
            (Kind::StringMap, Value::Object(object)) => Some(self.string_map(object)?),
            _ => None,
        };
        match read {
            Some(read) => Ok(Some(read)),
            None => Err(self.conversion_error(kind.name())),
        }
    }

    fn list(&mut self, kind: Kind, list: Vec<Value>) -> Result<Value, Entry> {
        let mut read = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            let parent_len = self.path.len();
            // Writing to a string cannot fail.
            let _ = write!(self.path, "[{index}]");
            match (kind, value) {
                // A list of strings may hold a null, which model validation then finds blank.
                (Kind::Text, Value::Null) => read.push(Value::String(String::new())),
                (kind, value) => read.extend(self.value(kind, value)?),
            }
            self.path.truncate(parent_len);
        }
        Ok(Value::Array(read))
    }

    fn string_map(&mut self, object: Map<String, Value>) -> Result<Value, Entry> {
        let mut read = Map::with_capacity(object.len());
        for (name, value) in object {
            match value {
                Value::String(_) => {
                    read.insert(name, value);
                }
                Value::Null => self.body.null_property = true,
                _ => {
                    self.enter(&name);
                    return Err(self.conversion_error("String"));
                }
            }
        }
        Ok(Value::Object(read))
    }

    fn enum_value(&mut self, names: &str, value: &Value) -> Result<Option<Value>, Entry> {
        let mut names = names.split(' ');
        let known = match value {
            Value::String(text) => names.find(|name| name.eq_ignore_ascii_case(text)),
            value => {
                let number = value
                    .as_i64()
                    .ok_or_else(|| self.conversion_error("enum"))?;
                let known = usize::try_from(number).ok().and_then(|at| names.nth(at));
                // A number outside the enum passes parsing, as in .NET; later checks differ from member to member.
                if known.is_none() {
                    self.body.undefined.push((self.path.clone(), number));
                    return Ok(None);
                }
                known
            }
        };
        let name = known.ok_or_else(|| self.conversion_error("enum"))?;
        Ok(Some(name.into()))
    }

    fn report_absent(&mut self) {
        let name = pascal(self.path.rsplit('.').next().unwrap_or_default());
        let entry = Entry::new(pascal(&self.path), format!("The {name} field is required."));
        // A member that is null and therefore also missing is reported once.
        if !self.body.entries.contains(&entry) {
            self.body.entries.push(entry);
        }
    }

    /// Appends a name to the path, and returns the length to which the caller truncates it afterwards.
    fn enter(&mut self, name: &str) -> usize {
        let parent_len = self.path.len();
        if parent_len > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        parent_len
    }

    fn conversion_error(&self, expected: &str) -> Entry {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("${dot}{}", self.path);
        let message = format!("The JSON value could not be converted to {expected}. Path: {path}.");
        Entry::new(path, message)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Flag => "Boolean",
            Self::Integer => "Int32",
            Self::Guid => "Guid",
            Self::Time => "DateTimeOffset",
            Self::Enum(_) => "enum",
            Self::Object(_) | Self::StringMap => "an object",
            Self::List(_) => "a list",
        }
    }
}

fn integer(value: &Value) -> Option<Value> {
    let number = match value {
        Value::String(text) => text.parse::<i32>().ok()?,
        number => i32::try_from(number.as_i64()?).ok()?,
    };
    Some(Value::from(number))
}

/// Accepts a GUID with hyphens only, as Altinn does; braces and the form without hyphens are refused.
fn guid(text: String) -> Option<Value> {
    (text.len() == 36 && Uuid::try_parse(&text).is_ok()).then_some(Value::String(text))
}

/// Parses an ISO 8601 time with hyphens. Without an offset it is UTC, the time zone of the server.
fn time(text: &str) -> Option<Value> {
    // jiff also accepts the basic form `20261215` and a zone in brackets; Altinn refuses both.
    if text.as_bytes().get(4) != Some(&b'-') || text.contains('[') {
        return None;
    }
    let with_offset = match text.split_once('T') {
        None => format!("{text}T00:00:00Z"),
        Some((_, clock)) if clock.contains(['Z', '+', '-']) => text.to_owned(),
        Some(_) => format!("{text}Z"),
    };
    let instant = with_offset.parse::<jiff::Timestamp>();
    instant.is_ok().then_some(Value::String(with_offset))
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::sandbox::members::REQUEST;

    fn keys(text: &str) -> Vec<String> {
        let entries = match read(text.as_bytes(), REQUEST, "request") {
            Ok(body) => body.entries,
            Err(entries) => entries,
        };
        entries.into_iter().map(|entry| entry.key).collect()
    }

    #[test]
    fn names_are_known_in_any_case_and_unknown_ones_are_left_out() {
        let text = r#"{"RECIPIENTS": ["a"], "visibleFrom": 1, "Correspondence": {"content": {"messagetitle": "x"}, "duedatetime": "2026-12-15"}}"#;
        let read = read(text.as_bytes(), REQUEST, "request").unwrap();
        assert_eq!(read.entries, []);
        assert_eq!(
            read.value.to_string(),
            r#"{"recipients":["a"],"correspondence":{"content":{"messageTitle":"x"},"dueDateTime":"2026-12-15T00:00:00Z"}}"#
        );
    }

    #[test]
    fn the_first_wrong_type_is_refused_by_its_path() {
        assert_eq!(
            keys(r#"{"correspondence": {"content": {"messageTitle": 5}}}"#),
            ["$.correspondence.content.messageTitle", "request"]
        );
        assert_eq!(
            keys(r#"{"existingAttachments": ["a", "b"]}"#),
            ["$.existingAttachments[0]", "request"]
        );
        assert_eq!(
            keys(r#"{"correspondence": {"isConfidential": null}}"#),
            ["$.correspondence.isConfidential", "request"]
        );
        assert_eq!(
            keys(r#"{"correspondence": {"replyOptions": [{}]}}"#),
            ["$.correspondence.replyOptions[0].linkURL", "request"]
        );
        assert_eq!(keys("{"), ["$", "request"]);
        assert_eq!(keys(""), ["", "request"]);
        assert_eq!(keys("[]"), ["$", "request"]);
    }

    #[test]
    fn a_null_is_not_always_the_same_as_nothing() {
        assert_eq!(
            keys(
                r#"{"correspondence": null, "recipients": [], "existingAttachments": null, "idempotentKey": null}"#
            ),
            ["Correspondence", "ExistingAttachments"]
        );
        assert_eq!(
            keys(
                r#"{"recipients": [], "correspondence": {"content": {"attachments": null}, "propertyList": null, "notification": null}}"#
            ),
            [
                "Correspondence.Content.Attachments",
                "Correspondence.PropertyList"
            ]
        );
    }

    #[test]
    fn a_time_without_an_offset_is_utc() {
        let read = |text| time(text).map(|time| time.as_str().unwrap().to_owned());
        assert_eq!(read("2026-12-15T12:00").unwrap(), "2026-12-15T12:00Z");
        assert_eq!(read("2026-12-15").unwrap(), "2026-12-15T00:00:00Z");
        let whole = "2026-12-15T12:00:00.5+01:00";
        assert_eq!(read(whole).unwrap(), whole);
        for wrong in [
            "",
            "tomorrow",
            "20261215",
            "2026-13-01",
            "2026-12-15T12:00+01:00[Europe/Oslo]",
            "2026-12-15 12:00",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn choices_are_names_or_numbers() {
        let text = r#"{"recipients": [], "correspondence": {"content": {}, "notification": {"notificationTemplate": 7, "notificationChannel": 4, "emailContentType": "html"}}}"#;
        let read = read(text.as_bytes(), REQUEST, "request").unwrap();
        assert_eq!(
            read.value["correspondence"]["notification"].to_string(),
            r#"{"notificationChannel":"EmailAndSms","emailContentType":"Html"}"#
        );
        let path = "correspondence.notification.notificationTemplate";
        assert_eq!(read.undefined, [(path.to_owned(), 7)]);
    }
}
