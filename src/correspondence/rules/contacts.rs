//! Rules about custom recipients of a notification (3011, 3012, 3015, 3017, 3018, 3019, 3022).

use std::fmt::Arguments;

use super::super::contact::{is_email_address, mobile_number_problem};
use super::finding::Findings;
use super::notification::notification_texts;
use crate::correspondence::{CustomRecipient, Notification};

const ONE: &str = "correspondence.notification.customRecipient";
const LIST: &str = "correspondence.notification.customRecipients";
/// The keyword, in any case, that the Notifications service replaces. It knows names only of recipients with a number in a register.
const RECIPIENT_NAME: &str = "$recipientname$";

/// The rules about custom recipients, in the server's order; `recipients` is the number of recipients of the letter.
pub(super) fn custom_recipients(
    notification: &Notification,
    recipients: usize,
    list: &mut Findings,
) {
    let contacts = &notification.custom_recipients;
    let is_list = !contacts.is_empty();
    if !is_list && notification.custom_recipient.is_none() {
        only_custom_recipients(notification, list);
        return;
    }
    if recipients > 1 {
        list.error(3017, if is_list { LIST } else { ONE });
    }
    // Reported once for each letter, at the text: without the keyword in it all custom recipients are right.
    let mut naming = text_with_name(notification);
    if is_list {
        for (index, recipient) in contacts.iter().enumerate() {
            let at = format_args!("{LIST}[{index}]");
            custom_recipient(recipient, &mut naming, at, list);
        }
    } else if let Some(recipient) = &notification.custom_recipient {
        custom_recipient(recipient, &mut naming, format_args!("{ONE}"), list);
    }
}

/// 3022: notifying only the custom recipients needs at least one.
fn only_custom_recipients(notification: &Notification, list: &mut Findings) {
    if notification.override_registered_contact_information == Some(true) {
        let member = "correspondence.notification.overrideRegisteredContactInformation";
        list.error(3022, member)
            .related(&[LIST, ONE])
            .hint("add `customRecipients`, or leave it out");
    }
}

/// 3019, 3018, 3015, 3011, 3012: a custom recipient has exactly one address or number, and a valid one.
fn custom_recipient(
    recipient: &CustomRecipient,
    naming: &mut Option<&'static str>,
    at: Arguments<'_>,
    list: &mut Findings,
) {
    let (email_address, mobile_number) = (&recipient.email_address, &recipient.mobile_number);
    let is_set = |member: &Option<String>| member.as_ref().is_some_and(|text| !text.is_empty());
    // Altinn counts members that are not empty.
    let ways = [
        email_address,
        mobile_number,
        &recipient.organization_number,
        &recipient.national_identity_number,
    ];
    let count = ways.into_iter().filter(|way| is_set(way)).count();
    let hint = "give exactly one of `emailAddress`, `mobileNumber`, `organizationNumber` and `nationalIdentityNumber`";
    if count == 0 {
        list.error(3019, at).hint(hint);
        return;
    }
    if count > 1 {
        list.error(3018, at).hint(hint);
    }
    if (is_set(email_address) || is_set(mobile_number))
        && let Some(text) = naming.take()
    {
        list.error(3015, format_args!("correspondence.notification.{text}"))
            .message("`$recipientName$` in a text does not go with custom recipients by address or number")
            .hint("write `$correspondenceRecipientName$`, or take the name out of the texts");
    }
    // An empty member is not set, but Altinn still checks its form: it is refused as an address.
    if let Some(address) = email_address
        && !is_email_address(address)
    {
        list.error(3011, format_args!("{at}.emailAddress"))
            .value(address)
            .hint("write one address such as `kari@example.no`, or leave the member out");
    }
    if let Some(number) = mobile_number
        && let Some(message) = mobile_number_problem(number)
    {
        list.error(3012, format_args!("{at}.mobileNumber"))
            .message(message)
            .value(number)
            .hint("write it with its country code, as `+4791234567`, or leave the member out");
    }
}

