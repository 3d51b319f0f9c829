//! Paths of the API below an environment's address.

/// The beginning of all paths.
pub const API: &str = "/correspondence/api/v1";

/// The path for letters as JSON, below [`API`].
pub const INITIALIZE: &str = "correspondence";

/// The path for letters as forms with enclosed files, below [`API`].
pub const INITIALIZE_WITH_FILES: &str = "correspondence/upload";
