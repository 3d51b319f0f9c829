//! HTTP for both Altinn and Maskinporten: the client, answers read up to a limit, errors, and server texts cleaned for display.

mod checked_file;
mod client;
mod error;
#[cfg(test)]
pub(crate) mod listener;
mod probe;
pub(crate) mod reply;
mod text;

pub use checked_file::CheckedFile;
pub(crate) use checked_file::Content;
#[cfg(test)]
pub(crate) use checked_file::tests::on_disk;
pub use client::{ClientError, DEFAULT_TIMEOUT, HttpClient, HttpOptions};
pub(crate) use client::{Network, host, http_client, proxy_advice};
pub use error::{TransportError, TransportKind};
pub(crate) use probe::{probe, proxy_for, resolve};
pub(crate) use reply::Reply;
pub(crate) use text::{plain, presentable, title};
