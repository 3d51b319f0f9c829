//! The fingerprint of a row, which pass 1 keeps: enough to find the row by its key and to see that pass 2 renders the same. 16 bytes a row, so that millions
//! of rows fit in memory.

use uuid::Uuid;

use super::Planned;

/// The value of `letter` for a row without one. A digest that begins with eight zero bytes is as unlikely as any other single value.
const SKIPPED: u64 = 0;
/// The same for a row whose letter could not be rendered, and whose key is known.
const INVALID: u64 = 1;

/// The first 8 bytes of a row's key and of its letter's digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) key: u64,
    pub(super) letter: u64,
}

impl Fingerprint {
    pub(super) fn from_planned(planned: &Planned) -> Self {
        match planned {
            Planned::Delivery(delivery) => Self {
                key: delivery.key.as_u64_pair().0,
                letter: delivery.digest.short(),
            },
            Planned::Skipped(skip) => Self {
                key: skip.key.as_u64_pair().0,
                letter: SKIPPED,
            },
            Planned::Invalid(_) | Planned::LeftOut => Self {
                key: 0,
                letter: SKIPPED,
            },
        }
    }

    pub(super) fn invalid(key: Uuid) -> Self {
        Self {
            key: key.as_u64_pair().0,
            letter: INVALID,
        }
    }

    pub(super) fn is_letter(self) -> bool {
        !matches!(self.letter, SKIPPED | INVALID)
    }

    /// True for the key of a letter, or of one that is missing because of an error.
    pub(super) fn needs_own_key(self) -> bool {
        self.letter != SKIPPED
    }
}
