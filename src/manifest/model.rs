//! The manifest as a type, with its environment and its recipients; `auth` and `send` have files of their own. Doc comments here are the descriptions in the
//! JSON Schema and the hints for missing members.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Auth, Send};
use crate::correspondence::{Correspondence, bare_resource_id};

/// One mailing: who gets which letter, through which environment, and how fast.
///
/// Every text in `correspondence` is a Tera template over the columns of the recipients file and `variables`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "massebrev mailing", example = example())]
pub(crate) struct Manifest {
    /// The version of this format: 1.
    #[schemars(extend("const" = 1, "errorMessage" = "must be 1"))]
    pub version: u32,
    /// The name of this mailing, for ever: it is part of every letter's idempotency key, so a second letter to the same row needs a new name. 1 to 100 of the letters
    /// A-Z and a-z, digits, `.`, `_` and `-`.
    #[schemars(
        regex(pattern = "^[A-Za-z0-9._-]{1,100}$"),
        example = &"vat-reminder-2026-11",
        extend("errorMessage" = "must be 1 to 100 of A-Z, a-z, 0-9, `.`, `_` and `-`")
    )]
    pub mailing: String,
    /// Where the letters go.
    pub environment: EnvironmentName,
    /// The credentials for Maskinporten and Altinn; all of them can come from the environment instead.
    #[serde(default)]
    pub auth: Auth,
    /// Who gets a letter: a file with a row for each.
    pub recipients: Recipients,
    /// Values of your own for the templates, by name.
    #[serde(default)]
    #[schemars(schema_with = "variables")]
    pub variables: Map<String, Value>,
    /// The letter: the API's own request body, with the API's own names. Every text is a template; a member that renders to the empty text is left out.
    #[schemars(with = "Correspondence")]
    pub correspondence: Value,
    /// Ids of attachments that were uploaded and published earlier, or templates that render to one.
    #[serde(default)]
    #[schemars(schema_with = "existing_attachments")]
    pub existing_attachments: Vec<String>,
    /// Mistakes that this mailing makes on purpose: errors that become warnings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allowance>,
    /// The settings of the run: speed, failures, retries, uploads.
    #[serde(default)]
    pub send: Send,
}

impl Manifest {
    /// The resource id when it is the same for every row, without its optional prefix.
    pub(crate) fn resource(&self) -> Option<&str> {
        // Read from the value and not from a rendered letter: it is needed before any row is, and for rows without a letter.
        let id = self.correspondence.get("resourceId")?.as_str()?;
        // A resource id with a tag may differ from row to row.
        let constant = !id.contains("{{") && !id.contains("{%");
        constant.then(|| bare_resource_id(id))
    }
}

/// An error that a manifest may turn into a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Allowance {
    /// Struck-through text in the letter, which readers in Altinn's inbox see as ordinary text.
    StruckThrough,
}

/// An environment of Altinn 3, or the addresses of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend(
    "errorMessage" = "must be sandbox, tt02, prod, at22, at23, yt01 or { platform: …, maskinporten: … }"
))]
pub(crate) enum EnvironmentName {
    /// massebrev's own local Altinn: nothing leaves the machine.
    Sandbox,
    /// Altinn's test environment for all senders.
    Tt02,
    /// Production: real letters.
    Prod,
    /// Altinn's internal test environment AT22.
    At22,
    /// Altinn's internal test environment AT23.
    At23,
    /// Altinn's environment for load tests.
    Yt01,
    /// An environment with other addresses.
    #[serde(untagged)]
    Custom(CustomEnvironment),
}

/// An environment by its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomEnvironment {
    /// The platform's address, as `https://platform.tt02.altinn.no`; `http` only for this machine.
    #[schemars(regex(pattern = ADDRESS), extend("errorMessage" = ADDRESS_WORDS))]
    pub platform: String,
    /// Maskinporten's address, as `https://test.maskinporten.no`; `http` only for this machine.
    #[schemars(regex(pattern = ADDRESS), extend("errorMessage" = ADDRESS_WORDS))]
    pub maskinporten: String,
}

/// An absolute address without user, query or fragment; unencrypted only to this machine itself.
const ADDRESS: &str = r"^(https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])|http://(127\.0\.0\.1|localhost|\[::1\]))(:[0-9]{1,5})?(/[^\s?#]*)?$";

const ADDRESS_WORDS: &str =
    "must be an https:// address (http:// only for 127.0.0.1, localhost and [::1])";

/// The recipients file, and the rows of it that get a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Recipients {
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
    /// Columns that letters may show although they are empty in a row; each other one is warned of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &["Adresse2"])]
    pub allow_empty: Vec<String>,
    /// The file's encoding, as `utf-8`, `windows-1252`, `utf-16`, `cp850`, `cp865` or `macintosh`. Default: found out, and shown.
    #[schemars(length(min = 1), example = &"utf-8", example = &"windows-1252", example = &"cp850", example = &"macintosh")]
    pub encoding: Option<String>,
    /// The sign between the cells. Default: found out, and shown.
    #[schemars(length(min = 1), example = &";", example = &"\t")]
    pub delimiter: Option<String>,
}

fn variables(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": {
            "type": ["string", "number", "boolean", "array", "object"],
            "errorMessage": "must have a value"
        }
    })
}

fn existing_attachments(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": {
            "type": "string",
            "pattern": r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$|\{\{|\{%",
            "errorMessage": "must be an attachment's id (a UUID) or a template"
        }
    })
}

fn example() -> Value {
    serde_json::json!({
        "version": 1,
        "mailing": "vat-reminder-2026-11",
        "environment": "tt02",
        "recipients": { "file": "recipients.csv", "recipient": "{{ Organisasjonsnummer }}" },
        "correspondence": {
            "resourceId": "skd-mva-varsel",
            "sendersReference": "{{ Saksnummer }}",
            "content": { "messageTitle": "Mva-melding for {{ Navn }}", "messageBody": { "file": "letter.md" } }
        }
    })
}
