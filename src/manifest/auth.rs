//! The `auth` part of a manifest: it names the places of secrets and never holds one. Doc comments here are the descriptions in the JSON Schema.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;

/// The scopes asked for when the manifest names none.
pub(crate) const DEFAULT_SCOPES: [&str; 2] = ["altinn:serviceowner", "altinn:correspondence.write"];

/// The Maskinporten client, its key and its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("not" = {
    "required": ["key", "token"],
    "properties": { "key": { "type": "object" }, "token": { "type": "object" } }
}))]
pub(crate) struct Auth {
    /// The client's id in Maskinporten. `MASSEBREV_CLIENT_ID` wins over it; without both the one in Altinn Studio's settings is used.
    pub client_id: Option<String>,
    /// The place of the client's private key. `MASSEBREV_KEY_FILE` and `MASSEBREV_KEY` win over it.
    pub key: Option<KeySource>,
    /// The origin of tokens that are not requested with a key: a file, a variable, a program, or the test token generator. `MASSEBREV_TOKEN_FILE` and `MASSEBREV_TOKEN` win over it.
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
    /// Exchanges Maskinporten's token for one of Altinn's.
    pub exchange: bool,
    /// Asks Altinn, in the exchange, to treat a token of Digdir as one of its test organisation `ttd`.
    pub test_organization: bool,
    /// The place of the subscription key for Altinn's API management, when one is needed. `MASSEBREV_SUBSCRIPTION_KEY` wins over it.
    pub subscription_key: Option<SecretSource>,
    /// A file with certificates to trust besides the machine's own, in PEM, as a proxy that opens the traffic needs it. `MASSEBREV_CA_FILE` wins over it.
    #[schemars(length(min = 1), example = &"certificates/proxy.pem")]
    pub ca_file: Option<PathBuf>,
}

/// A system user, as its customer has agreed to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SystemUser {
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

/// The signature algorithm of grants; all three use RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("errorMessage" = "must be RS256, RS384 or RS512"))]
pub(crate) enum Algorithm {
    /// RSA with SHA-256.
    #[default]
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
}

/// The place of a private key: a file or an environment variable. It holds a JWK (plain or base64), PEM, a business certificate in PKCS#12, or Altinn Studio's
/// `maskinporten-settings.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [{ "required": ["file"] }, { "required": ["env"] }],
    "errorMessage" = "must be { file: path } or { env: NAME }"
))]
pub(crate) struct KeySource {
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
    /// The signature algorithm of grants. Default: what the key says itself, else RS256.
    pub algorithm: Option<Algorithm>,
    /// A file with the certificate for the key and the chain above it, in PEM, when they are not beside the key.
    #[schemars(length(min = 1))]
    pub certificate: Option<PathBuf>,
    /// The place of the password of a PKCS#12 file. `MASSEBREV_KEY_PASSWORD` wins over it.
    pub password: Option<SecretSource>,
    /// The settings to use in a `maskinporten-settings.json` that has several: `Outer:Inner`.
    #[schemars(length(min = 1))]
    pub section: Option<String>,
}

/// The place of a secret text: a file or an environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [{ "required": ["file"] }, { "required": ["env"] }],
    "errorMessage" = "must be { file: path } or { env: NAME }"
))]
pub(crate) struct SecretSource {
    /// A file, seen from the manifest's folder.
    #[schemars(length(min = 1))]
    pub file: Option<PathBuf>,
    /// The name of an environment variable that holds the secret itself.
    #[schemars(regex(pattern = VARIABLE), extend("errorMessage" = VARIABLE_WORDS))]
    pub env: Option<String>,
}

const ORGANIZATION: &str = "^[0-9]{9}$";

const ORGANIZATION_WORDS: &str = "must be an organisation number: nine digits";

/// The pattern of a variable's name. A key that was put here by mistake does not match it, and is refused.
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]{0,99}$";

const VARIABLE_WORDS: &str = "must be the name of an environment variable";

/// The origin of tokens that are not requested with a key: a file, a variable, a program, or the test token generator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend(
    "oneOf" = [
        { "required": ["file"] }, { "required": ["env"] },
        { "required": ["command"] }, { "required": ["generator"] }
    ],
    "errorMessage" = "must be { file: path }, { env: NAME }, { command: [program, argument] } or { generator: { org: code } }"
))]
pub(crate) struct TokenOrigin {
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

/// The organisation that Altinn's generator makes test tokens for. Its user and password come from `MASSEBREV_GENERATOR_USER` and `MASSEBREV_GENERATOR_PASSWORD`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("anyOf" = [{ "required": ["org"] }, { "required": ["orgNo"] }]))]
pub(crate) struct GeneratorOrigin {
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
    /// The lifetime of the token. Default: 30m.
    pub ttl: Option<Period>,
    /// The generator's address, when it is not Altinn's own.
    #[schemars(length(min = 1))]
    pub address: Option<String>,
}

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
            // Altinn accepts Maskinporten's own tokens too, but only with the scope `altinn:serviceowner`.
            exchange: true,
            test_organization: false,
            subscription_key: None,
            ca_file: None,
        }
    }
}
