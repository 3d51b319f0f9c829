//! The manifest, the YAML file that declares a mailing: its types, its schema, and the reader that reports every problem at its place.

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
mod violations;
mod yaml_problems;

pub(crate) use auth::{Algorithm, Auth, GeneratorOrigin, KeySource, SecretSource, TokenOrigin};
pub(crate) use limits::{MaxFailures, Period, Rate};
pub(crate) use load::LoadedManifest;
pub(crate) use load::load;
pub(crate) use model::{Allowance, EnvironmentName, Manifest};
pub(crate) use positions::Positions;
pub(crate) use schema::schema_text;
pub(crate) use send::{Retry, Send, Uploads};
