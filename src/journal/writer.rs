//! The writer thread: collects changes and makes them durable with one commit.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;

use super::JournalError;
use super::change::{Answer, Change, OpenBlocks, apply};
use super::store::Store;

/// The longest time that a change without hurry waits for others. A page that many changes touch is then written once.
const LINGER: Duration = Duration::from_millis(50);

/// Number of waiting changes that are committed without further waiting.
const GROUP: usize = 1024;

/// The handle of the writer thread. Dropping it writes the queued changes, closes the file and joins the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Notified when the thread has a reason to look at `waiting`. Not at each change: waking a thread is a system call.
    changed: Condvar,
}

/// The changes that the thread has not taken.
#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<PendingChange>,
    /// True when one of them must not wait for others.
    is_urgent: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct PendingChange {
    change: Change,
    reply: oneshot::Sender<Answer>,
}

impl Writer {
    /// Starts the thread, which takes over the store.
    pub(super) fn start(store: Store) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let queue_of_thread = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(store, &Reader(queue_of_thread)))?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }

    /// Hands a change over. The receiver gets the answer when the change is durable, and is cancelled when the thread has ended.
    pub(super) fn hand_over(&self, change: Change) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.queue.waiting();
        // The thread has ended; dropping `reply` cancels the receiver.
        if waiting.is_closed {
            return answer;
        }
        waiting.is_urgent |= change.is_urgent();
        waiting.changes.push(PendingChange { change, reply });
        if waiting.changes.len() == 1 || waiting.is_due() {
            self.queue.changed.notify_one();
        }
        answer
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when it has written everything in the queue.
        self.queue.waiting().is_closed = true;
        self.queue.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's end of the queue.
struct Reader(Arc<Queue>);

impl Drop for Reader {
    /// Also when the thread panics: no caller waits for an answer for ever.
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.is_closed = true;
        waiting.changes.clear();
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next changes to commit together; `None` when the queue is closed and empty.
    fn next_group(&self) -> Option<Vec<PendingChange>> {
        let is_idle = |waiting: &mut Waiting| waiting.changes.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.waiting(), is_idle);
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let is_early = |waiting: &mut Waiting| !waiting.is_due();
        let waited = self.changed.wait_timeout_while(waiting, LINGER, is_early);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.is_urgent = false;
        let group = std::mem::take(&mut waiting.changes);
        (!group.is_empty()).then_some(group)
    }
}

impl Waiting {
    /// True when there is nothing to wait for before the next commit.
    fn is_due(&self) -> bool {
        self.is_urgent || self.is_closed || self.changes.len() >= GROUP
    }
}

/// The thread's loop. After a failed commit every later change gets the same error.
fn write(mut store: Store, queue: &Reader) {
    let mut broken: Option<JournalError> = None;
    let mut open = OpenBlocks::default();
    while let Some(group) = queue.0.next_group() {
        let (changes, replies): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|pending| (pending.change, pending.reply))
            .unzip();
        let answers = match &broken {
            // The queue is still emptied, so that no caller waits for ever.
            Some(error) => Err(error.clone()),
            None => commit(&mut store, &mut open, changes).map_err(|e| store.write_error(e)),
        };
        match answers {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
            }
            // No retry: the open blocks in memory may already hold changes that the file does not.
            Err(error) => {
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
