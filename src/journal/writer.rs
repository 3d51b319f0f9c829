//! The writer thread: collects the changes of some milliseconds and makes them durable with one commit.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;

use super::JournalError;
use super::change::{Answer, Change, OpenBlocks, apply};
use super::store::Store;

/// The time a commit waits for more changes while many come. Letters in flight do not wait for it, and a page that many changes touch is written once.
const LINGER: Duration = Duration::from_millis(3);

/// The time a commit waits while few changes come, such as a block that must be durable before its letters leave.
const SHORT_LINGER: Duration = Duration::from_micros(200);

/// Number of changes in a commit from which the next one waits [`LINGER`].
const MANY: usize = 4;

/// The largest number of changes queued behind the first one that a commit takes.
const GROUP: usize = 1024;

/// The largest number of changes that can wait. More than letters can be in flight, so that handing a change over does not block.
const QUEUE: usize = 4096;

/// The handle of the writer thread. Dropping it writes the queued changes, closes the file and joins the thread.
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
    /// Starts the thread, which takes over the store.
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

    /// Hands a change over. The receiver gets the answer when the change is durable, and is cancelled when the thread has ended.
    pub(super) fn hand_over(&self, change: Change) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        if let Some(changes) = &self.changes {
            // A failed `send` drops `reply`, which cancels the receiver.
            let _ = changes.send(PendingChange { change, reply });
        }
        answer
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closes the queue: the thread ends when it has written everything in it.
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's loop. After a failed commit every later change gets the same error.
fn write(mut store: Store, queue: &Receiver<PendingChange>) {
    let mut broken: Option<JournalError> = None;
    let mut open = OpenBlocks::default();
    let mut carried = 0;
    while let Ok(first) = queue.recv() {
        // The queue is still emptied, so that no caller waits for ever.
        if let Some(error) = &broken {
            let _ = first.reply.send(Err(error.clone()));
            continue;
        }
        // Sleeps instead of waiting on the queue: then handing over a change does not wake this thread, which costs a system call each time.
        thread::sleep(if carried < MANY { SHORT_LINGER } else { LINGER });
        let group: (Vec<_>, Vec<_>) = std::iter::once(first)
            // Takes what has arrived, without waiting for a full group.
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
            // No retry: the open blocks in memory may already hold changes that the file does not.
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

/// Applies and commits a group of changes, all or none. The answers are in the order of the changes.
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
    // The answers are sent only after this: an outcome is never reported before it is durable.
    file.commit()?;
    Ok(answers)
}
