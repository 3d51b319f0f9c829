//! The metadata of a letter's attachments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::written::{flag, number};

/// The most attachments of a letter, existing ones included (code 1038).
pub const ATTACHMENT_LIMIT: usize = 100;

/// The metadata of a file: in `content.attachments`, and when an attachment is initialised by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// The file's name, with one of the extensions Altinn takes; at most 255 characters. Default: the name of `file`.
    #[schemars(example = &"vedtak.pdf")]
    pub file_name: String,
    /// The name shown to the recipient; at most 255 characters. Default: `fileName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The sender has encrypted the file; a mark only. Default: false.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub is_encrypted: Option<bool>,
    /// The file's MD5 in lower-case hexadecimal. Default: worked out from `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Your own reference for the file; 1 to 4096 characters.
    pub senders_reference: String,
    /// Days until the file expires: at least 14 in production, at least 1 elsewhere. Default: never.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub expiration_in_days: Option<i32>,
}
