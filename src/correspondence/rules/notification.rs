//! Rules about the texts of a notification, channel by channel (3002 to 3007, 3024, 3025).

use super::finding::Findings;
use crate::correspondence::{Notification, NotificationChannel, NotificationTemplate};

/// The members that decide which texts are needed.
const ASKING: &[&str] = &[
    "correspondence.notification.notificationChannel",
    "correspondence.notification.notificationTemplate",
];
/// The members that decide which texts of the reminder are needed.
const ASKING_REMINDER: &[&str] = &[
    "correspondence.notification.reminderNotificationChannel",
    "correspondence.notification.sendReminder",
    "correspondence.notification.notificationChannel",
    "correspondence.notification.notificationTemplate",
];

/// A text of a notification; an absent one is empty.
pub(super) struct NotificationText<'a> {
    /// Its member in `correspondence.notification`.
    pub(super) name: &'static str,
    /// Its name in messages.
    pub(super) what: &'static str,
    pub(super) text: &'a str,
    /// The most UTF-16 units. An SMS has at most 16 parts of 134.
    pub(super) limit: usize,
    pub(super) is_sms: bool,
    is_reminder: bool,
}

/// The members of the texts, in the API's order, and their names in messages: subject, e-mail and SMS of the notification, then of the reminder.
const TEXTS: [(&str, &str); 6] = [
    ("emailSubject", "the subject of the e-mail"),
    ("emailBody", "the text of the e-mail"),
    ("smsBody", "the text of the SMS"),
    ("reminderEmailSubject", "the subject of the reminder"),
    ("reminderEmailBody", "the text of the reminder by e-mail"),
    ("reminderSmsBody", "the text of the reminder by SMS"),
];

pub(super) fn notification_texts(
    notification: &Notification,
) -> impl Iterator<Item = NotificationText<'_>> {
    let texts = [
        &notification.email_subject,
        &notification.email_body,
        &notification.sms_body,
        &notification.reminder_email_subject,
        &notification.reminder_email_body,
        &notification.reminder_sms_body,
    ];
    (0..6).map(move |at| NotificationText {
        name: TEXTS[at].0,
        what: TEXTS[at].1,
        text: texts[at].as_deref().unwrap_or_default(),
        limit: [512, 10_000, 2144][at % 3],
        is_sms: at % 3 == 2,
        is_reminder: at >= 3,
    })
}

/// 3002 to 3007, 3024, 3025: the texts of the chosen channels must be present; Altinn's generic message needs none. One finding for each missing text.
pub(super) fn texts(notification: &Notification, list: &mut Findings) {
    if notification.notification_template == Some(NotificationTemplate::GenericAltinnMessage) {
        return;
    }
    let channel = notification.channel();
    let first = (code(channel), channel, false);
    let reminder = notification.reminder_channel();
    let reminder = reminder.map(|channel| (code(channel) + 1, channel, true));
    // The server checks in the order of the codes, in which those of notification and reminder alternate.
    let mut both = [Some(first), reminder];
    both.sort_by_key(|asked| asked.map(|(code, ..)| code));
    for (code, channel, of_reminder) in both.into_iter().flatten() {
        let texts = notification_texts(notification);
        for text in texts.filter(|text| text.is_reminder == of_reminder) {
            let is_needed = if text.is_sms {
                channel.has_sms()
            } else {
                channel.has_email()
            };
            // A text of nothing but blanks counts as present to Altinn.
            if is_needed && text.text.is_empty() {
                let (message, asking) = if of_reminder {
                    ("a text of the reminder is missing", ASKING_REMINDER)
                } else {
                    ("a text of the notification is missing", ASKING)
                };
                let name = text.name;
                list.error(code, format_args!("correspondence.notification.{name}"))
                    .message(message)
                    .related(asking)
                    .hint(format!("channel `{channel:?}` needs `{name}`"));
            }
        }
    }
}

