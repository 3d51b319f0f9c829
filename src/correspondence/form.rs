//! A letter as the fields of a form, for `POST /correspondence/upload`: each name is the path ASP.NET binds the value to.

use serde_json::Value;

use super::Request;

/// The member with free names; all other names are the API's own.
const PROPERTIES: &str = "correspondence.propertyList";

/// Returns the form fields for a request, in the order of its JSON; `None` when a form cannot express it.
///
/// ASP.NET takes a blank value for null and names that differ by case for the same, and has no way to quote a bracket in a name. A letter with such a member can
/// only be sent as JSON, with its files uploaded before.
pub fn form_fields(request: &Request) -> Option<Vec<(String, String)>> {
    // Through JSON, so that names and omitted members are the same in both forms of a request.
    let value = serde_json::to_value(request).ok()?;
    let mut fields = Vec::new();
    for (name, value) in value.as_object()? {
        collect(name.clone(), value, &mut fields)?;
    }
    Some(fields)
}

/// Adds the fields for the value at `path`; `None` when a form cannot express it.
fn collect(path: String, value: &Value, fields: &mut Vec<(String, String)>) -> Option<()> {
    match value {
        // An absent field is null to ASP.NET.
        Value::Null => {}
        Value::Bool(flag) => fields.push((path, flag.to_string())),
        Value::Number(number) => fields.push((path, number.to_string())),
        // A blank field would be null too, and a blank text is not.
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => fields.push((path, text.clone())),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                collect(format!("{path}[{index}]"), value, fields)?;
            }
        }
        Value::Object(properties) if path == PROPERTIES => {
            let mut seen = Vec::with_capacity(properties.len());
            for (name, value) in properties {
                // Names that differ only in case would be one property to ASP.NET, and one value would be lost.
                let folded = name.to_lowercase();
                if !can_be_named(name) || seen.contains(&folded) {
                    return None;
                }
                seen.push(folded);
                // A dot would begin a member of the property; in brackets it is a part of the name.
                let path = if name.contains('.') {
                    format!("{path}[{name}]")
                } else {
                    format!("{path}.{name}")
                };
                collect(path, value, fields)?;
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                collect(format!("{path}.{name}"), value, fields)?;
            }
        }
    }
    Some(())
}

/// True when a property's name can be a part of a field's name as it is; there is no escape for names.
fn can_be_named(name: &str) -> bool {
    name.trim() == name
        && !name.is_empty()
        && !name.contains(|c: char| matches!(c, '[' | ']' | '"' | '\\') || c.is_control())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(request: Value) -> Option<Vec<String>> {
        let request: Request = serde_json::from_value(request).unwrap();
        let fields = form_fields(&request)?.into_iter();
        Some(
            fields
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        )
    }

    fn with_properties(properties: &Value) -> Option<Vec<String>> {
        fields(json!({
            "correspondence": {
                "resourceId": "r", "sendersReference": "s",
                "content": { "messageTitle": "t", "messageBody": "b" },
                "propertyList": properties,
            }
        }))
    }

    #[test]
    fn every_member_is_named_by_its_path() {
        let told = fields(json!({
            "correspondence": {
                "resourceId": "r",
                "sendersReference": "s",
                "content": {
                    "language": "nb", "messageTitle": "Hei på deg", "messageBody": "linje 1\nlinje 2",
                    "attachments": [
                        { "fileName": "a.pdf", "isEncrypted": false, "sendersReference": "1", "expirationInDays": 30 },
                        { "fileName": "b.pdf", "sendersReference": "2" },
                    ]
                },
                "requestedPublishTime": "2026-12-01T08:00:00+01:00",
                "externalReferences": [{ "referenceValue": "x", "referenceType": "Generic" }],
                "propertyList": { "caseNumber": "123", "a.b": "c" },
                "replyOptions": [{ "linkURL": "https://example.no" }],
                "notification": { "notificationChannel": "EmailPreferred", "customRecipients": [{ "emailAddress": "a@b.no" }] },
                "isConfirmationNeeded": true
            },
            "recipients": ["urn:altinn:organization:identifier-no:991825827"],
            "existingAttachments": ["01890a5d-ac96-774b-bcce-b302099a8057"],
            "idempotentKey": "5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11"
        }));
        assert_eq!(
            told.unwrap(),
            [
                "correspondence.resourceId=r",
                "correspondence.sendersReference=s",
                "correspondence.content.language=nb",
                "correspondence.content.messageTitle=Hei på deg",
                "correspondence.content.messageBody=linje 1\nlinje 2",
                "correspondence.content.attachments[0].fileName=a.pdf",
                "correspondence.content.attachments[0].isEncrypted=false",
                "correspondence.content.attachments[0].sendersReference=1",
                "correspondence.content.attachments[0].expirationInDays=30",
                "correspondence.content.attachments[1].fileName=b.pdf",
                "correspondence.content.attachments[1].sendersReference=2",
                "correspondence.requestedPublishTime=2026-12-01T08:00:00+01:00",
                "correspondence.externalReferences[0].referenceValue=x",
                "correspondence.externalReferences[0].referenceType=Generic",
                "correspondence.propertyList[a.b]=c",
                "correspondence.propertyList.caseNumber=123",
                "correspondence.replyOptions[0].linkURL=https://example.no",
                "correspondence.notification.notificationChannel=EmailPreferred",
                "correspondence.notification.customRecipients[0].emailAddress=a@b.no",
                "correspondence.isConfirmationNeeded=true",
                "recipients[0]=urn:altinn:organization:identifier-no:991825827",
                "existingAttachments[0]=01890a5d-ac96-774b-bcce-b302099a8057",
                "idempotentKey=5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11",
            ]
        );
    }

    #[test]
    fn what_would_arrive_as_something_else_is_not_said() {
        assert!(with_properties(&json!({ "æ": "1", "0": "2", "a b": "3" })).is_some());
        for properties in [
            json!({ "a": "" }),
            json!({ "a": " \u{2003}" }),
            json!({ "": "1" }),
            json!({ " a": "1" }),
            json!({ "a[0]": "1" }),
            json!({ "a\"": "1" }),
            json!({ "a\r\nb": "1" }),
            json!({ "Sak": "1", "sak": "2" }),
        ] {
            assert_eq!(with_properties(&properties), None, "{properties}");
        }
        // A text that is there but empty would be missing.
        assert_eq!(fields(json!({})), None);
    }
}
