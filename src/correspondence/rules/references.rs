//! Rules about references to other systems, and letters that are transmissions in a dialog (1045, 1048, 1051, 1052, 1053).

use uuid::Uuid;

use super::super::text::is_blank;
use super::finding::Findings;
use crate::correspondence::{ExternalReference, ReferenceType, Request};
use crate::diagnostic::{Code, Severity};

const LIST: &str = "correspondence.externalReferences";

/// The kinds of transmissions, in the order of their numbers from 1.
const TRANSMISSIONS: &str =
    "Information, Acceptance, Rejection, Request, Alert, Decision, Submission, Correction";

/// Model validation: at most 10 references, none that only Altinn may set, and a known kind of transmission when there is exactly one.
pub(super) fn model(references: &[ExternalReference], list: &mut Findings) {
    if references.len() > 10 {
        list.model(LIST, "there are too many references")
            .cause(format!("{} references, at most 10", references.len()));
    }
    for (index, reference) in references.iter().enumerate() {
        let member = format_args!("{LIST}[{index}].referenceType");
        match reference.reference_type {
            None => drop(list.model(member, "the reference has no type")),
            Some(ReferenceType::DialogportenTransmissionId) => {
                list.model(member, "only Altinn sets the id of a transmission")
                    .hint("leave the reference out");
            }
            Some(ReferenceType::Generic) if is_blank(&reference.reference_value) => {
                let member = format_args!("{LIST}[{index}].referenceValue");
                let code = Some(Code::Model);
                list.push(Severity::Warning, code, member, "the reference is empty");
            }
            Some(_) => {}
        }
    }
    let mut kinds = of_type(references, ReferenceType::DialogportenTransmissionType);
    // The server checks the kind only when there is one; several are code 1052's.
    if let (Some((index, kind)), None) = (kinds.next(), kinds.next())
        && !is_transmission(kind)
    {
        let member = format_args!("{LIST}[{index}].referenceValue");
        list.model(member, "there is no such kind of transmission")
            .value(kind)
            .hint(format!("use one of {TRANSMISSIONS}"));
    }
}

/// The numbered rules about transmissions, in the server's order.
pub(super) fn transmission(request: &Request, list: &mut Findings) {
    let references = &request.correspondence.external_references;
    if references.is_empty() {
        return;
    }
    let dialog = of_type(references, ReferenceType::DialogportenDialogId).next();
    kinds(references, dialog.is_some(), list);
    let Some((index, id)) = dialog else {
        return;
    };
    if !is_guid(id) {
        list.error(1048, format_args!("{LIST}[{index}].referenceValue"))
            .value(id)
            .hint("write it as 0198c3a4-7d6b-7c3e-9f6e-2b1f0c9d8e7a");
    }
    if request.recipients.len() > 1 {
        list.error(1045, "recipients")
            .cause(format!("{} recipients", request.recipients.len()));
    }
    let letter = &request.correspondence;
    // One code for both: the finding stands at the member that is there.
    let member = if letter.is_confirmation_needed == Some(true) {
        "correspondence.isConfirmationNeeded"
    } else if letter.reply_options.is_empty() {
        return;
    } else {
        "correspondence.replyOptions"
    };
    list.error(1051, member)
        .related(&[LIST])
        .hint("leave them out, or leave out the reference to the dialog");
}

/// 1052: at most one kind of transmission; 1053: none without a dialog.
fn kinds(references: &[ExternalReference], has_dialog: bool, list: &mut Findings) {
    let mut kinds = of_type(references, ReferenceType::DialogportenTransmissionType);
    let Some((first, _)) = kinds.next() else {
        return;
    };
    if let Some((second, _)) = kinds.next() {
        list.error(1052, format_args!("{LIST}[{second}]"));
    }
    if !has_dialog {
        list.error(1053, format_args!("{LIST}[{first}]"))
            .related(&[LIST])
            .hint("add a reference of type `DialogportenDialogId`");
    }
}

fn of_type(
    references: &[ExternalReference],
    wanted: ReferenceType,
) -> impl Iterator<Item = (usize, &str)> {
    references
        .iter()
        .enumerate()
        .filter(move |(_, reference)| reference.reference_type == Some(wanted))
        .map(|(index, reference)| (index, reference.reference_value.as_str()))
}

/// True for a kind of transmission: its name in any case, or its number.
fn is_transmission(kind: &str) -> bool {
    let kind = kind.trim();
    let mut known = TRANSMISSIONS.split(", ");
    known.any(|known| known.eq_ignore_ascii_case(kind))
        || kind.parse().is_ok_and(|number| (1..=8).contains(&number))
}

