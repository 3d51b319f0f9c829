//! The facts beside the request that rules depend on.

use jiff::Timestamp;

#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time by which dates are judged: when the letter is expected to reach Altinn's server.
    pub now: Timestamp,
    /// True for Altinn's production environment, where files live at least 14 days.
    pub production: bool,
    /// The files enclosed for `content.attachments`; empty on the JSON endpoint, which takes none. `None` skips the rules about them.
    pub new_files: Option<&'a [NewFile<'a>]>,
    /// The size of all new files of the letter together, in bytes.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewFile<'a> {
    /// The file name of its form part.
    pub name: &'a str,
    pub size: u64,
}

impl Context<'_> {
    /// A context that skips the rules about enclosed files.
    pub fn new(now: Timestamp, production: bool) -> Self {
        Self {
            now,
            production,
            new_files: None,
            size: 0,
        }
    }
}
