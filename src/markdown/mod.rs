//! The conversions of a letter's body between sender and reader.
//!
//! Altinn's server converts every body from Markdown to HTML (Markdig with its advanced extensions) and back to Markdown (`ReverseMarkdown`), and appends the
//! links that are missing in the result ([`delivered`]). Altinn's inbox reads that as `CommonMark` with GitHub's extensions, and draws few of its elements
//! ([`inbox`]). Both steps follow the running server, whose results were recorded; they depend on nothing but the text.

pub(crate) mod inbox;

mod advice;
mod html;
mod html_blocks;
mod reverse;
mod server;

pub(crate) use advice::{Kind, advice};
pub(crate) use html::text_of_html;
pub(crate) use inbox::shows_nothing;
pub(crate) use server::delivered;
