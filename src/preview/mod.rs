//! Previews of letters as their readers will see them, for the terminal and the browser.
//!
//! The text of rows and templates is escaped: it cannot run a script, load anything, imitate the page around it, or send control characters to a terminal.
//! Identity numbers are masked here, while the letter itself has them in full.

mod email;
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

pub(crate) use header::PageHeader;
pub(crate) use page::{MARK, Page, PreviewError};
pub(crate) use sample::{PageLetters, Reason, sample};
pub(crate) use summary::{MailingSummary, SmsTotals};
pub(crate) use text::text;
pub(crate) use warnings::RowWarnings;
