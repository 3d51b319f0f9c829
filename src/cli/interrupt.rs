//! Ctrl-C, and the system going down.

use crate::send::Stop;

use super::progress::Progress;

/// The first Ctrl-C stops taking new letters, the second one stops at once.
pub(crate) async fn interrupted_twice(stop: &Stop, progress: &Progress<'_>) {
    interrupted().await;
    let finish = async {
        stop.set();
        progress
            .say("interrupted: finishing what is in flight; press Ctrl-C again to stop at once");
    };
    // `biased`: the second Ctrl-C is listened for before the message that invites it.
    tokio::join!(biased; interrupted(), finish);
}

/// Resolves when a person, or the system that goes down, asks the program to end.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler there are no interrupts to wait for.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};

        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => _ = terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}