/// The member of the first text with the keyword [`RECIPIENT_NAME`], in any case.
fn text_with_name(notification: &Notification) -> Option<&'static str> {
    let mut texts = notification_texts(notification);
    let naming = texts.find(|text| text.text.to_ascii_lowercase().contains(RECIPIENT_NAME));
    naming.map(|text| text.name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;

    fn custom(recipient: &Value) -> Value {
        json!({ "correspondence": { "notification": { "customRecipients": [recipient] } } })
    }

    #[test]
    fn custom_recipients_are_reached_in_exactly_one_way() {
        for (recipient, expected) in [
            (json!({ "emailAddress": "kari@example.no" }), &[][..]),
            (json!({ "mobileNumber": "+4791234567" }), &[]),
            (json!({ "organizationNumber": "1" }), &[]),
            (json!({ "nationalIdentityNumber": "1" }), &[]),
            (json!({}), &["error 3019"]),
            (
                json!({ "emailAddress": "", "mobileNumber": "" }),
                &["error 3019"],
            ),
            (
                json!({ "organizationNumber": "1", "nationalIdentityNumber": "1" }),
                &["error 3018"],
            ),
            (
                json!({ "emailAddress": "kari@example.no", "mobileNumber": "1" }),
                &["error 3018", "error 3012.mobileNumber"],
            ),
            (
                json!({ "emailAddress": "kari@example.no", "mobileNumber": "" }),
                &["error 3012.mobileNumber"],
            ),
            (
                json!({ "emailAddress": "", "mobileNumber": "+4791234567" }),
                &["error 3011.emailAddress"],
            ),
            (
                json!({ "emailAddress": "kari" }),
                &["error 3011.emailAddress"],
            ),
            (
                json!({ "mobileNumber": "91234567" }),
                &["error 3012.mobileNumber"],
            ),
            (
                json!({ "mobileNumber": "+4712345678" }),
                &["error 3012.mobileNumber"],
            ),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|line| match line.split_once('.') {
                    Some((code, name)) => format!("{code} {}[0].{name}", super::LIST),
                    None => format!("{line} {}[0]", super::LIST),
                })
                .collect();
            assert_eq!(found(custom(&recipient)), expected, "{recipient}");
        }
    }

    #[test]
    fn the_deprecated_member_counts_only_without_the_list() {
        let mut changes = json!({ "correspondence": { "notification":
            { "customRecipient": { "emailAddress": "kari" } } } });
        assert_eq!(
            found(changes.clone()),
            [format!("error 3011 {}.emailAddress", super::ONE)]
        );
        changes["correspondence"]["notification"]["customRecipients"] =
            json!([{ "emailAddress": "kari@example.no" }]);
        assert_eq!(found(changes), [""; 0]);
    }

    #[test]
    fn the_name_of_the_recipient_needs_a_number() {
        for member in [
            "emailSubject",
            "emailBody",
            "smsBody",
            "reminderEmailSubject",
            "reminderEmailBody",
            "reminderSmsBody",
        ] {
            let refused = format!("error 3015 correspondence.notification.{member}");
            for (text, recipient, expected) in [
                (
                    "Hei $RECIPIENTname$!",
                    json!({ "emailAddress": "a@b.no" }),
                    vec![refused.clone()],
                ),
                (
                    "å$$recipientName$",
                    json!({ "mobileNumber": "+4791234567" }),
                    vec![refused],
                ),
                (
                    "$recipientName$",
                    json!({ "organizationNumber": "1" }),
                    vec![],
                ),
                (
                    "$correspondenceRecipientName$ $å",
                    json!({ "emailAddress": "a@b.no" }),
                    vec![],
                ),
            ] {
                let mut changes = custom(&recipient);
                changes["correspondence"]["notification"][member] = json!(text);
                assert_eq!(found(changes), expected, "{member} {text}");
            }
        }
    }

    #[test]
    fn overriding_needs_somebody_to_notify() {
        let changes = |value: Value| {
            json!({ "correspondence": { "notification":
                { "overrideRegisteredContactInformation": value } } })
        };
        assert_eq!(
            found(changes(json!(true))),
            ["error 3022 correspondence.notification.overrideRegisteredContactInformation"]
        );
        assert_eq!(found(changes(json!(false))), [""; 0]);
        let mut notified = changes(json!(true));
        notified["correspondence"]["notification"]["customRecipient"] =
            json!({ "organizationNumber": "1" });
        assert_eq!(found(notified), [""; 0]);
    }

    #[test]
    fn custom_recipients_go_with_one_recipient_of_the_letter() {
        let mut changes = custom(&json!({ "organizationNumber": "1" }));
        changes["recipients"] = json!(["0192:991825827", "07827199405"]);
        changes["idempotentKey"] = Value::Null;
        assert_eq!(found(changes), [format!("error 3017 {}", super::LIST)]);
    }
}
