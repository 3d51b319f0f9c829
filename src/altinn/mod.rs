//! Altinn as this program sees it: where it is, what can be asked of it, and what its refusals say. Every call is one request; nothing is repeated here.

mod access;
mod attachments;
mod checked_file;
mod client;
mod environment;
mod http;
mod letters;
mod multipart;
mod probe;
mod refusal;
mod transport;

pub use access::{Access, AccessProblem};
pub use attachments::{AttachmentOverview, AttachmentStatus};
pub use checked_file::CheckedFile;
pub use client::{Answer, Client};
pub use environment::{Environment, EnvironmentError};
pub use http::{Authorities, ClientError, DEFAULT_TIMEOUT, HttpClient, HttpOptions, http_client};
pub use letters::{Details, Initialized, Overview, StatusChange};
pub use multipart::Enclosure;
pub use probe::{ProbeAnswer, probe, proxy_for, resolve};
pub use refusal::Refusal;
pub use transport::{TransportError, TransportKind};
