//! Notifications: the e-mail and SMS that tell a recipient about a letter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api_enum::api_enum;
use super::written::flag;

/// The keywords that Altinn replaces in the texts of notifications, between dollar signs.
pub const NOTIFICATION_KEYWORDS: [&str; 5] = [
    "sendersName",
    "correspondenceRecipientName",
    "resourceName",
    "messageTitle",
    "recipientName",
];

/// The texts, channels and recipients of the notifications about a letter.
///
/// `$sendersName$`, `$correspondenceRecipientName$`, `$resourceName$`, `$messageTitle$` and `$recipientName$` in the texts are
/// replaced by Altinn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Notification {
    /// Your own texts, or Altinn's generic ones. Default: `CustomMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_template: Option<NotificationTemplate>,
    /// The channel, which decides which texts must be there. Default: `Email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_channel: Option<NotificationChannel>,
    /// The channel of the reminder. Default: the same as `notificationChannel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_notification_channel: Option<NotificationChannel>,
    /// The subject of the e-mail; at most 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_subject: Option<String>,
    /// The text of the e-mail; at most 10000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_body: Option<String>,
    /// The format of `emailBody`, plain text or HTML. Default: `Plain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_content_type: Option<EmailContentType>,
    /// The text of the SMS; at most 2144 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_body: Option<String>,
    /// Remind those who have not opened the letter: after 7 days in production, after 1 day elsewhere. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub send_reminder: Option<bool>,
    /// The subject of the reminder; at most 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_email_subject: Option<String>,
    /// The text of the reminder by e-mail; at most 10000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_email_body: Option<String>,
    /// The format of `reminderEmailBody`, plain text or HTML. Default: the same as `emailContentType`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_email_content_type: Option<EmailContentType>,
    /// The text of the reminder by SMS; at most 2144 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_sms_body: Option<String>,
    /// Ignored by Altinn. Accepted so that older examples can be pasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub senders_reference: Option<String>,
    /// Contacts to notify beside, or instead of, the registered ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_recipients: Vec<CustomRecipient>,
    /// Deprecated by Altinn: used only when `customRecipients` is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_recipient: Option<CustomRecipient>,
    /// Notify the custom recipients only; needs them (code 3022). Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub override_registered_contact_information: Option<bool>,
}

impl Notification {
    /// The texts of e-mails with their members and formats; an absent text is empty.
    pub(crate) fn email_bodies<'a>(&'a self) -> [(&'static str, &'a str, EmailContentType); 2] {
        let first = self.email_content_type.unwrap_or_default();
        let reminder = self.reminder_email_content_type.unwrap_or(first);
        let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
        [
            ("emailBody", text(&self.email_body), first),
            (
                "reminderEmailBody",
                text(&self.reminder_email_body),
                reminder,
            ),
        ]
    }

    /// The channel; e-mail is Altinn's default.
    pub fn channel(&self) -> NotificationChannel {
        self.notification_channel.unwrap_or_default()
    }

    /// The channel of the reminder; `None` when there is none.
    pub fn reminder_channel(&self) -> Option<NotificationChannel> {
        let channel = self.reminder_notification_channel;
        (self.send_reminder == Some(true)).then(|| channel.unwrap_or(self.channel()))
    }
}

/// A contact to notify: exactly one of the four members (codes 3018 and 3019).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomRecipient {
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
    /// A mobile number with its country code, as `+4791234567` or `004791234567`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_number: Option<String>,
    /// An organisation, whose registered contacts are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_number: Option<String>,
    /// A person, whose registered contacts are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub national_identity_number: Option<String>,
}

/// The origin of a notification's texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum NotificationTemplate {
    /// The texts in the manifest.
    #[default]
    CustomMessage,
    /// Altinn's generic text; texts in the manifest fill its open slot.
    GenericAltinnMessage,
}

api_enum!(NotificationTemplate: CustomMessage, GenericAltinnMessage);

/// The channel of a notification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum NotificationChannel {
    /// E-mail only.
    #[default]
    Email,
    /// SMS only.
    Sms,
    /// E-mail, or SMS to those without an address.
    EmailPreferred,
    /// SMS, or e-mail to those without a number.
    SmsPreferred,
    /// Both.
    EmailAndSms,
}

impl NotificationChannel {
    /// True when some may be notified by e-mail.
    pub fn has_email(self) -> bool {
        self != Self::Sms
    }

    /// True when some may be notified by SMS.
    pub fn has_sms(self) -> bool {
        self != Self::Email
    }
}

api_enum!(NotificationChannel: Email, Sms, EmailPreferred, SmsPreferred, EmailAndSms);

/// The format of an e-mail body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum EmailContentType {
    /// Plain text.
    #[default]
    Plain,
    /// HTML.
    Html,
}

api_enum!(EmailContentType: Plain, Html);
