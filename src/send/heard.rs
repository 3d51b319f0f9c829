//! What has been heard from Altinn in a run, for everybody to know.

use std::sync::atomic::{AtomicBool, Ordering};

/// What has been heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Any answer at all.
    answer: AtomicBool,
    /// A yes: token, scopes and the way there are in order.
    yes: AtomicBool,
    /// What stops the run.
    last: AtomicBool,
}

impl Heard {
    /// Altinn has answered, with a yes or otherwise.
    pub(super) fn hear(&self, yes: bool) {
        self.answer.store(true, Ordering::Relaxed);
        self.yes.fetch_or(yes, Ordering::Relaxed);
    }

    /// What was heard stops the run.
    pub(super) fn end(&self) {
        self.last.store(true, Ordering::Relaxed);
    }

    /// Whether Altinn has answered at all.
    pub(super) fn anything(&self) -> bool {
        self.answer.load(Ordering::Relaxed)
    }

    /// Whether it has said yes.
    pub(super) fn a_yes(&self) -> bool {
        self.yes.load(Ordering::Relaxed)
    }

    /// Whether what was heard stops the run.
    pub(super) fn the_last(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }
}
