//! The view model of notifications: the e-mails and SMS that announce a letter.

use std::borrow::Cow;

use serde::Serialize;

use super::email;
use super::format::describe_character;
use super::mask::{address, masked, mobile};
use crate::correspondence::sms::{Sms, is_gsm7};
use crate::correspondence::{
    Correspondence, CustomRecipient, EmailContentType, Moment, Notification, NotificationChannel,
    NotificationTemplate, in_norway,
};
use crate::secret::redact;
use crate::text::counted;

/// The hours, Norwegian time, in which Altinn sends SMS. At other times they wait for the next 09:00.
const SMS_HOURS: std::ops::Range<i8> = 9..17;

/// The values that Altinn inserts for keywords in the texts of a notification, as far as they are known before sending.
#[derive(Debug, Clone, Default)]
pub(super) struct Keywords<'a> {
    values: Vec<(&'static str, &'a str)>,
    published: Option<Moment>,
}

/// The beginning of every placeholder for a name that only Altinn knows.
const UNKNOWN: &str = "[";

impl<'a> Keywords<'a> {
    pub(super) fn new(letter: &'a Correspondence) -> Self {
        let sender = letter.message_sender.as_deref();
        let sender = sender.filter(|sender| !sender.trim().is_empty());
        Self {
            values: vec![
                ("$messageTitle$", &letter.content.message_title),
                ("$sendersName$", sender.unwrap_or("[sender's name]")),
                ("$resourceName$", "[resource's name]"),
                ("$correspondenceRecipientName$", "[recipient's name]"),
                ("$recipientName$", "[recipient's name]"),
            ],
            published: letter.requested_publish_time,
        }
    }

    pub(super) fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains('$') {
            return Cow::Borrowed(text);
        }
        let fill = |text: String, (keyword, value): &(&str, &str)| text.replace(keyword, value);
        Cow::Owned(self.values.iter().fold(text.to_owned(), fill))
    }

    /// True when a text has a keyword whose value only Altinn knows.
    pub(super) fn has_unknown(&self, text: &str) -> bool {
        let mut unknown = self
            .values
            .iter()
            .filter(|(_, value)| value.starts_with(UNKNOWN));
        text.contains('$') && unknown.any(|(keyword, _)| text.contains(keyword))
    }

    /// A note on the time of the SMS, when it may differ from the letter's publication.
    fn sms_window(&self) -> Option<String> {
        const WINDOW: &str = "An SMS leaves between 09:00 and 17:00 Norwegian time";
        let Some(published) = self.published else {
            return Some(format!(
                "{WINDOW}; when the letter is published at another time, at the next 09:00."
            ));
        };
        let at = in_norway(published.timestamp());
        if SMS_HOURS.contains(&at.hour()) {
            return None;
        }
        let day = if at.hour() < SMS_HOURS.start {
            at.date()
        } else {
            at.date().tomorrow().unwrap_or(at.date())
        };
        Some(format!("{WINDOW}: this one at 09:00 on {day}."))
    }
}

#[derive(Debug, Serialize)]
pub(super) struct NotificationView {
    pub(super) name: &'static str,
    pub(super) when: &'static str,
    pub(super) channel: &'static str,
    pub(super) mail: Option<EmailView>,
    pub(super) phone: Option<SmsMessage>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EmailView {
    pub(super) subject: String,
    pub(super) body: String,
    /// The sanitised body of an HTML e-mail; empty for plain text.
    pub(super) html: String,
}

/// An SMS for display, split into its parts.
#[derive(Debug, Serialize)]
pub(super) struct SmsMessage {
    pub(super) text: String,
    /// The parts on the phone bill, each as a list of pieces.
    pub(super) parts: Vec<Vec<SmsPiece>>,
    /// The size, such as `2 parts, 183 of 306 characters (GSM-7)`.
    pub(super) measure: String,
    /// Remarks on its cost, and on a length that is not final.
    pub(super) notes: Vec<String>,
}

/// A run of characters of an SMS that are all in GSM-7, or all outside it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SmsPiece {
    pub(super) text: String,
    pub(super) is_foreign: bool,
}

