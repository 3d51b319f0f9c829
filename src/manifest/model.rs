//! The manifest as a type; its parts have files of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Auth, EnvironmentName, Recipients, Send};
use crate::correspondence::Correspondence;

/// One mailing: who gets which letter, through which environment, and how fast.
///
/// Every text in `correspondence` is a Tera template over the columns of the recipients file and `variables`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "massebrev mailing", example = example())]
pub struct Manifest {
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
    /// How massebrev proves who it is; all of it can come from the environment instead.
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
    /// How fast, how carefully and how persistently the letters are sent.
    #[serde(default)]
    pub send: Send,
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
