//! A request to stop: no new letters, those in flight are finished.

use tokio::sync::watch;

/// Tells a run to stop taking new letters. Cheap to clone; stays set once it is set.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks the run to stop.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been asked to.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it is asked to.
    pub async fn wait(&self) {
        let mut watched = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = watched.wait_for(|set| *set).await;
    }
}
