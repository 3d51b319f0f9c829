//! Altinn's rules for requests, applied offline: every rule of the API that needs no register, in the server's order.
//!
//! Altinn judges a request in two stages. Model validation reports everything it finds at once (`STD-00000`); after it the numbered rules run one by one and
//! the first that fails is the answer. [`check`] finds all of it, so that the first error is what Altinn would say. Left out is what only the server can
//! know, and what the types cannot hold: undefined templates (3001, 3023), and the rules model validation makes unreachable (1019 to 1022, 1037, 1042, 2011).
//! Warnings are for what Altinn accepts now but probably refuses later, for what only its registers can tell, and for what its guidance for notifications forbids.

mod attachments;
mod check;
mod contacts;
mod context;
mod finding;
mod guidance;
mod letter;
mod links;
mod model;
mod notification;
mod recipients;
mod references;
#[cfg(test)]
mod sample;

pub use attachments::{FORM_FILE_LIMIT, STREAM_FILE_LIMIT, check_local_file};
pub use check::{check, check_attachment};
pub use context::{Context, NewFile};
pub use finding::{Finding, Member};
