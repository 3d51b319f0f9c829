//! All rules in the order in which Altinn runs them.

use super::context::Context;
use super::finding::{Finding, Findings};
use super::{
    attachments, contacts, guidance, letter, links, model, notification, recipients, references,
};
use crate::correspondence::{Attachment, Request};

/// Applies every rule that can be checked offline, in the server's order: the first error is Altinn's answer.
///
/// A letter without faults costs about a microsecond and allocates nothing.
pub fn check(request: &Request, context: &Context<'_>) -> Vec<Finding> {
    let mut found = Findings::default();
    let list = &mut found;
    let letter = &request.correspondence;
    // The order is the server's. Null characters have no single place in it: the server meets them in several rules and in its database.
    model::check(request, list);
    recipients::single_for_key(request, list);
    recipients::no_duplicates(request, list);
    recipients::organization_control_digits(request, list);
    letter::null_characters(letter, list);
    letter::names(letter, list);
    letter::confirmation(letter, list);
    letter::due_date(letter, context.now, list);
    letter::title(letter, list);
    letter::summary(letter, list);
    letter::language(letter, list);
    letter::message_sender(letter, list);
    references::transmission(request, list);
    attachments::count(request, list);
    attachments::forwarding(request, context.size, list);
    attachments::names(request, list);
    attachments::files(request, context, list);
    attachments::expirations(request, context.production, list);
    links::reply_options(letter, list);
    if let Some(notification) = &letter.notification {
        contacts::custom_recipients(notification, request.recipients.len(), list);
        notification::texts(notification, list);
        guidance::check(letter, notification, list);
    }
    found.0
}

