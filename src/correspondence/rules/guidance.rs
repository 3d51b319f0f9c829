//! Warnings for notifications that Altinn accepts, but that its guidance advises against.

use std::borrow::Cow;
use std::fmt::Display;

use super::super::contact::after_plus;
use super::super::sms::{Sms, is_gsm7};
use super::super::text::{excerpt, is_blank};
use super::finding::Findings;
use super::letter::PLACEHOLDER;
use super::notification::{NotificationText, notification_texts};
use crate::correspondence::{
    Correspondence, EmailContentType, NOTIFICATION_KEYWORDS, Notification, NotificationChannel,
    in_norway,
};
use crate::diagnostic::nearest;
use crate::secret::redact;

/// Country codes of Finland, Thailand and Spain, where SMS may not arrive.
const UNCERTAIN_COUNTRIES: [&str; 3] = ["358", "66", "34"];

pub(super) fn check(letter: &Correspondence, notification: &Notification, list: &mut Findings) {
    let reminder = notification.reminder_channel();
    let has_sms =
        notification.channel().has_sms() || reminder.is_some_and(NotificationChannel::has_sms);
    for text in notification_texts(notification) {
        // A text of a channel that is not used is never sent.
        if !text.is_sms || has_sms {
            check_text(&text, list);
        }
    }
    for (name, text, kind) in notification.email_bodies() {
        let has_tags = text.contains("</") || text.contains("<br") || text.contains("<p>");
        if has_tags && kind == EmailContentType::Plain {
            let member = format_args!("correspondence.notification.{name}");
            list.advice(
                member,
                "there are HTML tags in an e-mail of plain text: readers see them as they stand",
            )
            .hint("set `emailContentType: Html`, or take the tags out");
        }
    }
    if has_sms {
        check_send_time(letter, list);
    }
    for (index, recipient) in notification.custom_recipients.iter().enumerate() {
        let number = recipient.mobile_number.as_deref().and_then(after_plus);
        let number = number.unwrap_or_default();
        let mut countries = UNCERTAIN_COUNTRIES.iter();
        if let Some(country) = countries.find(|country| number.starts_with(**country)) {
            let contacts = "correspondence.notification.customRecipients";
            let member = format_args!("{contacts}[{index}].mobileNumber");
            list.advice(member, "an SMS to this country may not arrive")
                .cause(format!("+{country}"))
                .hint("Altinn's guidance names +358, +66 and +34: give an e-mail address instead");
        }
    }
}

/// Warns of links, identity numbers, costly characters and unknown keywords in one text.
fn check_text(text: &NotificationText<'_>, list: &mut Findings) {
    let NotificationText {
        name, text, is_sms, ..
    } = *text;
    let member = format_args!("correspondence.notification.{name}");
    // Altinn takes a single blank.
    if !text.is_empty() && is_blank(text) {
        list.advice(member, "the text of a notification is blank");
    }
    if text.contains("://") || text.contains("www.") {
        list.advice(member, "there is a link in a notification")
            .hint("Altinn's guidance: never a link in a notification, as fraud has them; readers find the letter when they log in by themselves");
    }
    // `redact` changes a text only when it finds an identity number.
    if matches!(redact(text), Cow::Owned(_)) {
        list.advice(member, "there may be a national identity number in a notification")
            .value(text)
            .hint("Altinn's guidance: no personal data in e-mail and SMS, and nothing that tells what a sensitive letter is about");
    }
    if text.contains('{') && text.contains(PLACEHOLDER) {
        list.advice(
            member,
            "Altinn puts no name in for `{{recipientName}}` here",
        )
        .hint("in notifications the name is written `$recipientName$`");
    }
    if is_sms && !text.chars().all(is_gsm7) {
        warn_of_ucs2(text, member, list);
    }
    if let Some(keyword) = half_keyword(text) {
        list.advice(
            member,
            "Altinn puts nothing in for a name with one dollar sign",
        )
        .hint(format!(
            "write `${keyword}$`, with a dollar sign on each side"
        ));
    }
    if let Some(unknown) = unknown_keyword(text) {
        let near = nearest(unknown, NOTIFICATION_KEYWORDS.into_iter());
        let near = near.map_or(NOTIFICATION_KEYWORDS.to_vec(), |name| vec![name]);
        let near: Vec<_> = near.iter().map(|name| format!("`${name}$`")).collect();
        list.advice(
            member,
            "Altinn puts nothing in for a name between dollar signs",
        )
        .cause(format!("`${unknown}$`"))
        .hint(format!(
            "it stays in the text as it is; Altinn knows {}",
            near.join(", ")
        ));
    }
}

