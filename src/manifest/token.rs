//! Tokens that are not bought with a key of one's own: ready ones, a program's, the test token generator's.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;
use super::auth::{ORGANIZATION, ORGANIZATION_WORDS, VARIABLE, VARIABLE_WORDS};

/// Where tokens come from that massebrev does not buy itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [
        { "required": ["file"] }, { "required": ["env"] },
        { "required": ["command"] }, { "required": ["generator"] }
    ],
    "errorMessage" = "must be { file: path }, { env: NAME }, { command: [program, argument] } or { generator: { org: code } }"
))]
pub struct TokenOrigin {
    /// A file with a token, seen from the manifest's folder; read again when it changes and when its token is refused.
    #[schemars(length(min = 1), example = &"/run/secrets/altinn-token")]
    pub file: Option<PathBuf>,
    /// The name of an environment variable that holds the token itself.
    #[schemars(regex(pattern = VARIABLE), extend("errorMessage" = VARIABLE_WORDS))]
    pub env: Option<String>,
    /// A program that prints a token, with its arguments: bare, or as `{"token": "…", "expiresAt": "2026-11-24T12:00:00Z"}`. It runs in the manifest's folder, without a
    /// shell, whenever a token is needed.
    #[schemars(
        length(min = 1),
        inner(length(min = 1)),
        example = ["vault", "read", "-field=token", "altinn/token"]
    )]
    pub command: Option<Vec<String>>,
    /// Altinn's generator of test tokens; not for production.
    pub generator: Option<GeneratorOrigin>,
}

/// Whose test tokens Altinn's generator makes. Its user and password come from `MASSEBREV_GENERATOR_USER` and `MASSEBREV_GENERATOR_PASSWORD`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("anyOf" = [{ "required": ["org"] }, { "required": ["orgNo"] }]))]
pub struct GeneratorOrigin {
    /// The service owner's code, as `ttd`.
    #[schemars(
        regex(pattern = "^[a-z0-9-]{1,20}$"),
        example = &"ttd",
        extend("errorMessage" = "must be a service owner's code such as ttd")
    )]
    pub org: Option<String>,
    /// The organisation the token stands for.
    #[schemars(
        regex(pattern = ORGANIZATION),
        example = &"991825827",
        extend("errorMessage" = ORGANIZATION_WORDS)
    )]
    pub org_no: Option<String>,
    /// The environment the token is for. Default: the manifest's own.
    #[schemars(
        regex(pattern = "^(tt02|at[0-9]{2}|yt01)$"),
        extend("errorMessage" = "must be a test environment such as tt02, at22 or yt01")
    )]
    pub environment: Option<String>,
    /// How long the token is to last. Default: 30m.
    pub ttl: Option<Period>,
    /// Where the generator is, when not at Altinn's own address.
    #[schemars(length(min = 1))]
    pub address: Option<String>,
}
