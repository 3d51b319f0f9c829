//! A letter as its reader will see it, in the terminal and in a browser, before anything is sent.
//!
//! Whatever rows and templates put into a letter is text here and nothing else: it cannot run, load, forge the page around it or reach a terminal's controls.
//! Identity numbers are masked; the letter itself has them in full.

mod cover;
mod error;
mod language;
mod letter;
mod markdown;
mod mask;
mod notice;
mod page;
mod plain;
mod sample;
mod survey;
mod terminal;
mod text;
mod warnings;
mod words;

pub use cover::Cover;
pub use error::PreviewError;
pub use page::{MARK, Page};
pub use sample::{Choice, Reason};
pub use survey::{SmsTally, Survey};
pub use text::text;
pub use warnings::Warnings;
