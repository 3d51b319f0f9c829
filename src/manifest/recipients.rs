//! The file with the rows, and what is read out of each.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who gets a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recipients {
    /// A delimited text file with a header line and a row for each recipient, seen from the manifest's folder.
    #[schemars(length(min = 1), example = &"recipients.csv")]
    pub file: PathBuf,
    /// The column that identifies a row; its values are unique. Default: the recipient.
    #[schemars(length(min = 1), example = &"Saksnummer")]
    pub key: Option<String>,
    /// A template that renders to an organisation number, a national identity number, or any URN the API takes.
    #[schemars(length(min = 1), example = &"{{ Fødselsnummer }}")]
    pub recipient: String,
    /// A file with keys or recipients that never get this letter, one a line.
    #[schemars(length(min = 1), example = &"unsubscribed.csv")]
    pub exclude: Option<PathBuf>,
    /// A template that renders to `true` for the rows that get a letter; the others are skipped. Default: all rows.
    #[serde(rename = "where")]
    #[schemars(length(min = 1), example = &"{{ Land == 'NO' }}")]
    pub where_: Option<String>,
    /// The file's encoding. Default: found out, and shown.
    #[schemars(length(min = 1), example = &"utf-8", example = &"windows-1252")]
    pub encoding: Option<String>,
    /// What stands between the cells. Default: found out, and shown.
    #[schemars(length(min = 1), example = &";", example = &"\t")]
    pub delimiter: Option<String>,
}
