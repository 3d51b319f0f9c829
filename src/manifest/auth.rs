//! How massebrev proves who it is; no secret ever stands in the manifest itself.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TokenOrigin;

/// The scopes asked for when the manifest names none.
pub const DEFAULT_SCOPES: [&str; 2] = ["altinn:serviceowner", "altinn:correspondence.write"];

/// The Maskinporten client, its key and its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("not" = {
    "required": ["key", "token"],
    "properties": { "key": { "type": "object" }, "token": { "type": "object" } }
}))]
pub struct Auth {
    /// The client's id in Maskinporten. Default: `MASSEBREV_CLIENT_ID`.
    pub client_id: Option<String>,
    /// Where the client's private key is. Default: `MASSEBREV_KEY`.
    pub key: Option<KeySource>,
    /// Where tokens come from when not from a key: a file, a variable, a program, or the test token generator. Default: `MASSEBREV_TOKEN`.
    pub token: Option<TokenOrigin>,
    /// The scopes to ask for.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub scopes: Vec<String>,
    /// Whether Maskinporten's token is exchanged for one of Altinn's.
    pub exchange: bool,
    /// Where the subscription key of Altinn's API management is, when one is needed.
    pub subscription_key: Option<SecretSource>,
    /// A file with certificates to trust besides the machine's own, in PEM, as a proxy that opens the traffic needs it.
    #[schemars(length(min = 1), example = &"certificates/proxy.pem")]
    pub ca_file: Option<PathBuf>,
}

/// Where a private key is: in a file or in an environment variable, as a JWK (plain or base64) or as PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [{ "required": ["file"] }, { "required": ["env"] }],
    "errorMessage" = "must be { file: path } or { env: NAME }"
))]
pub struct KeySource {
    /// A file, seen from the manifest's folder.
    #[schemars(length(min = 1), example = &"keys/maskinporten.jwk.json")]
    pub file: Option<PathBuf>,
    /// The name of an environment variable that holds the key itself.
    #[schemars(
        regex(pattern = VARIABLE),
        example = &"MASKINPORTEN_JWK",
        extend("errorMessage" = VARIABLE_WORDS)
    )]
    pub env: Option<String>,
    /// The key's id in Maskinporten; needed with PEM, which has no place for it.
    pub kid: Option<String>,
}

/// Where a secret text is: in a file or in an environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [{ "required": ["file"] }, { "required": ["env"] }],
    "errorMessage" = "must be { file: path } or { env: NAME }"
))]
pub struct SecretSource {
    /// A file, seen from the manifest's folder.
    #[schemars(length(min = 1))]
    pub file: Option<PathBuf>,
    /// The name of an environment variable that holds the secret itself.
    #[schemars(regex(pattern = VARIABLE), extend("errorMessage" = VARIABLE_WORDS))]
    pub env: Option<String>,
}

pub(super) const ORGANIZATION: &str = "^[0-9]{9}$";

pub(super) const ORGANIZATION_WORDS: &str = "must be an organisation number: nine digits";

/// A variable's name; a key that was put here by mistake is none.
pub(super) const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]{0,99}$";

pub(super) const VARIABLE_WORDS: &str = "must be the name of an environment variable";

impl Default for Auth {
    fn default() -> Self {
        Self {
            client_id: None,
            key: None,
            token: None,
            scopes: DEFAULT_SCOPES.map(str::to_owned).to_vec(),
            exchange: true,
            subscription_key: None,
            ca_file: None,
        }
    }
}