/// True for a GUID in any spelling that .NET reads: with or without hyphens, in braces or parentheses, and the rare one in hexadecimal parts.
fn is_guid(text: &str) -> bool {
    let text = text.trim();
    let bare = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(text);
    // `uuid` also reads `urn:uuid:…`, which .NET does not. The hexadecimal form is too rare to be read in full.
    text.starts_with("{0x") || !text.starts_with("urn:") && Uuid::try_parse(bare).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;

    const GUID: &str = "0198c3a4-7d6b-7c3e-9f6e-2b1f0c9d8e7a";

    /// A letter that can be a transmission.
    fn with(references: &[(&str, &str)]) -> Value {
        let references: Vec<_> = references
            .iter()
            .map(|(kind, value)| json!({ "referenceType": kind, "referenceValue": value }))
            .collect();
        json!({ "correspondence": {
            "externalReferences": references,
            "isConfirmationNeeded": null,
            "replyOptions": null,
        } })
    }

    #[test]
    fn references_are_held_to_altinns_rules() {
        let (dialog, kind) = ("DialogportenDialogId", "DialogportenTransmissionType");
        let none: &[&str] = &[];
        let value = "error STD-00000 correspondence.externalReferences[0].referenceValue";
        for (references, expected) in [
            (
                &[("AltinnAppInstance", "1"), ("DialogportenProcessId", "")][..],
                none,
            ),
            (&[(dialog, GUID)], none),
            (&[(dialog, GUID), (kind, "Decision")], none),
            (&[(kind, "decision"), (dialog, GUID)], none),
            (&[(kind, "8"), (dialog, GUID)], none),
            (&[(kind, "9"), (dialog, GUID)], &[value]),
            (&[(kind, "0"), (dialog, GUID)], &[value]),
            (&[(kind, "Nothing"), (dialog, GUID)], &[value]),
            (
                &[("DialogportenTransmissionId", GUID)],
                &["error STD-00000 correspondence.externalReferences[0].referenceType"],
            ),
            (
                &[("Generic", " ")],
                &["warning STD-00000 correspondence.externalReferences[0].referenceValue"],
            ),
            (
                &[(kind, "Alert")],
                &["error 1053 correspondence.externalReferences[0]"],
            ),
            (
                &[(dialog, GUID), (kind, "Alert"), (kind, "Nothing")],
                &["error 1052 correspondence.externalReferences[2]"],
            ),
            (
                &[(dialog, "12")],
                &["error 1048 correspondence.externalReferences[0].referenceValue"],
            ),
            (
                &[(dialog, "")],
                &["error 1048 correspondence.externalReferences[0].referenceValue"],
            ),
        ] {
            assert_eq!(found(with(references)), expected, "{references:?}");
        }
    }

    #[test]
    fn each_has_a_type() {
        let changes =
            json!({ "correspondence": { "externalReferences": [{ "referenceValue": "1" }] } });
        assert_eq!(
            found(changes),
            ["error STD-00000 correspondence.externalReferences[0].referenceType"]
        );
    }

    #[test]
    fn there_are_at_most_ten() {
        assert_eq!(found(with(&[("Generic", "1"); 10])), [""; 0]);
        assert_eq!(
            found(with(&[("Generic", "1"); 11])),
            ["error STD-00000 correspondence.externalReferences"]
        );
    }

    #[test]
    fn a_transmission_has_one_recipient_and_asks_for_nothing() {
        let mut changes = with(&[("DialogportenDialogId", GUID)]);
        changes["correspondence"]["replyOptions"] = json!([{ "linkURL": "https://example.no" }]);
        assert_eq!(
            found(changes.clone()),
            ["error 1051 correspondence.replyOptions"]
        );
        changes["correspondence"]["isConfirmationNeeded"] = json!(true);
        changes["recipients"] = json!(["0192:991825827", "07827199405"]);
        changes["idempotentKey"] = Value::Null;
        assert_eq!(
            found(changes),
            [
                "error 1045 recipients",
                "error 1051 correspondence.isConfirmationNeeded"
            ]
        );
    }

    #[test]
    fn guids_are_read_as_dotnet_reads_them() {
        for text in [
            GUID.to_owned(),
            GUID.to_uppercase(),
            GUID.replace('-', ""),
            format!("{{{GUID}}}"),
            format!("({GUID})"),
            format!(" {GUID} "),
        ] {
            assert!(super::is_guid(&text), "{text}");
        }
        for text in ["", "1", &GUID[1..], &format!("urn:uuid:{GUID}")] {
            assert!(!super::is_guid(text), "{text}");
        }
    }
}