/// Warns of an SMS outside GSM-7: one such character makes the whole SMS UCS-2, with less than half as many characters in each part.
fn warn_of_ucs2(text: &str, member: impl Display, list: &mut Findings) {
    let sms = Sms::from_text(text);
    let characters: String = sms.foreign.iter().collect();
    let replaced = text.replace(|c| !is_gsm7(c), "?");
    // The same text with replacements shows what the characters cost.
    let without = Sms::from_text(&replaced).parts.len();
    let parts = sms.parts.len();
    let cost = if parts == without {
        "70 characters fit into one part instead of 160".to_owned()
    } else {
        format!("{parts} parts instead of {without}")
    };
    list.advice(member, "the SMS has characters that make it dearer")
        .cause(format!("{}: {cost}", excerpt(&characters)))
        .hint("each part is paid for; write `-` and `\"` for dashes and quotes, and no emoji");
}

/// A keyword with a dollar sign on one side only.
fn half_keyword(text: &str) -> Option<&'static str> {
    let is_half = |keyword: &&str| {
        text.match_indices(keyword)
            .any(|(at, _)| text[..at].ends_with('$') != text[at + keyword.len()..].starts_with('$'))
    };
    // Without a dollar sign the text has no keyword, and no word is searched for.
    text.contains('$')
        .then(|| NOTIFICATION_KEYWORDS.into_iter().find(is_half))?
}

/// The first word between dollar signs that is no keyword of Altinn.
fn unknown_keyword(text: &str) -> Option<&str> {
    let mut pieces = text.split('$').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        let is_word = !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_word || pieces.peek().is_none() {
            continue;
        }
        // `$recipientName$` is recognised in any case, the others only as they are written here.
        if !NOTIFICATION_KEYWORDS.contains(&piece) && !piece.eq_ignore_ascii_case("recipientName") {
            return Some(piece);
        }
        // The closing sign of a keyword does not open another word.
        pieces.next();
    }
    None
}