/// The texts that may be sent by SMS, first and as a reminder; whether they are depends on the recipients' contact data, which only Altinn knows.
pub(super) fn sms_texts(notification: &Notification) -> [Option<&str>; 2] {
    let channels = [
        Some(notification.channel()),
        notification.reminder_channel(),
    ];
    let has_sms = channels.map(|channel| channel.is_some_and(NotificationChannel::has_sms));
    let texts = [&notification.sms_body, &notification.reminder_sms_body];
    std::array::from_fn(|at| texts[at].as_deref().filter(|_| has_sms[at]))
}

/// True when Altinn's generic text surrounds the sender's.
pub(super) fn is_generic(notification: &Notification) -> bool {
    notification.notification_template == Some(NotificationTemplate::GenericAltinnMessage)
}

pub(super) fn notification_views(
    notification: &Notification,
    keywords: &Keywords<'_>,
) -> Vec<NotificationView> {
    let [first, reminder] = sms_texts(notification);
    let mut notes = Vec::new();
    if is_generic(notification) {
        notes.push(
            "Altinn's own text stands around these words, so the length of the SMS is not known."
                .to_owned(),
        );
    }
    notes.extend(custom_recipients_note(notification));
    let view = |name, when, channel: NotificationChannel, mail: EmailTexts<'_>, sms| {
        let (subject, body, kind) = mail;
        // Without words of the sender there is nothing to show: Altinn's generic text is not known here.
        let has_mail = channel.has_email() && (subject.is_some() || body.is_some());
        let fill = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            keywords.fill(text).into_owned()
        };
        NotificationView {
            name,
            when,
            channel: in_words(channel),
            mail: has_mail.then(|| EmailView::new(&fill(subject), &fill(body), kind)),
            phone: Option::map(sms, |text| SmsMessage::new(text, keywords)),
            notes: notes.clone(),
        }
    };
    let mut notices = vec![view(
        "Notification",
        "when the letter can be read",
        notification.channel(),
        (
            &notification.email_subject,
            &notification.email_body,
            notification.email_content_type,
        ),
        first,
    )];
    if let Some(channel) = notification.reminder_channel() {
        let kind = notification.reminder_email_content_type;
        notices.push(view(
            "Reminder",
            "7 days later in production, 1 day later elsewhere, to those who have not opened the letter",
            channel,
            (
                &notification.reminder_email_subject,
                &notification.reminder_email_body,
                kind.or(notification.email_content_type),
            ),
            reminder,
        ));
    }
    notices
}

/// The subject, the body and its form, as they are written.
type EmailTexts<'a> = (
    &'a Option<String>,
    &'a Option<String>,
    Option<EmailContentType>,
);

impl EmailView {
    fn new(subject: &str, body: &str, kind: Option<EmailContentType>) -> Self {
        let html = match kind {
            Some(EmailContentType::Html) => email::html(body),
            Some(EmailContentType::Plain) | None => String::new(),
        };
        Self {
            subject: masked(subject).into_owned(),
            body: masked(body).into_owned(),
            html,
        }
    }
}

impl SmsMessage {
    fn new(text: &str, keywords: &Keywords<'_>) -> Self {
        let has_unknown = keywords.has_unknown(text);
        let text = keywords.fill(text);
        // An asterisk counts as much as a digit, so the masked text has the length of the sent one.
        let text = masked(&text).into_owned();
        let sms = Sms::from_text(&text);
        let count = sms.parts.len();
        let mut notes = Vec::new();
        if !sms.foreign.is_empty() {
            notes.push(ucs2_note(&sms));
        }
        if has_unknown {
            notes.push(
                "Counted as shown: Altinn puts a name where […] stands, so the length will differ."
                    .to_owned(),
            );
        }
        notes.extend(keywords.sms_window());
        let measure = format!(
            "{}, {} of {} characters ({})",
            counted(count as u64, "part", "parts"),
            sms.units,
            sms.encoding.room(count) * count.max(1),
            sms.encoding.name()
        );
        let parts = sms.parts.iter().map(|part| pieces(part)).collect();
        Self {
            text,
            parts,
            measure,
            notes,
        }
    }
}

