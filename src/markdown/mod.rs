//! A letter's body on its way to the reader.
//!
//! Altinn's server turns every body from Markdown into HTML (Markdig with its advanced extensions) and back into Markdown (`ReverseMarkdown`), and appends the
//! links it misses in the result ([`delivered`]). Altinn's inbox reads that as `CommonMark` with GitHub's extensions, and draws few of its elements ([`inbox`]).
//! Both steps are rules of Altinn's, recorded from the running server; they depend on nothing but the text.

pub(crate) mod inbox;

mod advice;
mod html;
mod reverse;
mod server;

pub(crate) use advice::{Kind, advice};
pub(crate) use server::delivered;
