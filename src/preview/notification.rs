//! The e-mail and SMS that tell of a letter, as their readers get them.

use serde::Serialize;

use super::format::named;
use super::markdown;
use super::mask::{address, masked, mobile};
use crate::correspondence::sms::{Sms, is_gsm7};
use crate::correspondence::{
    CustomRecipient, EmailContentType, Notification, NotificationChannel, NotificationTemplate,
};
use crate::secret::redact;
use crate::text::counted;

/// What Altinn replaces in the texts of a notification.
const TOKENS: [&str; 5] = [
    "$recipientName$",
    "$correspondenceRecipientName$",
    "$sendersName$",
    "$resourceName$",
    "$messageTitle$",
];

/// One notification: the first one, or the reminder.
#[derive(Debug, Serialize)]
pub(super) struct NotificationView {
    pub(super) name: &'static str,
    pub(super) when: &'static str,
    pub(super) channel: &'static str,
    pub(super) mail: Option<EmailView>,
    pub(super) phone: Option<SmsMessage>,
    /// What should be known about it, in sentences.
    pub(super) notes: Vec<String>,
}

/// An e-mail.
#[derive(Debug, Serialize)]
pub(super) struct EmailView {
    pub(super) subject: String,
    pub(super) body: String,
    /// The body when it is HTML, sanitised; else nothing.
    pub(super) html: String,
    pub(super) notes: Vec<&'static str>,
}

/// An SMS on a phone.
#[derive(Debug, Serialize)]
pub(super) struct SmsMessage {
    pub(super) text: String,
    /// Its parts, each in pieces.
    pub(super) parts: Vec<Vec<SmsPiece>>,
    /// `2 parts, 183 of 306 characters (GSM-7)`.
    pub(super) measure: String,
    /// Why it is dear, and that its length is not final.
    pub(super) notes: Vec<String>,
}

/// A piece of an SMS: characters that seven bits have, or do not have.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SmsPiece {
    pub(super) text: String,
    pub(super) is_foreign: bool,
}

/// The SMS texts of a letter.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct SmsTexts<'a> {
    pub(super) first: Option<&'a str>,
    pub(super) reminder: Option<&'a str>,
}

impl<'a> SmsTexts<'a> {
    /// The texts that may be sent by SMS, whoever has a mobile number.
    pub(super) fn new(notification: Option<&'a Notification>) -> Self {
        let Some(notification) = notification else {
            return Self::default();
        };
        let text = |channel, text: &'a Option<String>| text.as_deref().filter(|_| has_sms(channel));
        Self {
            first: text(first_channel(notification), &notification.sms_body),
            reminder: text(
                reminder_channel(notification),
                &notification.reminder_sms_body,
            )
            .filter(|_| notification.send_reminder == Some(true)),
        }
    }
}

/// Whether Altinn puts its own text around the sender's.
pub(super) fn is_generic(notification: &Notification) -> bool {
    notification.notification_template == Some(NotificationTemplate::GenericAltinnMessage)
}

/// Whether a text has something in it that Altinn replaces.
pub(super) fn has_token(text: &str) -> bool {
    TOKENS.iter().any(|token| text.contains(token))
}

/// The notifications of a letter, in the order they are sent.
pub(super) fn notices(notification: &Notification) -> Vec<NotificationView> {
    let texts = SmsTexts::new(Some(notification));
    let mut notices = vec![NotificationView::new(
        notification,
        ("Notification", "when the letter can be read"),
        first_channel(notification),
        (&notification.email_subject, &notification.email_body),
        notification.email_content_type,
        texts.first,
    )];
    if notification.send_reminder == Some(true) {
        notices.push(NotificationView::new(
            notification,
            ("Reminder", "7 days later in production, 1 day later elsewhere, to those who have not opened the letter"),
            reminder_channel(notification),
            (&notification.reminder_email_subject, &notification.reminder_email_body),
            notification.reminder_email_content_type.or(notification.email_content_type),
            texts.reminder,
        ));
    }
    notices
}

