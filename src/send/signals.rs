//! State that all letters of a run share: the request to stop, the contact with the server so far, and the resources it refuses.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::journal::Reason;

/// The request to a run to begin no more letters. Clones share it; it is never unset.
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

    /// True when the run has been asked to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for `done`, which comes first when it is ready. `None` when the run is stopped before.
    pub(super) async fn before<T>(&self, done: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = done => Some(done),
            () = self.wait() => None,
        }
    }

    /// Resolves when the run is asked to stop.
    pub(crate) async fn wait(&self) {
        let mut watched = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = watched.wait_for(|set| *set).await;
    }
}

/// The answers of the server so far in this run.
#[derive(Debug, Default)]
pub(super) struct ServerContact {
    /// Altinn has answered a request.
    pub(super) answered: Cell<bool>,
    /// Altinn has accepted a request: token, scopes and network are in order.
    pub(super) accepted: Cell<bool>,
    /// An answer stops the run. Letters see it at once; the run's `Stop` is only set when the outcome is in the journal.
    pub(super) ending: Cell<bool>,
}

/// Altinn's codes that refuse the caller, and so the letters of every resource.
const ABOUT_THE_CALLER: [u32; 2] = [4002, 4006];

/// The resources whose letters Altinn refuses as a whole, each with the reason. Their remaining letters are not sent in this run.
#[derive(Debug)]
pub(super) struct RefusedResources {
    /// True when the mailing has several resources. With a single one the run stops instead.
    several: bool,
    whys: RefCell<BTreeMap<String, Reason>>,
}

impl RefusedResources {
    pub(super) fn new(several: bool) -> Self {
        Self {
            several,
            whys: RefCell::default(),
        }
    }

    /// Closes a resource when the refusal concerns it alone. False when the run must stop instead.
    pub(super) fn close(&self, resource: &str, reason: &Reason) -> bool {
        // A refusal without a code comes from a proxy or gateway.
        let is_its_own = reason
            .code
            .is_some_and(|code| !ABOUT_THE_CALLER.contains(&code));
        let closes = self.several && is_its_own;
        if closes {
            // The first reason stays: letters in flight get the same refusal.
            self.whys
                .borrow_mut()
                .entry(resource.to_owned())
                .or_insert_with(|| reason.clone());
        }
        closes
    }

    /// True when a resource is closed.
    pub(super) fn holds(&self, resource: &str) -> bool {
        self.whys.borrow().contains_key(resource)
    }

    /// The closed resources with their reasons, as text; `None` when none are closed.
    pub(super) fn why(&self) -> Option<String> {
        let whys = self.whys.borrow();
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
