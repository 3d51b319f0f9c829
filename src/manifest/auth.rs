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
    /// The client's id in Maskinporten. `MASSEBREV_CLIENT_ID` wins over it; without both the one in Altinn Studio's settings is used.
    pub client_id: Option<String>,
    /// Where the client's private key is. `MASSEBREV_KEY_FILE` and `MASSEBREV_KEY` win over it.
    pub key: Option<KeySource>,
    /// Where tokens come from when not from a key: a file, a variable, a program, or the test token generator. `MASSEBREV_TOKEN_FILE` and `MASSEBREV_TOKEN` win over it.
    pub token: Option<TokenOrigin>,
    /// The scopes to ask for.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub scopes: Vec<String>,
    /// The audience of the token, when it is to be restricted: the addresses of the APIs it may be used with.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub resource: Vec<String>,
    /// The organisation on whose behalf a supplier asks, when that has been delegated in Altinn.
    #[schemars(
        regex(pattern = ORGANIZATION),
        example = &"310244007",
        extend("errorMessage" = ORGANIZATION_WORDS)
    )]
    pub consumer_org: Option<String>,
    /// The system user a supplier's system acts as.
    pub system_user: Option<SystemUser>,
    /// Whether Maskinporten's token is exchanged for one of Altinn's.
    pub exchange: bool,
    /// Whether Altinn takes a token of Digdir's as one of its test organisation `ttd`, when it exchanges it.
    pub test_organization: bool,
    /// Where the subscription key of Altinn's API management is, when one is needed. `MASSEBREV_SUBSCRIPTION_KEY` wins over it.
    pub subscription_key: Option<SecretSource>,
    /// A file with certificates to trust besides the machine's own, in PEM, as a proxy that opens the traffic needs it. `MASSEBREV_CA_FILE` wins over it.
    #[schemars(length(min = 1), example = &"certificates/proxy.pem")]
    pub ca_file: Option<PathBuf>,
}

/// A system user, as its customer has agreed to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemUser {
    /// The customer's organisation.
    #[schemars(
        regex(pattern = ORGANIZATION),
        example = &"310244007",
        extend("errorMessage" = ORGANIZATION_WORDS)
    )]
    pub organization: String,
    /// The reference the system user was asked for with; needed when there was one.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub external_ref: Option<String>,
}

/// How grants are signed; all three with RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("errorMessage" = "must be RS256, RS384 or RS512"))]
pub enum Algorithm {
    /// RSA with SHA-256.
    #[default]
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
}

/// Where a private key is: in a file or in an environment variable, as a JWK (plain or base64), as PEM, as a business certificate in PKCS#12, or in Altinn Studio's
/// `maskinporten-settings.json`.
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
    /// The key's id in Maskinporten. PEM has no place for it; a business certificate needs none.
    pub kid: Option<String>,
    /// How grants are signed. Default: what the key says itself, else RS256.
    pub algorithm: Option<Algorithm>,
    /// A file with the certificate for the key and the chain above it, in PEM, when they are not beside the key.
    #[schemars(length(min = 1))]
    pub certificate: Option<PathBuf>,
    /// Where the password of a PKCS#12 file is. `MASSEBREV_KEY_PASSWORD` wins over it.
    pub password: Option<SecretSource>,
    /// Which settings of a `maskinporten-settings.json` are meant, when there are several: `Outer:Inner`.
    #[schemars(length(min = 1))]
    pub section: Option<String>,
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
            resource: Vec::new(),
            consumer_org: None,
            system_user: None,
            exchange: true,
            test_organization: false,
            subscription_key: None,
            ca_file: None,
        }
    }
}