/// A sentence on the characters that force UCS-2 and so make the SMS dearer.
fn ucs2_note(sms: &Sms<'_>) -> String {
    const NAMED: usize = 4;
    let names: Vec<_> = sms
        .foreign
        .iter()
        .take(NAMED)
        .map(|c| describe_character(*c))
        .collect();
    let more = match sms.foreign.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let room = if sms.parts.len() > 1 { 67 } else { 70 };
    format!(
        "Only {room} characters a part, because of {}{more}.",
        names.join(", ")
    )
}

fn pieces(part: &str) -> Vec<SmsPiece> {
    let mut pieces: Vec<SmsPiece> = Vec::new();
    for c in part.chars() {
        let is_foreign = !is_gsm7(c);
        match pieces.last_mut() {
            Some(last) if last.is_foreign == is_foreign => last.text.push(c),
            _ => pieces.push(SmsPiece {
                text: c.into(),
                is_foreign,
            }),
        }
    }
    pieces
}

fn in_words(channel: NotificationChannel) -> &'static str {
    match channel {
        NotificationChannel::Email => "by e-mail",
        NotificationChannel::Sms => "by SMS",
        NotificationChannel::EmailPreferred => "by e-mail, or by SMS to those without an address",
        NotificationChannel::SmsPreferred => {
            "by SMS, or by e-mail to those without a mobile number"
        }
        NotificationChannel::EmailAndSms => "by e-mail and by SMS",
    }
}

/// A note on custom recipients, who are notified beside, or instead of, the registered contacts.
fn custom_recipients_note(notification: &Notification) -> Option<String> {
    let listed = &notification.custom_recipients;
    // The deprecated single recipient counts only without the list.
    let single = notification
        .custom_recipient
        .iter()
        .filter(|_| listed.is_empty());
    let recipients: Vec<_> = listed
        .iter()
        .chain(single)
        .map(describe_recipient)
        .collect();
    if recipients.is_empty() {
        return None;
    }
    let how = if notification.override_registered_contact_information == Some(true) {
        "It goes only to"
    } else {
        "It goes also to"
    };
    Some(format!("{how} {}.", recipients.join(", ")))
}