impl NotificationView {
    fn new(
        notification: &Notification,
        (name, when): (&'static str, &'static str),
        channel: NotificationChannel,
        (subject, body): (&Option<String>, &Option<String>),
        kind: Option<EmailContentType>,
        sms: Option<&str>,
    ) -> Self {
        let has_words = subject.is_some() || body.is_some();
        let mail = has_mail(channel) && has_words;
        let mail = mail.then(|| {
            EmailView::new(
                subject.as_deref().unwrap_or_default(),
                body.as_deref().unwrap_or_default(),
                kind,
            )
        });
        let mut notes = Vec::new();
        if is_generic(notification) {
            notes.push("Altinn's own text stands around these words, so the length of the SMS is not known.".to_owned());
        }
        notes.extend(also(notification));
        Self {
            name,
            when,
            channel: in_words(channel),
            mail,
            phone: sms.map(SmsMessage::new),
            notes,
        }
    }
}

impl EmailView {
    fn new(subject: &str, body: &str, kind: Option<EmailContentType>) -> Self {
        let shown = match kind {
            Some(EmailContentType::Html) => Some(markdown::mail(body)),
            Some(EmailContentType::Plain) | None => None,
        };
        let (html, notes) = shown.map_or_else(Default::default, |shown| (shown.html, shown.notes));
        Self {
            subject: masked(subject).into_owned(),
            body: masked(body).into_owned(),
            html,
            notes,
        }
    }
}

impl SmsMessage {
    fn new(text: &str) -> Self {
        // An asterisk is as long as a digit: what is counted is what is sent.
        let text = masked(text).into_owned();
        let sms = Sms::from_text(&text);
        let count = sms.parts.len();
        let mut notes = Vec::new();
        if !sms.foreign.is_empty() {
            notes.push(why_dear(&sms));
        }
        if has_token(&text) {
            notes.push("Counted as written: Altinn puts a name or title where $…$ stands, so the length will differ.".to_owned());
        }
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

/// Which characters make it dear, and what it would be without them.
fn why_dear(sms: &Sms<'_>) -> String {
    const NAMED: usize = 4;
    let names: Vec<_> = sms.foreign.iter().take(NAMED).map(|c| named(*c)).collect();
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

fn first_channel(notification: &Notification) -> NotificationChannel {
    notification.notification_channel.unwrap_or_default()
}

fn reminder_channel(notification: &Notification) -> NotificationChannel {
    notification
        .reminder_notification_channel
        .unwrap_or_else(|| first_channel(notification))
}

fn has_mail(channel: NotificationChannel) -> bool {
    channel != NotificationChannel::Sms
}

fn has_sms(channel: NotificationChannel) -> bool {
    channel != NotificationChannel::Email
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

/// Whom the notification goes to beside, or instead of, the contacts that are registered.
fn also(notification: &Notification) -> Option<String> {
    let first = notification.custom_recipient.iter().take(1);
    let recipients: Vec<_> = if notification.custom_recipients.is_empty() {
        first.map(reached).collect()
    } else {
        notification.custom_recipients.iter().map(reached).collect()
    };
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

fn reached(recipient: &CustomRecipient) -> String {
    let of = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(email) = of(&recipient.email_address) {
        return address(&email);
    }
    if let Some(number) = of(&recipient.mobile_number) {
        return mobile(&number);
    }
    if let Some(number) = of(&recipient.organization_number) {
        return format!("the contacts of organisation {number}");
    }
    let number = of(&recipient.national_identity_number).unwrap_or_default();
    format!("the contacts of {}", redact(&number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notification(value: serde_json::Value) -> Vec<NotificationView> {
        notices(&serde_json::from_value(value).unwrap())
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
        let phone = SmsMessage::new("Hei, «Ane»: det’s");
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
    fn a_token_is_counted_as_written_and_said_so() {
        let phone = SmsMessage::new("Hei $recipientName$");
        assert_eq!(
            phone.measure.replace('\u{a0}', " "),
            "1 part, 19 of 160 characters (GSM-7)"
        );
        assert!(phone.notes[0].starts_with("Counted as written"));
        assert!(SmsMessage::new("Hei").notes.is_empty());
    }

    #[test]
    fn a_masked_sms_is_as_long_as_the_one_that_is_sent() {
        let text = format!("{}07827199405 {}", "a".repeat(147), "b".repeat(10));
        let text = text.replacen('a', " ", 147);
        let phone = SmsMessage::new(&text);
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