/// Applies every rule for an attachment of `resource_id` that is initialised by itself, in the server's order. Members have no path in front.
pub fn check_attachment(
    attachment: &Attachment,
    resource_id: &str,
    production: bool,
) -> Vec<Finding> {
    let mut list = Findings::default();
    let at = format_args!("");
    model::attachment(attachment, at, &mut list);
    attachments::name(attachment, at, &mut list);
    attachments::expiration(attachment, at, production, &mut list);
    model::resource_id(resource_id, "resourceId", &mut list);
    list.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{found, found_with, letter, now};
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn a_valid_letter_has_no_findings_and_costs_no_memory() {
        let found = check(&letter(json!({})), &Context::new(now(), true));
        assert_eq!(found, []);
        assert_eq!(found.capacity(), 0);
    }

    #[test]
    fn the_smallest_letter_is_valid() {
        let request: Request = serde_json::from_value(json!({
            "correspondence": {
                "resourceId": "my-resource",
                "sendersReference": "case-1",
                "content": { "messageTitle": "Hei", "messageBody": "Innhold" }
            },
            "recipients": ["urn:altinn:organization:identifier-no:991825827"],
            "idempotentKey": "5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11"
        }))
        .unwrap();
        assert_eq!(check(&request, &Context::new(now(), true)), []);
    }

    #[test]
    fn an_empty_request_is_refused_by_the_model_alone() {
        let found = check(&Request::default(), &Context::new(now(), true));
        let members: Vec<_> = found
            .iter()
            .map(|found| found.place.path.as_str())
            .collect();
        assert_eq!(
            members,
            [
                "recipients",
                "correspondence.resourceId",
                "correspondence.sendersReference",
                "correspondence.content.messageTitle",
                "correspondence.content.messageBody",
            ]
        );
        assert!(found.iter().all(|found| found.code == Some(Code::Model)));
    }

    #[test]
    fn findings_come_in_the_servers_order() {
        let changes = json!({
            "recipients": ["0192:991825827", "0192:991825827"],
            "correspondence": {
                "messageSender": "<b>x</b>",
                "isConfirmationNeeded": true,
                "dueDateTime": null,
                "content": {
                    "language": "xx",
                    "messageTitle": "# x",
                    "messageBody": "",
                    "attachments": [
                        { "fileName": "a.odt", "sendersReference": "a", "expirationInDays": 1 }
                    ]
                },
                "externalReferences": [
                    { "referenceType": "DialogportenTransmissionType", "referenceValue": "Alert" }
                ],
                "replyOptions": [{ "linkURL": "http://example.no" }],
                "notification": {
                    "notificationChannel": "Sms",
                    "emailSubject": null,
                    "emailBody": null,
                    "smsBody": null,
                    "overrideRegisteredContactInformation": true
                }
            }
        });
        let codes: Vec<_> = found_with(changes, &[])
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            codes,
            [
                "STD-00000",
                "1047",
                "1006",
                "1016",
                "1002",
                "1023",
                "1039",
                "1053",
                "2013",
                "1005",
                "2017",
                "1035",
                "3022",
                "3004"
            ]
        );
    }

    #[test]
    fn an_attachment_by_itself_is_held_to_the_same_rules() {
        let attachment = Attachment {
            file_name: "a.odt".to_owned(),
            expiration_in_days: Some(13),
            ..Attachment::default()
        };
        let found: Vec<_> = check_attachment(&attachment, "", true)
            .into_iter()
            .map(|found| (found.code, found.place.path))
            .collect();
        assert_eq!(
            found,
            [
                (Some(Code::Model), "sendersReference".to_owned()),
                (Some(Code::Altinn(2013)), "fileName".to_owned()),
                (Some(Code::Altinn(2017)), "expirationInDays".to_owned()),
                (Some(Code::Model), "resourceId".to_owned()),
            ]
        );
    }

    #[test]
    fn nobodys_number_is_in_a_finding() {
        let changes = json!({
            "recipients": ["07827199406", "7827199405"],
            "correspondence": {
                "messageSender": "<b> 07827199405",
                "content": { "messageTitle": "# 07827199405", "language": "07827199405" }
            }
        });
        let request = letter(changes.clone());
        assert!(found(changes).len() >= 5);
        for found in check(&request, &Context::new(now(), true)) {
            let text = format!("{found:?}");
            assert!(!text.contains("99405") && !text.contains("99406"), "{text}");
        }
    }

    #[test]
    fn no_text_makes_a_rule_panic() {
        let pieces = &[
            "",
            "å",
            "\u{1F600}",
            "<",
            "&#x;",
            "#",
            "[](",
            "{}",
            "$",
            "~",
            "+",
            "@",
            ".",
            "%",
            "https://",
            "0192:",
        ];
        let texts = pieces.iter().flat_map(|a| {
            pieces
                .iter()
                .flat_map(move |b| pieces.iter().map(move |c| format!("{a}{b}{c}")))
        });
        let mut request = letter(json!({
            "correspondence": {
                "content": { "attachments": [{}] },
                "externalReferences": [{ "referenceType": "DialogportenDialogId" }],
                "notification": { "customRecipients": [{ "emailAddress": "", "mobileNumber": "" }] }
            }
        }));
        let context = Context::new(now(), true);
        for text in texts {
            let letter = &mut request.correspondence;
            letter.resource_id.clone_from(&text);
            letter.message_sender = Some(text.clone());
            letter.content.message_title.clone_from(&text);
            letter.content.language = Some(text.clone());
            letter.content.attachments[0].file_name.clone_from(&text);
            letter.content.attachments[0].checksum = Some(text.clone());
            letter.external_references[0]
                .reference_value
                .clone_from(&text);
            letter.reply_options[0].link_url.clone_from(&text);
            if let Some(notification) = &mut letter.notification {
                notification.email_body = Some(text.clone());
                let custom = &mut notification.custom_recipients[0];
                custom.email_address = Some(text.clone());
                custom.mobile_number = Some(format!("+{text}"));
            }
            request.recipients = vec![text];
            assert!(check(&request, &context).iter().any(Finding::is_error));
        }
    }
}
