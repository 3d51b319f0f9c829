//! Interruption by Ctrl-C or by a system that shuts down.

use crate::send::Stop;

use super::progress::Progress;

/// Resolves at the second interrupt. The first one only stops the start of new letters, so that those in flight are settled.
pub(crate) async fn interrupted_twice(stop: &Stop, progress: &Progress<'_>) {
    interrupted().await;
    let finish = async {
        stop.set();
        progress
            .print("interrupted: finishing what is in flight; press Ctrl-C again to stop at once");
    };
    // `biased`: the second listener is registered before the message that invites it is printed.
    tokio::join!(biased; interrupted(), finish);
}

/// Resolves at Ctrl-C or at SIGTERM, which a system sends when it shuts down.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler no interrupt will ever arrive; the run must not end because of that.
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
