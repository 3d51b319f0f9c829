//! A valid letter for the rules' tests, and a way to spoil it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, NewFile, check};
use crate::correspondence::Request;
use crate::diagnostic::Severity;

/// The server's time in these tests.
pub(super) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A valid letter with a body of about 1.5 KB, changed by a JSON merge patch.
pub(super) fn letter(changes: Value) -> Request {
    let mut request = json!({
        "correspondence": {
            "resourceId": "skd-mva-varsel",
            "sendersReference": "2026/00001",
            "messageSender": "Skatteetaten, avdeling Øst",
            "content": {
                "language": "nb",
                "messageTitle": "Mva-melding for Blåbær & Sønn AS: frist 15. desember",
                "messageSummary": "Dere har ikke levert mva-melding",
                "messageBody": "## Påminnelse\n\nDere har *ikke* levert. ".repeat(40),
            },
            "dueDateTime": "2026-12-15T12:00:00+01:00",
            "isConfirmationNeeded": true,
            "externalReferences": [{ "referenceType": "Generic", "referenceValue": "2026/1" }],
            "propertyList": { "case": "2026/00001" },
            "replyOptions": [{ "linkURL": "https://example.no/svar?sak=1", "linkText": "Svar" }],
            "notification": {
                "notificationChannel": "EmailPreferred",
                "emailSubject": "Du har et brev",
                "emailBody": "Hei $correspondenceRecipientName$",
                "smsBody": "Du har et brev",
            }
        },
        "recipients": ["0192:991825827"],
        "idempotentKey": "5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11"
    });
    merge(&mut request, changes);
    serde_json::from_value(request).unwrap()
}

/// The findings of a changed letter, as `error 1002 correspondence.content.messageTitle`; without the rules about enclosed files.
pub(super) fn found(changes: Value) -> Vec<String> {
    written(changes, &Context::new(now(), true))
}

/// The same, with files sent along.
pub(super) fn found_with(changes: Value, files: &[NewFile<'_>]) -> Vec<String> {
    let context = Context {
        new_files: Some(files),
        size: files.iter().map(|file| file.size).sum(),
        ..Context::new(now(), true)
    };
    written(changes, &context)
}

/// The same, in a test environment.
pub(super) fn found_in_test(changes: Value) -> Vec<String> {
    written(changes, &Context::new(now(), false))
}

fn written(changes: Value, context: &Context<'_>) -> Vec<String> {
    let line = |found: super::Finding| {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let code = found
            .code
            .map_or_else(|| "-".to_owned(), |code| code.to_string());
        format!("{severity} {code} {}", found.place.path)
    };
    check(&letter(changes), context)
        .into_iter()
        .map(line)
        .collect()
}

/// JSON merge patch: `null` removes.
fn merge(target: &mut Value, changes: Value) {
    match changes {
        Value::Object(changes) => {
            for (name, change) in changes {
                match target.as_object_mut().filter(|_| change.is_null()) {
                    Some(members) => drop(members.remove(&name)),
                    None => merge(&mut target[name], change),
                }
            }
        }
        change => *target = change,
    }
}
