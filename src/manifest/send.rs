//! The `send` part of a manifest. Doc comments here are the descriptions in the JSON Schema.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MaxFailures, Period, Rate};

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Send {
    /// The number of requests under way at the same time; 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub concurrency: NonZeroU32,
    /// The most requests in a second, a minute or an hour. Default: no limit of our own.
    pub rate: Option<Rate>,
    /// The number of letters that go alone at first; the others follow only when these are accepted. Letters that an earlier run has tried unchanged are none of them. 0: none.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub canary: u32,
    /// Past this many failures, or this share of the letters, the run stops by itself. Counted from zero in each run. Default: it does not.
    pub max_failures: Option<MaxFailures>,
    /// The limits of trying one letter again.
    pub retry: Retry,
    /// The longest time for one request; one with files gets more, by their size.
    pub timeout: Period,
    /// The upload of files that several letters share.
    pub attachments: Uploads,
}

/// The upload of files that several letters share: once, before their letters. A file that only one letter has goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Uploads {
    /// The number of files uploaded at the same time; 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub parallel: NonZeroUsize,
    /// The longest wait between two looks at a file that Altinn is scanning for malware; the first looks come sooner. Default: 2s.
    pub poll_interval: Period,
    /// The longest time for a scan before the file is given up. Default: 15m.
    pub scan_limit: Period,
}

/// The limits of trying one letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Retry {
    /// The attempts in all, the first one included; 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: NonZeroU32,
    /// No new attempt later than this after the first one.
    pub deadline: Period,
    /// The longest first wait; it triples with every try, and the real wait is anything below it. Default: 500ms.
    pub first_delay: Period,
    /// No wait between two tries is longer, unless Altinn asks for more. Default: 30s.
    pub max_delay: Period,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            concurrency: NonZeroU32::MIN.saturating_add(15),
            rate: None,
            canary: 1,
            max_failures: None,
            retry: Retry::default(),
            timeout: Duration::from_secs(100).into(),
            attachments: Uploads::default(),
        }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            parallel: NonZeroUsize::MIN.saturating_add(3),
            poll_interval: Duration::from_secs(2).into(),
            scan_limit: Duration::from_secs(15 * 60).into(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(7),
            deadline: Duration::from_secs(600).into(),
            first_delay: Duration::from_millis(500).into(),
            max_delay: Duration::from_secs(30).into(),
        }
    }
}
