//! Where the letters go, by name or by address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An environment of Altinn 3, or the addresses of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend(
    "errorMessage" = "must be sandbox, tt02, prod, at22, at23, yt01 or { platform: …, maskinporten: … }"
))]
pub enum EnvironmentName {
    /// massebrev's own local Altinn: nothing leaves the machine.
    Sandbox,
    /// Altinn's test environment for everybody.
    Tt02,
    /// Production: real letters.
    Prod,
    /// Altinn's internal test environment AT22.
    At22,
    /// Altinn's internal test environment AT23.
    At23,
    /// Altinn's environment for load tests.
    Yt01,
    /// Addresses of its own.
    #[serde(untagged)]
    Custom(CustomEnvironment),
}

/// An environment by its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomEnvironment {
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
