//! The body of `POST /correspondence`, member by member.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::api_enum::api_enum;
use super::written::flag;
use super::{Attachment, Moment, Notification};

/// One request: one letter to one recipient.
///
/// The API takes up to 500 recipients, but an idempotency key only with exactly one (code 1047), so massebrev never sends more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    pub correspondence: Correspondence,
    /// The recipients, as URNs.
    pub recipients: Vec<String>,
    /// Ids of published attachments; they count towards the limit of 100.
    pub existing_attachments: Vec<Uuid>,
    /// The key that makes a repeated request harmless: Altinn answers 409 with code 1034 from the second on. Never all zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_key: Option<Uuid>,
}

/// A resource id without its optional prefix: both spellings name the same resource.
pub fn bare_resource_id(id: &str) -> &str {
    id.strip_prefix("urn:altinn:resource:").unwrap_or(id)
}

/// The letter: the API's own request body, with the API's own names.
///
/// Every string is a template; a member that renders to the empty string is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Correspondence {
    /// The resource in Altinn's resource registry that the letter belongs to, with or without `urn:altinn:resource:`; 1 to 255
    /// characters.
    #[schemars(example = &"skd-mva-varsel")]
    pub resource_id: String,
    /// Ignored by Altinn: the sender is the owner of the resource. Accepted so that older examples can be pasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Your own reference for the letter, such as a case number; 1 to 4096 characters. Altinn can search for it.
    #[schemars(example = &"{{ Saksnummer }}")]
    pub senders_reference: String,
    /// The sender's name as the recipient sees it, when it is not the owner's own name; plain text, at most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_sender: Option<String>,
    /// What the letter says, and its attachments.
    pub content: Content,
    /// When the letter becomes visible; a time in the past means at once. Default: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_publish_time: Option<Moment>,
    /// By when the recipient must act; a date without a time is the end of that day in Norway. Required when `isConfirmationNeeded` is true; not in the past, not
    /// before publishing.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::moment::deadline"
    )]
    #[schemars(example = &"{{ now() | plus(days=14) }}")]
    pub due_date_time: Option<Moment>,
    /// References to other systems; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
    /// Free metadata: at most 10 entries, keys of at most 50 and values of at most 300 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub property_list: BTreeMap<String, String>,
    /// Links shown as buttons under the letter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply_options: Vec<ReplyOption>,
    /// The e-mail and SMS that tell the recipient about the letter. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notification>,
    /// Send even when the person has reserved against digital mail. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub ignore_reservation: Option<bool>,
    /// The recipient must confirm that the letter has been read; needs `dueDateTime`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub is_confirmation_needed: Option<bool>,
    /// A confidential letter; must agree with the resource. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub is_confidential: Option<bool>,
    /// The recipient may forward the letter; attachments of at most 10,000,000 bytes in all. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub allow_forwarding: Option<bool>,
}

/// The texts of the letter, and its attachments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Content {
    /// `nb`, `nn` or `en`. Default: `nb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"nb")]
    pub language: Option<String>,
    /// The title in the inbox; plain text, 1 to 255 characters.
    pub message_title: String,
    /// A short summary; plain text, at most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_summary: Option<String>,
    /// The letter itself in Markdown; 1 to 30000 characters. `{{recipientName}}` becomes the name Altinn has registered.
    pub message_body: String,
    /// Files that follow the letter; at most 100 together with `existingAttachments`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A button under the letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplyOption {
    /// Where the button leads: an absolute `https://` address of at most 255 characters.
    #[serde(rename = "linkURL")]
    #[schemars(example = &"https://example.no/svar")]
    pub link_url: String,
    /// The text of the button. Default: a generic text in the letter's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_text: Option<String>,
}

/// A reference to another system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalReference {
    /// The reference itself.
    pub reference_value: String,
    /// What kind of reference it is.
    #[schemars(with = "ReferenceType")]
    pub reference_type: Option<ReferenceType>,
}

/// The kinds of references Altinn knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ReferenceType {
    /// Anything.
    #[default]
    Generic,
    /// An instance of an Altinn app.
    AltinnAppInstance,
    /// A file transfer in Altinn Broker.
    AltinnBrokerFileTransfer,
    /// An existing dialog; the letter becomes a transmission in it.
    DialogportenDialogId,
    /// A process that ties dialogs together.
    DialogportenProcessId,
    /// Set by Altinn alone: refused in a request.
    DialogportenTransmissionId,
    /// The kind of transmission, such as `Information` or `Decision`.
    DialogportenTransmissionType,
}

api_enum!(ReferenceType: Generic, AltinnAppInstance, AltinnBrokerFileTransfer, DialogportenDialogId, DialogportenProcessId, DialogportenTransmissionId, DialogportenTransmissionType);