fn describe_recipient(recipient: &CustomRecipient) -> String {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(email) = filled(&recipient.email_address) {
        return address(&email);
    }
    if let Some(number) = filled(&recipient.mobile_number) {
        return mobile(&number);
    }
    if let Some(number) = filled(&recipient.organization_number) {
        return format!("the contacts of organisation {number}");
    }
    let number = filled(&recipient.national_identity_number).unwrap_or_default();
    format!("the contacts of {}", redact(&number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notification(value: serde_json::Value) -> Vec<NotificationView> {
        notification_views(
            &serde_json::from_value(value).unwrap(),
            &Keywords::default(),
        )
    }

    /// An SMS with a letter that is published at noon.
    fn sms(text: &str) -> SmsMessage {
        let letter = Correspondence {
            requested_publish_time: Some("2026-12-15T12:00:00+01:00".parse().unwrap()),
            ..Correspondence::default()
        };
        SmsMessage::new(text, &Keywords::new(&letter))
    }

    #[test]
    fn an_sms_waits_for_the_next_morning() {
        for (published, note) in [
            ("2026-12-15T08:59:00+01:00", Some("on 2026-12-15.")),
            ("2026-12-15T09:00:00+01:00", None),
            ("2026-12-15T16:59:00+01:00", None),
            ("2026-12-31T17:00:00+01:00", Some("on 2027-01-01.")),
            ("2026-07-01T06:30:00Z", Some("on 2026-07-01.")),
        ] {
            let keywords = Keywords {
                published: Some(published.parse().unwrap()),
                ..Keywords::default()
            };
            let notes = SmsMessage::new("Hei", &keywords).notes;
            assert_eq!(notes.len(), usize::from(note.is_some()), "{published}");
            assert!(
                notes
                    .iter()
                    .all(|said| said.ends_with(note.unwrap_or_default())),
                "{notes:?}"
            );
        }
        assert_eq!(SmsMessage::new("Hei", &Keywords::default()).notes.len(), 1);
    }

    #[test]
    fn keywords_are_replaced_by_what_altinn_puts_there() {
        let letter = serde_json::from_value(json!({
            "resourceId": "r", "sendersReference": "s", "messageSender": "Skatteetaten",
            "content": { "messageTitle": "Vedtak", "messageBody": "b" }
        }));
        let letter: Correspondence = letter.unwrap();
        let keywords = Keywords::new(&letter);
        let filled = keywords.fill("$sendersName$: $messageTitle$ til $recipientName$, $5$");
        assert_eq!(filled, "Skatteetaten: Vedtak til [recipient's name], $5$");
        assert!(keywords.has_unknown("$recipientName$") && !keywords.has_unknown("$messageTitle$"));
    }

    #[test]
    fn only_what_the_channel_sends_is_shown() {
        for (channel, mail, sms) in [
            ("Email", true, false),
            ("Sms", false, true),
            ("EmailPreferred", true, true),
            ("SmsPreferred", true, true),
            ("EmailAndSms", true, true),
        ] {
            let notices = notification(json!({
                "notificationChannel": channel, "emailSubject": "a", "emailBody": "b", "smsBody": "c"
            }));
            assert_eq!(notices.len(), 1);
            assert_eq!(notices[0].mail.is_some(), mail, "{channel}");
            assert_eq!(notices[0].phone.is_some(), sms, "{channel}");
        }
    }

    #[test]
    fn a_reminder_takes_the_channel_and_the_kind_of_the_first_one() {
        let mut value = json!({
            "notificationChannel": "EmailAndSms", "emailSubject": "a", "emailBody": "<b>b</b>", "emailContentType": "Html", "smsBody": "c",
            "reminderEmailSubject": "d", "reminderEmailBody": "<i>e</i>", "reminderSmsBody": "f"
        });
        assert_eq!(notification(value.clone()).len(), 1);
        value["sendReminder"] = true.into();
        let notices = notification(value);
        let reminder = &notices[1];
        assert_eq!(reminder.mail.as_ref().unwrap().html, "<i>e</i>");
        assert_eq!(reminder.phone.as_ref().unwrap().text, "f");
    }

    #[test]
    fn the_character_that_makes_it_dear_is_named_and_marked() {
        let phone = sms("Hei, «Ane»: det’s");
        assert_eq!(
            phone.measure.replace('\u{a0}', " "),
            "1 part, 17 of 70 characters (UCS-2)"
        );
        assert_eq!(
            phone.notes,
            [
                "Only 70 characters a part, because of « (U+00AB, angle quote; \" does the same), » (U+00BB, angle quote; \" does the same), \
              ’ (U+2019, curly apostrophe; ' does the same)."
            ]
        );
        let marked = phone.parts[0].iter().filter(|piece| piece.is_foreign);
        let marked: Vec<_> = marked.map(|piece| piece.text.as_str()).collect();
        assert_eq!(marked, ["«", "»", "’"]);
    }

    #[test]
    fn an_unknown_name_is_counted_as_shown_and_said_so() {
        let phone = sms("Hei $recipientName$");
        assert_eq!(
            phone.measure.replace('\u{a0}', " "),
            "1 part, 24 of 160 characters (GSM-7)"
        );
        assert!(phone.notes[0].starts_with("Counted as shown"));
        assert!(sms("Hei").notes.is_empty());
    }

    #[test]
    fn a_masked_sms_is_as_long_as_the_one_that_is_sent() {
        let text = format!("{}07827199405 {}", "a".repeat(147), "b".repeat(10));
        let text = text.replacen('a', " ", 147);
        let phone = sms(&text);
        let parts: Vec<String> = phone
            .parts
            .iter()
            .map(|part| part.iter().map(|piece| piece.text.as_str()).collect())
            .collect();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts.concat().len(), text.len());
        assert!(!parts.concat().contains("99405"));
    }

    #[test]
    fn others_who_are_told_are_masked() {
        let notices = notification(json!({
            "emailSubject": "a", "emailBody": "b", "overrideRegisteredContactInformation": true,
            "customRecipients": [
                { "emailAddress": "kari@example.no" }, { "mobileNumber": "+4791234567" }, { "organizationNumber": "991825827" },
                { "nationalIdentityNumber": "07827199405" }
            ]
        }));
        assert_eq!(
            notices[0].notes,
            [
                "It goes only to k***@example.no, +47*****567, the contacts of organisation 991825827, the contacts of 078271*****."
            ]
        );
    }
}
