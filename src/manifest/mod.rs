//! The file that declares a mailing: its types, its schema, and how it is read with every problem at its place.

mod auth;
mod correspondence;
mod decode;
mod environment;
mod expected;
mod limits;
mod load;
mod members;
mod model;
mod numbers;
mod offsets;
mod positions;
mod recipients;
mod scan;
mod schema;
mod secrets;
mod send;
mod syntax;
#[cfg(test)]
mod tests;
mod token;
mod traps;
mod tree;
mod violations;
mod words;

pub use auth::{Algorithm, Auth, DEFAULT_SCOPES, KeySource, SecretSource, SystemUser};
pub use environment::{CustomEnvironment, EnvironmentName};
pub use limits::{MaxFailures, Period, Rate, SettingError};
pub use load::{LoadedManifest, SIZE_LIMIT, load};
pub use model::Manifest;
pub use positions::Positions;
pub use recipients::Recipients;
pub use schema::{schema, schema_text};
pub use send::{Retry, Send, Uploads};
pub use token::{GeneratorOrigin, TokenOrigin};
