//! The file that declares a mailing: its types, its schema, and how it is read with every problem at its place.

mod auth;
mod decode;
mod document;
mod event_pass;
mod expected;
mod letter_schema;
mod limits;
mod load;
mod member_names;
mod model;
mod positions;
mod schema;
mod secrets;
mod send;
#[cfg(test)]
mod tests;
mod texts;
mod variables;
mod violations;
mod yaml_problems;

pub use auth::{
    Algorithm, Auth, DEFAULT_SCOPES, GeneratorOrigin, KeySource, SecretSource, SystemUser,
    TokenOrigin,
};
pub use limits::{MaxFailures, Period, Rate, SettingError};
pub use load::{LoadedManifest, SIZE_LIMIT, load};
pub use model::{Allowance, CustomEnvironment, EnvironmentName, Manifest, Recipients};
pub use positions::Positions;
pub use schema::{schema, schema_text};
pub use send::{Retry, Send, Uploads};