/// The code for a text that a channel needs; that of the reminder is one higher.
fn code(channel: NotificationChannel) -> u16 {
    match channel {
        NotificationChannel::Email => 3002,
        NotificationChannel::Sms => 3004,
        NotificationChannel::EmailPreferred | NotificationChannel::SmsPreferred => 3006,
        NotificationChannel::EmailAndSms => 3024,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;

    /// A letter with just these members in its notification.
    fn notified(members: &Value) -> Vec<String> {
        let mut notification = json!({ "notificationChannel": null, "emailSubject": null,
            "emailBody": null, "smsBody": null });
        for (name, value) in members.as_object().unwrap() {
            notification[name] = value.clone();
        }
        found(json!({ "correspondence": { "notification": notification } }))
    }

    fn missing(code: u16, names: &[&str]) -> Vec<String> {
        names
            .iter()
            .map(|name| format!("error {code} correspondence.notification.{name}"))
            .collect()
    }

    #[test]
    fn each_channel_needs_its_texts() {
        let email: &[_] = &["emailSubject", "emailBody"];
        let all: &[_] = &["emailSubject", "emailBody", "smsBody"];
        let reminder = |names: &[&str]| -> Vec<String> {
            names
                .iter()
                .map(|name| format!("reminder{}{}", name[..1].to_uppercase(), &name[1..]))
                .collect()
        };
        for (channel, first, second, names) in [
            ("Email", 3002, 3003, email),
            ("Sms", 3004, 3005, &["smsBody"]),
            ("EmailPreferred", 3006, 3007, all),
            ("SmsPreferred", 3006, 3007, all),
            ("EmailAndSms", 3024, 3025, all),
        ] {
            let mut members = json!({ "notificationChannel": channel });
            assert_eq!(notified(&members), missing(first, names), "{channel}");
            for name in names {
                members[name] = json!("x");
            }
            assert_eq!(notified(&members), [""; 0], "{channel}");
            members["sendReminder"] = json!(true);
            let reminders = reminder(names);
            let reminders: Vec<_> = reminders.iter().map(String::as_str).collect();
            assert_eq!(notified(&members), missing(second, &reminders), "{channel}");
            for name in &reminders {
                members[name] = json!("x");
            }
            assert_eq!(notified(&members), [""; 0], "{channel}");
            members[names[0]] = json!("");
            assert_eq!(notified(&members), missing(first, &names[..1]), "{channel}");
        }
    }

    #[test]
    fn the_channel_is_email_when_none_is_named() {
        assert_eq!(
            notified(&json!({})),
            missing(3002, &["emailSubject", "emailBody"])
        );
    }

    #[test]
    fn the_reminder_comes_first_when_its_code_does() {
        let members = json!({ "notificationChannel": "Sms", "sendReminder": true,
            "reminderNotificationChannel": "Email", "reminderEmailSubject": "x" });
        let mut expected = missing(3003, &["reminderEmailBody"]);
        expected.extend(missing(3004, &["smsBody"]));
        assert_eq!(notified(&members), expected);
    }

    #[test]
    fn altinns_generic_message_needs_no_texts() {
        let generic =
            json!({ "notificationTemplate": "GenericAltinnMessage", "sendReminder": true });
        assert_eq!(notified(&generic), [""; 0]);
        let own = json!({ "notificationTemplate": "CustomMessage", "notificationChannel": "Sms" });
        assert_eq!(notified(&own), missing(3004, &["smsBody"]));
    }

    #[test]
    fn texts_have_lengths_also_when_they_are_not_needed() {
        for (name, limit) in [
            ("emailSubject", 512),
            ("emailBody", 10_000),
            ("smsBody", 2144),
            ("reminderEmailSubject", 512),
            ("reminderEmailBody", 10_000),
            ("reminderSmsBody", 2144),
        ] {
            let generic = |text: String| {
                notified(&json!({ "notificationTemplate": "GenericAltinnMessage", name: text }))
            };
            let refused = [format!(
                "error STD-00000 correspondence.notification.{name}"
            )];
            assert_eq!(generic("å".repeat(limit)), [""; 0], "{name}");
            assert_eq!(generic("å".repeat(limit + 1)), refused, "{name}");
            assert_eq!(generic("\u{1F600}".repeat(limit / 2)), [""; 0], "{name}");
            assert_eq!(
                generic("\u{1F600}".repeat(limit / 2 + 1)),
                refused,
                "{name}"
            );
        }
    }
}
