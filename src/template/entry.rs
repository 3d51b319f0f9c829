//! What the reference page says of a filter, a function or a test.

/// A filter, a function or a test.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// How it is written, with its arguments and what they are when left out.
    pub(super) call: &'static str,
    /// What it does.
    pub(super) what: &'static str,
    /// Templates and what they render to for the row that the page shows.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// True when it writes in the letter's language.
    pub(super) by_language: bool,
}
