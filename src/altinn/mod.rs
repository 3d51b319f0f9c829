//! The client of Altinn's APIs: environments, calls, and refusals. Every call is one request; nothing is retried here.

mod access;
mod attachments;
mod client;
mod environment;
mod letters;
mod multipart;
mod refusal;

pub use crate::http::{
    CheckedFile, ClientError, DEFAULT_TIMEOUT, HttpClient, HttpOptions, TransportError,
    TransportKind,
};
pub use access::{Access, AccessProblem};
pub use attachments::{AttachmentOverview, AttachmentStatus};
pub use client::{Answer, Client};
pub use environment::{Environment, EnvironmentError};
pub use letters::{Details, Initialized, Overview, StatusChange};
pub use multipart::Enclosure;
pub use refusal::Refusal;
