//! The one thread that writes: it gathers what comes within a moment and makes it durable with one commit.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;

use super::JournalError;
use super::change::{Answer, Change, OpenBlocks, apply};
use super::store::Store;

/// How long a commit waits for more changes to come: letters in flight do not wait for it, and pages that many of them touch are written once.
const LINGER: Duration = Duration::from_millis(3);

/// The same while few changes come: those who have sent them wait for it.
const SHORT_LINGER: Duration = Duration::from_micros(200);

/// A commit with so many changes is followed by others like it.
const MANY: usize = 4;

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
    let mut open = OpenBlocks::default();
    let mut carried = 0;
    while let Ok(first) = queue.recv() {
        if let Some(error) = &broken {
            let _ = first.reply.send(Err(error.clone()));
            continue;
        }
        // Sleeps instead of waiting on the queue: handing over a change then needs no wake-up of this thread.
        thread::sleep(if carried < MANY { SHORT_LINGER } else { LINGER });
        let group: (Vec<_>, Vec<_>) = std::iter::once(first)
            .chain(queue.try_iter().take(GROUP))
            .map(|pending| (pending.change, pending.reply))
            .unzip();
        let (changes, replies) = group;
        carried = changes.len();
        match commit(&mut store, &mut open, changes) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
            }
            Err(source) => {
                let error = store.write_error(source);
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
                broken = Some(error);
            }
        }
    }
}

fn commit(
    store: &mut Store,
    open: &mut OpenBlocks,
    changes: Vec<Change>,
) -> rusqlite::Result<Vec<Answer>> {
    let file = store.connection.transaction()?;
    let answers = changes
        .into_iter()
        .map(|change| apply(&file, open, change))
        .collect::<rusqlite::Result<_>>()?;
    file.commit()?;
    Ok(answers)
}
