//! Interruption by Ctrl-C or by a system that shuts down.

use std::time::Duration;
use std::{io, process, thread};

use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::send::Stop;

use super::ExitStatus;
use super::progress::Progress;

/// Time that the run has to end by itself after the second interrupt.
const GRACE: Duration = Duration::from_secs(3);

/// Counts interrupts from now on, on a thread of its own: the run's thread may wait for a reader of its output, or for a file, that never comes. When the run does not
/// end after the second interrupt, that thread ends the program. A run that has ended, when its receiver is dropped, takes its time to write the report; a third interrupt
/// ends that too.
pub(crate) fn watch() -> io::Result<watch::Receiver<u32>> {
    let (count, counted) = watch::channel(0);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Both listeners are there before the first letter leaves, and between two interrupts.
    let mut interrupts = {
        let _entered = runtime.enter();
        Interrupts::listen()?
    };
    let watched = async move {
        for times in 1..=2 {
            interrupts.next().await;
            count.send_replace(times);
        }
        tokio::select! {
            () = sleep(GRACE) => {}
            () = async { count.closed().await; interrupts.next().await } => {}
        }
    };
    thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(move || {
            runtime.block_on(watched);
            #[expect(
                clippy::exit,
                clippy::disallowed_methods,
                reason = "nothing else can end a thread that is stuck in a system call"
            )]
            process::exit(ExitStatus::Interrupted.code().into());
        })?;
    Ok(counted)
}

/// Resolves at the second interrupt. The first one only stops the start of new letters, so that those in flight are settled.
pub(crate) async fn interrupted_twice(
    mut interrupts: watch::Receiver<u32>,
    stop: &Stop,
    progress: &Progress<'_>,
) {
    // The counting thread ends with the process only.
    let _ = interrupts.wait_for(|times| *times >= 1).await;
    stop.set();
    progress.print("interrupted: finishing what is in flight; press Ctrl-C again to stop at once");
    let _ = interrupts.wait_for(|times| *times >= 2).await;
}

/// Ctrl-C, and SIGTERM, which a system sends when it shuts down.
#[cfg(unix)]
struct Interrupts([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Interrupts {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self([interrupt, signal(SignalKind::terminate())?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Interrupts(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Interrupts {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
