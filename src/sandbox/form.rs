//! Parses a letter that is sent as a multipart form: fields named by their paths, as ASP.NET binds them, and files.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::Multipart;
use serde_json::{Map, Value};

use super::attachment::Content;
use super::body::{self, Body, Kind, Member, pascal};
use super::problem::Entry;

#[derive(Default)]
pub(super) struct Form {
    /// The fields by their paths in lower case, each with its path as written and its value. The first of several equal paths counts.
    fields: HashMap<String, (String, String)>,
    pub(super) files: Vec<File>,
}

pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Content,
}

/// The field name that all file parts share.
const FILES: &str = "attachments";

impl Form {
    /// Reads all parts; `None` when the body is not a form or ends early.
    pub(super) async fn read(mut parts: Multipart) -> Option<Self> {
        let mut form = Self::default();
        while let Some(mut part) = parts.next_field().await.ok()? {
            let name = part.name().unwrap_or_default().to_owned();
            match part.file_name().map(str::to_owned) {
                Some(file_name) => {
                    let mut content = Content::new();
                    while let Some(piece) = part.chunk().await.ok()? {
                        content.append(&piece);
                    }
                    // A file under another name is ignored, as model binding does.
                    if name.eq_ignore_ascii_case(FILES) {
                        form.files.push(File {
                            name: file_name,
                            content,
                        });
                    }
                }
                None => form.add(&name, &part.bytes().await.ok()?),
            }
        }
        Some(form)
    }

    /// Converts the fields to the JSON body they stand for, and parses that.
    pub(super) fn body(
        &self,
        members: &'static [Member],
        parameter: &str,
    ) -> Result<Body, Vec<Entry>> {
        let object = self.object("", members).unwrap_or_default();
        body::read_value(Value::Object(object), members, parameter).map_err(|entries| {
            // A fault in a form is a fault of model binding: without the entry for the whole body, and without the `$.` of JSON paths.
            let entries = entries.into_iter().filter(|entry| entry.key != parameter);
            entries
                .map(|entry| {
                    let path = entry.key.trim_start_matches("$.");
                    Entry::new(pascal(path), "The value is not valid.")
                })
                .collect()
        })
    }

    fn add(&mut self, name: &str, value: &Bytes) {
        // Every path may be prefixed with the name of the API's parameter.
        let path = match name.split_at_checked("request.".len()) {
            Some((prefix, path)) if prefix.eq_ignore_ascii_case("request.") => path,
            _ => name,
        };
        let value = String::from_utf8_lossy(value).into_owned();
        self.fields
            .entry(path.to_lowercase())
            .or_insert((path.to_owned(), value));
    }

    /// Builds an object from the fields below `path`; `None` when there are none.
    fn object(&self, path: &str, members: &[Member]) -> Option<Map<String, Value>> {
        let mut object = Map::new();
        for member in members {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", member.name);
            if let Some(value) = self.value(&path, member.kind) {
                object.insert(member.name.to_owned(), value);
            }
        }
        (!object.is_empty()).then_some(object)
    }

    fn value(&self, path: &str, kind: Kind) -> Option<Value> {
        match kind {
            Kind::Object(members) => self.object(path, members).map(Value::Object),
            Kind::List(kind) => {
                // A list ends at the first missing index: later items are silently ignored.
                let list: Vec<_> = (0..)
                    .map_while(|index| self.value(&format!("{path}[{index}]"), *kind))
                    .collect();
                (!list.is_empty()).then_some(Value::Array(list))
            }
            Kind::StringMap => self.string_map(path),
            leaf => {
                let (_, text) = self.fields.get(&path.to_lowercase())?;
                // Model binding turns a blank value into null.
                (!text.trim().is_empty()).then(|| convert(leaf, text))
            }
        }
    }

    /// Builds a map from fields of the forms `path.name` and `path[name]`.
    fn string_map(&self, path: &str) -> Option<Value> {
        let mut texts: Vec<_> = self
            .fields
            .values()
            .filter_map(|(field, text)| {
                // The path is ASCII, in any case; the name of a property keeps its case.
                let (start, name) = field.split_at_checked(path.len())?;
                if !start.eq_ignore_ascii_case(path) {
                    return None;
                }
                let name = match name.strip_prefix('[') {
                    Some(bracketed) => bracketed.split(']').next(),
                    None => name.strip_prefix('.')?.split(['.', '[']).next(),
                }?;
                let blank = text.trim().is_empty();
                let text = if blank {
                    Value::Null
                } else {
                    Value::String(text.clone())
                };
                (!name.is_empty()).then(|| (name.to_owned(), text))
            })
            .collect();
        // Fields come from a hash map; a fixed order keeps answers reproducible.
        texts.sort_by(|(one, _), (other, _)| one.cmp(other));
        (!texts.is_empty()).then(|| Value::Object(texts.into_iter().collect()))
    }
}

