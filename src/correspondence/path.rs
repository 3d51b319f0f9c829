//! Where the API is below an environment's address.

/// What all its paths begin with.
pub const API: &str = "/correspondence/api/v1";

/// Where letters are posted as JSON, below [`API`].
pub const INITIALIZE: &str = "correspondence";

/// Where letters are posted as forms, with files of their own, below [`API`].
pub const INITIALIZE_WITH_FILES: &str = "correspondence/upload";
