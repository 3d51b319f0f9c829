//! What the rules need to know beside the request.

use jiff::Timestamp;

/// What the rules need to know beside the request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The server's time.
    pub now: Timestamp,
    /// Whether it is Altinn's production environment, where files live at least 14 days.
    pub production: bool,
    /// The files sent along for `content.attachments`; empty on the JSON endpoint, which takes none. `None`: the rules about them are not asked.
    pub new_files: Option<&'a [NewFile<'a>]>,
}

/// A file sent along with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewFile<'a> {
    /// The name it is sent under.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
}

impl<'a> Context<'a> {
    /// Without asking about files.
    pub fn new(now: Timestamp, production: bool) -> Self {
        Self {
            now,
            production,
            new_files: None,
        }
    }

    /// With the files sent along; an empty list for the JSON endpoint.
    #[must_use]
    pub fn with_new_files(mut self, files: &'a [NewFile<'a>]) -> Self {
        self.new_files = Some(files);
        self
    }
}