/// Converts a field to the type of its member. A text that does not fit stays a string, which parsing then refuses.
fn convert(kind: Kind, text: &str) -> Value {
    let unconverted = || Value::String(text.to_owned());
    match kind {
        Kind::Flag if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        Kind::Flag if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        Kind::Enum(_) => text
            .parse::<i64>()
            .map_or_else(|_| unconverted(), Value::from),
        _ => unconverted(),
    }
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::*;
    use crate::correspondence::{Request, form_fields};
    use crate::sandbox::members::REQUEST;

    fn read(fields: &[(&str, &str)]) -> Result<Body, Vec<Entry>> {
        let mut form = Form::default();
        for (name, value) in fields {
            form.add(name, &Bytes::from((*value).to_owned()));
        }
        form.body(REQUEST, "request")
    }

    fn keys(fields: &[(&str, &str)]) -> Vec<String> {
        let entries = read(fields).map_or_else(|entries| entries, |body| body.entries);
        entries.into_iter().map(|entry| entry.key).collect()
    }

    #[test]
    fn names_are_paths_in_any_case_and_behind_the_parameter() {
        let body = read(&[
            ("request.correspondence.content.messagetitle", "x"),
            ("correspondence.isConfirmationNeeded", "True"),
            ("correspondence.notification.notificationChannel", "4"),
            ("correspondence.propertyList.caseNumber", "1"),
            ("Correspondence.PropertyList[a.b]", "2"),
            // Its lower case has more bytes.
            ("correspondence.propertyList.\u{130}", "3"),
            (
                "correspondence.externalReferences[0].referenceType",
                "generic",
            ),
            ("correspondence.externalReferences[0].referenceValue", "7"),
            ("correspondence.visibleFrom", "1"),
            ("RECIPIENTS[0]", "a"),
            ("recipients[2]", "behind a gap"),
        ])
        .unwrap();
        assert_eq!(body.entries, []);
        assert_eq!(
            body.value,
            json!({
                "correspondence": {
                    "content": { "messageTitle": "x" },
                    "isConfirmationNeeded": true,
                    "notification": { "notificationChannel": "EmailAndSms" },
                    "propertyList": { "caseNumber": "1", "a.b": "2", "\u{130}": "3" },
                    "externalReferences": [{ "referenceValue": "7", "referenceType": "Generic" }],
                },
                "recipients": ["a"],
            })
        );
    }

    #[test]
    fn a_blank_value_is_null_and_a_wrong_one_is_told_by_its_member() {
        assert_eq!(keys(&[]), ["Correspondence", "Recipients"]);
        assert_eq!(
            keys(&[
                ("correspondence.content.messageTitle", "x"),
                ("recipients[0]", " ")
            ]),
            ["Recipients"]
        );
        assert_eq!(
            keys(&[("correspondence.dueDateTime", "tomorrow")]),
            ["Correspondence.DueDateTime"]
        );
        let blank = [
            ("correspondence.content.messageTitle", "x"),
            ("correspondence.propertyList.a", " "),
            ("recipients[0]", "a"),
        ];
        assert!(read(&blank).unwrap().null_property);
    }

    #[test]
    fn a_letter_is_the_same_as_a_form_and_as_json() {
        let request: Request = serde_json::from_value(json!({
            "correspondence": {
                "resourceId": "r", "sendersReference": "s",
                "content": {
                    "language": "nn", "messageTitle": "Hei", "messageSummary": "x", "messageBody": "a\r\n\nb ",
                    "attachments": [
                        { "fileName": "æ.pdf", "isEncrypted": true, "checksum": "d41d8cd98f00b204e9800998ecf8427e", "sendersReference": "1", "expirationInDays": 30 },
                        { "fileName": "b.pdf", "displayName": "B", "sendersReference": "2" },
                    ],
                },
                "messageSender": "Me", "dueDateTime": "2026-12-15T12:00:00+01:00", "requestedPublishTime": "2026-12-14",
                "externalReferences": [{ "referenceValue": "x", "referenceType": "DialogportenProcessId" }],
                "propertyList": { "caseNumber": "123", "a.b": "c", "0": "d" },
                "replyOptions": [{ "linkURL": "https://example.no", "linkText": "x" }, { "linkURL": "https://example.no/2" }],
                "notification": {
                    "notificationTemplate": "GenericAltinnMessage", "notificationChannel": "SmsPreferred", "emailContentType": "Html",
                    "emailSubject": "s", "sendReminder": false, "customRecipients": [{ "emailAddress": "a@b.no" }, { "mobileNumber": "+4791234567" }],
                    "overrideRegisteredContactInformation": true,
                },
                "ignoreReservation": true, "isConfirmationNeeded": true, "isConfidential": false, "allowForwarding": false,
            },
            "recipients": ["urn:altinn:organization:identifier-no:991825827"],
            "existingAttachments": ["01890a5d-ac96-774b-bcce-b302099a8057", "5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11"],
            "idempotentKey": "5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11",
        }))
        .unwrap();
        let json = serde_json::to_vec(&request).unwrap();
        let told = body::read(&json, REQUEST, "request").unwrap();
        let fields = form_fields(&request).unwrap();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let bound = read(&fields).unwrap();
        assert_eq!((bound.entries.len(), told.entries.len()), (0, 0));
        let typed = |body: Body| serde_json::from_value::<Request>(body.value).unwrap();
        assert_eq!(typed(bound), typed(told));
    }
}
