//! The one thread that writes: it gathers what comes within a moment and makes it durable with one commit.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::channel::oneshot;

use super::JournalError;
use super::change::{Answer, Change, InFlightRows, apply};
use super::store::Store;

/// Longest wait of the first entry of a group. Without it a commit carried six entries, and throughput fell by a third.
const LINGER: Duration = Duration::from_millis(1);

/// A pause this long between two entries ends the wait: all letters in flight are waiting for this commit. It more than doubles the letters a second when
/// sixty-four are in flight.
const QUIET: Duration = Duration::from_micros(100);

/// The most one commit carries.
const GROUP: usize = 1024;

/// The most that can wait. More than can be in flight at once: a sender does not block.
const QUEUE: usize = 4096;

/// The way to the thread. Dropping it writes what is queued, closes the file and waits for that.
#[derive(Debug)]
pub(super) struct Writer {
    changes: Option<SyncSender<PendingChange>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct PendingChange {
    change: Change,
    reply: oneshot::Sender<Answer>,
}

impl Writer {
    /// Starts the thread; the store is its own from now on.
    pub(super) fn start(store: Store) -> io::Result<Self> {
        let (changes, queue) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(store, &queue))?;
        Ok(Self {
            changes: Some(changes),
            thread: Some(thread),
        })
    }

    /// Hands a change over. The answer comes when it is durable; none comes when the thread is gone.
    pub(super) fn hand_over(&self, change: Change) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        if let Some(changes) = &self.changes {
            // When this fails the reply is dropped with it, and that is the answer.
            let _ = changes.send(PendingChange { change, reply });
        }
        answer
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(mut store: Store, queue: &Receiver<PendingChange>) {
    let mut broken: Option<JournalError> = None;
    let mut in_flight = InFlightRows::default();
    while let Ok(first) = queue.recv() {
        if let Some(error) = &broken {
            let _ = first.reply.send(Err(error.clone()));
            continue;
        }
        let group = gather(first, queue);
        match commit(&mut store, &mut in_flight, &group) {
            Ok(answers) => {
                for (pending, answer) in group.into_iter().zip(answers) {
                    let _ = pending.reply.send(answer);
                }
            }
            Err(source) => {
                let error = store.write_error(source);
                for pending in group {
                    let _ = pending.reply.send(Err(error.clone()));
                }
                broken = Some(error);
            }
        }
    }
}

/// Sleeps instead of waiting on the queue: handing over an entry then needs no wake-up of this thread.
fn gather(first: PendingChange, queue: &Receiver<PendingChange>) -> Vec<PendingChange> {
    let mut group = vec![first];
    let until = Instant::now() + LINGER;
    loop {
        thread::sleep(QUIET);
        let before = group.len();
        group.extend(queue.try_iter().take(GROUP - before));
        if group.len() == before || group.len() == GROUP || Instant::now() >= until {
            return group;
        }
    }
}

fn commit(
    store: &mut Store,
    in_flight: &mut InFlightRows,
    group: &[PendingChange],
) -> rusqlite::Result<Vec<Answer>> {
    let change = store.connection.transaction()?;
    let answers = group
        .iter()
        .map(|pending| apply(&change, in_flight, &pending.change))
        .collect::<rusqlite::Result<_>>()?;
    change.commit()?;
    Ok(answers)
}
