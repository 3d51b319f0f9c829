//! A letter as its reader will see it, in the terminal and in a browser, before anything is sent.
//!
//! Text of rows and templates is escaped: it runs no script, loads nothing, cannot imitate the page around it, and sends no control characters to a terminal.
//! Identity numbers are masked; the letter itself has them in full.

mod email;
mod error;
mod format;
mod header;
mod language;
mod letter;
mod mask;
mod notification;
mod page;
mod plain;
mod sample;
mod summary;
mod terminal;
mod text;
mod warnings;

pub(crate) use error::PreviewError;
pub(crate) use header::PageHeader;
pub(crate) use page::{MARK, Page};
pub(crate) use sample::{PageLetters, Reason};
pub(crate) use summary::{MailingSummary, SmsTotals};
pub(crate) use text::text;
pub(crate) use warnings::RowWarnings;
