//! The members of the API's request bodies: names, types, and the meaning of a null or missing value.

use super::body::Presence::{NotNull, NotNullInJson, Required, RequiredInJson};
use super::body::{Kind, Member};

/// The body of `POST /correspondence`.
pub(super) const REQUEST: &[Member] = &[
    Member::new("correspondence", Kind::Object(CORRESPONDENCE)).with(Required),
    Member::new("recipients", Kind::List(&Kind::Text)).with(Required),
    Member::new("existingAttachments", Kind::List(&Kind::Guid)).with(NotNull),
    Member::new("idempotentKey", Kind::Guid),
];

/// The body of `POST /attachment`.
pub(super) const ATTACHMENT: &[Member] = &[
    Member::new("resourceId", Kind::Text).with(Required),
    Member::new("fileName", Kind::Text).with(Required),
    Member::new("displayName", Kind::Text),
    Member::new("isEncrypted", Kind::Flag).with(NotNullInJson),
    Member::new("checksum", Kind::Text),
    Member::new("sendersReference", Kind::Text).with(Required),
    Member::new("expirationInDays", Kind::Integer),
];

// Texts that are required but not marked here, such as `messageTitle`, are left to the rules of letters, which report them with their limits.
const CORRESPONDENCE: &[Member] = &[
    Member::new("resourceId", Kind::Text),
    Member::new("sender", Kind::Text),
    Member::new("sendersReference", Kind::Text),
    Member::new("messageSender", Kind::Text),
    Member::new("content", Kind::Object(CONTENT)).with(Required),
    Member::new("requestedPublishTime", Kind::Time),
    Member::new("dueDateTime", Kind::Time),
    Member::new("externalReferences", Kind::List(&Kind::Object(REFERENCE))),
    Member::new("propertyList", Kind::StringMap).with(NotNull),
    Member::new("replyOptions", Kind::List(&Kind::Object(REPLY))),
    Member::new("notification", Kind::Object(NOTIFICATION)),
    Member::new("ignoreReservation", Kind::Flag),
    Member::new("isConfirmationNeeded", Kind::Flag).with(NotNullInJson),
    Member::new("isConfidential", Kind::Flag).with(NotNullInJson),
    Member::new("allowForwarding", Kind::Flag).with(NotNullInJson),
];

const CONTENT: &[Member] = &[
    Member::new("language", Kind::Text),
    Member::new("messageTitle", Kind::Text),
    Member::new("messageSummary", Kind::Text),
    Member::new("messageBody", Kind::Text),
    Member::new("attachments", Kind::List(&Kind::Object(FILE))).with(NotNull),
];

const FILE: &[Member] = &[
    Member::new("fileName", Kind::Text).with(Required),
    Member::new("displayName", Kind::Text),
    Member::new("isEncrypted", Kind::Flag).with(NotNullInJson),
    Member::new("checksum", Kind::Text),
    Member::new("sendersReference", Kind::Text),
    Member::new("expirationInDays", Kind::Integer),
];

const REFERENCE: &[Member] = &[
    Member::new("referenceValue", Kind::Text).with(RequiredInJson),
    Member::new("referenceType", Kind::Enum(REFERENCE_TYPES)).with(RequiredInJson),
];

// The order is the API's: a number in a request is an index into the list. So it is for the lists below.
const REFERENCE_TYPES: &str = "Generic AltinnAppInstance AltinnBrokerFileTransfer DialogportenDialogId \
    DialogportenProcessId DialogportenTransmissionId DialogportenTransmissionType";

const REPLY: &[Member] = &[
    Member::new("linkURL", Kind::Text).with(RequiredInJson),
    Member::new("linkText", Kind::Text),
];

const CHANNELS: &str = "Email Sms EmailPreferred SmsPreferred EmailAndSms";
const CONTENT_TYPES: &str = "Plain Html";
const TEMPLATES: &str = "CustomMessage GenericAltinnMessage";

const NOTIFICATION: &[Member] = &[
    Member::new("notificationTemplate", Kind::Enum(TEMPLATES)).with(NotNullInJson),
    Member::new("notificationChannel", Kind::Enum(CHANNELS)),
    Member::new("reminderNotificationChannel", Kind::Enum(CHANNELS)),
    Member::new("emailSubject", Kind::Text),
    Member::new("emailBody", Kind::Text),
    Member::new("emailContentType", Kind::Enum(CONTENT_TYPES)),
    Member::new("smsBody", Kind::Text),
    Member::new("sendReminder", Kind::Flag).with(NotNullInJson),
    Member::new("reminderEmailSubject", Kind::Text),
    Member::new("reminderEmailBody", Kind::Text),
    Member::new("reminderEmailContentType", Kind::Enum(CONTENT_TYPES)),
    Member::new("reminderSmsBody", Kind::Text),
    Member::new("sendersReference", Kind::Text),
    Member::new("customRecipients", Kind::List(&Kind::Object(CONTACT))),
    Member::new("customRecipient", Kind::Object(CONTACT)),
    Member::new("overrideRegisteredContactInformation", Kind::Flag).with(NotNullInJson),
];

const CONTACT: &[Member] = &[
    Member::new("emailAddress", Kind::Text),
    Member::new("mobileNumber", Kind::Text),
    Member::new("organizationNumber", Kind::Text),
    Member::new("nationalIdentityNumber", Kind::Text),
];
