//! Resources that Altinn refuses, in a mailing that has several: their letters wait for the next run, and the others go on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::outcome::Fatal;
use crate::journal::Reason;

/// What is wrong with who asks, and so with every resource.
const ABOUT_THE_CALLER: [u32; 2] = [4002, 4006];

/// The resources that are closed, and why.
#[derive(Debug)]
pub(super) struct Closed {
    /// In a mailing with one resource there is nothing to go on with.
    several: bool,
    whys: Mutex<BTreeMap<String, Reason>>,
}

impl Closed {
    pub(super) fn new(several: bool) -> Self {
        Self {
            several,
            whys: Mutex::default(),
        }
    }

    /// Closes a resource when that is all that is wrong, and gives what is to be done about the refusal then.
    pub(super) fn close(&self, resource: &str, fatal: Fatal) -> Fatal {
        match fatal {
            Fatal::Refused(reason) if self.several && is_about_the_letter(&reason) => {
                self.whys()
                    .entry(resource.to_owned())
                    .or_insert_with(|| reason.clone());
                Fatal::Resource
            }
            other => other,
        }
    }

    /// Whether the letters of a resource wait.
    pub(super) fn holds(&self, resource: &str) -> bool {
        self.several && self.whys().contains_key(resource)
    }

    /// Why letters are outstanding; nothing when none is.
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

    fn refused(code: Option<u32>) -> Fatal {
        Fatal::Refused(Reason {
            code,
            message: "no".to_owned(),
            ..Reason::default()
        })
    }

    #[test]
    fn one_resource_of_several_is_closed_by_a_code_about_it() {
        let closed = Closed::new(true);
        assert!(matches!(
            closed.close("a", refused(Some(1036))),
            Fatal::Resource
        ));
        assert!(closed.holds("a") && !closed.holds("b"));
        assert!(closed.why().unwrap().contains("the resource a: "));
    }

    #[test]
    fn what_is_not_about_a_resource_closes_none() {
        for (several, code) in [(true, Some(4006)), (true, None), (false, Some(1036))] {
            let closed = Closed::new(several);
            assert!(matches!(
                closed.close("a", refused(code)),
                Fatal::Refused(_)
            ));
            assert!(!closed.holds("a"));
            assert_eq!(closed.why(), None);
        }
    }
}