/// Warns of a publish time outside the hours in which Altinn sends SMS, 09:00 to 17:00 in Norway.
fn check_send_time(letter: &Correspondence, list: &mut Findings) {
    let Some(published) = letter.requested_publish_time else {
        return;
    };
    let hour = in_norway(published.timestamp()).hour();
    if !(9..17).contains(&hour) {
        let message = "the SMS is not sent when the letter is published";
        list.advice("correspondence.requestedPublishTime", message)
            .cause(format!("published {published}"))
            .hint("Altinn sends SMS between 09:00 and 17:00 Norwegian time, and this one at the next 09:00");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;
    use super::{half_keyword, unknown_keyword};

    fn notified(changes: &Value) -> Vec<String> {
        let found = found(json!({ "correspondence": { "notification": changes } }));
        found
            .into_iter()
            .map(|line| line.replace("correspondence.notification.", ""))
            .collect()
    }

    #[test]
    fn what_the_guidance_advises_against_is_a_warning() {
        for (changes, expected) in [
            (
                json!({ "smsBody": "Du har fått brev fra NAV. Logg inn i Altinn." }),
                vec![],
            ),
            (
                json!({ "emailSubject": "Brev til {{recipientName}}" }),
                vec!["warning - emailSubject"],
            ),
            (
                json!({ "emailSubject": " " }),
                vec!["warning - emailSubject"],
            ),
            (
                json!({ "smsBody": "Les på https://altinn.no" }),
                vec!["warning - smsBody"],
            ),
            (
                json!({ "emailBody": "Les på www.altinn.no" }),
                vec!["warning - emailBody"],
            ),
            (
                json!({ "emailBody": "Gjelder 07827199405" }),
                vec!["warning - emailBody"],
            ),
            (json!({ "emailBody": "Gjelder sak 2026/123456" }), vec![]),
            (
                json!({ "smsBody": "Du har brev – les det" }),
                vec!["warning - smsBody"],
            ),
            (json!({ "emailBody": "Du har brev – les det" }), vec![]),
            (
                json!({ "smsBody": "–", "notificationChannel": "Email" }),
                vec![],
            ),
            (
                json!({ "smsBody": "x", "notificationChannel": "Email", "sendReminder": true, "reminderNotificationChannel": "Sms", "reminderSmsBody": "😀" }),
                vec!["warning - reminderSmsBody"],
            ),
            (
                json!({ "emailBody": "Hei $navn$" }),
                vec!["warning - emailBody"],
            ),
            (
                json!({ "emailBody": "Hei $recipientName, les brevet." }),
                vec!["warning - emailBody"],
            ),
            (
                json!({ "emailBody": "<b>Les</b>" }),
                vec!["warning - emailBody"],
            ),
            (
                json!({ "emailBody": "<b>Les</b>", "emailContentType": "html", "reminderEmailBody": "<p>Les</p>" }),
                vec![],
            ),
            (json!({ "emailBody": "Les det < 5 & i dag" }), vec![]),
            (
                json!({ "customRecipients": [{ "mobileNumber": "+358401234567" }, { "mobileNumber": "+4791234567" }] }),
                vec!["warning - customRecipients[0].mobileNumber"],
            ),
        ] {
            assert_eq!(notified(&changes), expected, "{changes}");
        }
    }

    #[test]
    fn sms_have_opening_hours() {
        for (published, expected) in [
            ("2026-12-01T09:00:00+01:00", &[][..]),
            ("2026-12-01T16:59:00+01:00", &[]),
            (
                "2026-12-01T17:00:00+01:00",
                &["warning - correspondence.requestedPublishTime"],
            ),
            (
                "2026-12-01T08:59:00+01:00",
                &["warning - correspondence.requestedPublishTime"],
            ),
            ("2026-07-01T07:30:00Z", &[]),
        ] {
            let changes = json!({ "correspondence": { "requestedPublishTime": published } });
            assert_eq!(found(changes), expected, "{published}");
        }
    }

    #[test]
    fn names_stand_between_dollar_signs() {
        for (text, unknown) in [
            ("Hei $correspondenceRecipientName$", None),
            ("$RECIPIENTNAME$", None),
            ("å$$recipientName$", None),
            ("$5 og $10", None),
            ("US$ og $ og", None),
            ("Hei $name$", Some("name")),
            ("$sendersName$ har $x$", Some("x")),
            ("$sendersname$", Some("sendersname")),
            ("$sendersName$og$messageTitle$", None),
        ] {
            assert_eq!(unknown_keyword(text), unknown, "{text}");
            assert_eq!(half_keyword(text), None, "{text}");
        }
        for text in [
            "Hei $recipientName!",
            "recipientName$",
            "$sendersName$, recipientName$",
        ] {
            assert_eq!(half_keyword(text), Some("recipientName"), "{text}");
        }
        assert_eq!(half_keyword("recipientName for $5"), None);
    }

    #[test]
    fn names_are_put_in_by_altinn_where_it_says_so() {
        for member in [
            json!({ "sendersReference": "x {{recipientName}}" }),
            json!({ "messageSender": "til $recipientName$" }),
            json!({ "propertyList": { "case": "$correspondenceRecipientName$" } }),
            json!({ "externalReferences": [{ "referenceType": "Generic", "referenceValue": "{{recipientName}}" }] }),
            json!({ "replyOptions": [{ "linkURL": "https://example.no", "linkText": "{{recipientName}}" }] }),
        ] {
            let found = found(json!({ "correspondence": member }));
            let has_warning = found.iter().any(|line| line.starts_with("warning - "));
            assert!(has_warning, "{member}: {found:?}");
        }
        let named =
            json!({ "messageTitle": "Til {{recipientName}}", "messageBody": "{{recipientName}}" });
        assert_eq!(
            found(json!({ "correspondence": { "content": named } })),
            [""; 0]
        );
    }
}
