//! State that all letters of a run share: the request to stop, the contact with the server so far, and the resources it refuses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::journal::Reason;

/// Tells a run to stop taking new letters. Cheap to clone; stays set once it is set.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks the run to stop.
    pub(crate) fn set(&self) {
        self.0.send_replace(true);
    }

    /// True when it has been asked to.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it is asked to.
    pub(crate) async fn wait(&self) {
        let mut watched = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = watched.wait_for(|set| *set).await;
    }
}

/// What the server has shown of itself so far.
#[derive(Debug, Default)]
pub(super) struct ServerContact {
    answer: AtomicBool,
    /// A yes: token, scopes and the way there are in order.
    yes: AtomicBool,
    last: AtomicBool,
}

impl ServerContact {
    /// Altinn has answered, with a yes or otherwise.
    pub(super) fn hear(&self, yes: bool) {
        self.answer.store(true, Ordering::Relaxed);
        self.yes.fetch_or(yes, Ordering::Relaxed);
    }

    /// Records an answer that stops the run.
    pub(super) fn end(&self) {
        self.last.store(true, Ordering::Relaxed);
    }

    /// True when Altinn has answered at all.
    pub(super) fn anything(&self) -> bool {
        self.answer.load(Ordering::Relaxed)
    }

    /// True when it has said yes.
    pub(super) fn a_yes(&self) -> bool {
        self.yes.load(Ordering::Relaxed)
    }

    /// True when what was heard stops the run.
    pub(super) fn the_last(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }
}

/// Codes that refuse the caller, and so every resource.
const ABOUT_THE_CALLER: [u32; 2] = [4002, 4006];

/// The resources that are closed, and why.
#[derive(Debug)]
pub(super) struct RefusedResources {
    /// In a mailing with one resource there is nothing to go on with.
    several: bool,
    whys: Mutex<BTreeMap<String, Reason>>,
}

impl RefusedResources {
    pub(super) fn new(several: bool) -> Self {
        Self {
            several,
            whys: Mutex::default(),
        }
    }

    /// Closes a resource when that is all that is wrong; false when the run is to stop.
    pub(super) fn close(&self, resource: &str, reason: &Reason) -> bool {
        let closes = self.several && is_about_the_letter(reason);
        if closes {
            self.whys()
                .entry(resource.to_owned())
                .or_insert_with(|| reason.clone());
        }
        closes
    }

    /// True when the letters of a resource wait.
    pub(super) fn holds(&self, resource: &str) -> bool {
        self.several && self.whys().contains_key(resource)
    }

    /// The reason letters are outstanding; `None` when none are.
    pub(super) fn why(&self) -> Option<String> {
        let whys = self.whys();
        let refused: Vec<_> = whys
            .iter()
            .map(|(resource, reason)| format!("the resource {resource}: {reason}"))
            .collect();
        (!refused.is_empty()).then(|| {
            format!(
                "Altinn refuses what all letters of a resource have in common; {}; the letters of other resources were gone through",
                refused.join("; ")
            )
        })
    }

    fn whys(&self) -> MutexGuard<'_, BTreeMap<String, Reason>> {
        self.whys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without a code it is not Altinn that refuses, but something on the way there.
fn is_about_the_letter(reason: &Reason) -> bool {
    reason
        .code
        .is_some_and(|code| !ABOUT_THE_CALLER.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Option<u32>) -> Reason {
        Reason {
            code,
            message: "no".to_owned(),
            ..Reason::default()
        }
    }

    #[test]
    fn one_resource_of_several_is_closed_by_a_code_about_it() {
        let closed = RefusedResources::new(true);
        assert!(closed.close("a", &refused(Some(1036))));
        assert!(closed.holds("a") && !closed.holds("b"));
        assert!(closed.why().unwrap().contains("the resource a: "));
    }

    #[test]
    fn what_is_not_about_a_resource_closes_none() {
        for (several, code) in [(true, Some(4006)), (true, None), (false, Some(1036))] {
            let closed = RefusedResources::new(several);
            assert!(!closed.close("a", &refused(code)));
            assert!(!closed.holds("a"));
            assert_eq!(closed.why(), None);
        }
    }
}
