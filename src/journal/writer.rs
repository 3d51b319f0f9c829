//! The writer thread: collects changes and makes them durable with one commit.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;
use rusqlite::Connection;

use super::JournalError;
use super::change::OpenBlocks;
use super::store::Store;

/// The longest time that a change without hurry waits for others. A page that many changes touch is then written once.
const LINGER: Duration = Duration::from_millis(50);

/// Number of waiting changes that are committed without further waiting.
const GROUP: usize = 1024;

/// The handle of the writer thread. Dropping it writes the queued changes, closes the file and joins the thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Notified when the thread has a reason to look at `waiting`. Not at each change: waking a thread is a system call.
    changed: Condvar,
}

/// The changes that the thread has not taken.
#[derive(Default)]
struct Waiting {
    changes: Vec<Box<dyn Change>>,
    /// True when one of them must not wait for others.
    is_urgent: bool,
    is_closed: bool,
}

/// A change to the file, and the caller who waits until it is durable.
trait Change: Send {
    /// Makes the change within the transaction of its group.
    fn apply(&mut self, file: &Connection, open: &mut OpenBlocks) -> rusqlite::Result<()>;

    /// Answers the caller: after the commit, or with the error because of which there was none.
    fn answer(self: Box<Self>, failed: Option<JournalError>);
}

struct Requested<T, F> {
    /// `None` when it has been made.
    change: Option<F>,
    answer: Option<Answer<T>>,
    reply: oneshot::Sender<Answer<T>>,
}

/// The result of a change, or the error that refuses it.
pub(super) type Answer<T> = Result<T, JournalError>;

impl<T, F> Change for Requested<T, F>
where
    T: Send,
    F: FnOnce(&Connection, &mut OpenBlocks) -> rusqlite::Result<Answer<T>> + Send,
{
    fn apply(&mut self, file: &Connection, open: &mut OpenBlocks) -> rusqlite::Result<()> {
        if let Some(change) = self.change.take() {
            self.answer = Some(change(file, open)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<JournalError>) {
        if let Some(answer) = failed.map(Err).or(self.answer) {
            let _ = self.reply.send(answer);
        }
    }
}

impl Writer {
    /// Starts the thread, which takes over the store.
    pub(super) fn start(store: Store) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let queue_of_thread = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(store, &QueueEnd(queue_of_thread)))?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }

    /// Hands a change over. The receiver gets the answer when the change is durable, and is cancelled when the thread has ended. A change that `is_urgent` does not wait
    /// for others to be committed with.
    pub(super) fn hand_over<T: Send + 'static>(
        &self,
        is_urgent: bool,
        change: impl FnOnce(&Connection, &mut OpenBlocks) -> rusqlite::Result<Answer<T>>
        + Send
        + 'static,
    ) -> oneshot::Receiver<Answer<T>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.queue.waiting();
        // The thread has ended; dropping `reply` cancels the receiver.
        if waiting.is_closed {
            return answer;
        }
        waiting.is_urgent |= is_urgent;
        waiting.changes.push(Box::new(Requested {
            change: Some(change),
            answer: None,
            reply,
        }));
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
struct QueueEnd(Arc<Queue>);

impl Drop for QueueEnd {
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
    fn next_group(&self) -> Option<Vec<Box<dyn Change>>> {
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
fn write(mut store: Store, queue: &QueueEnd) {
    let mut broken: Option<JournalError> = None;
    let mut open = OpenBlocks::default();
    while let Some(mut group) = queue.0.next_group() {
        // No retry: the open blocks in memory may already hold changes that the file does not.
        if broken.is_none() {
            let committed = commit(&mut store, &mut open, &mut group);
            broken = committed.err().map(|source| store.write_error(source));
        }
        // Only now: an outcome is never reported before it is durable. Also when nothing is written any more, so that no caller waits for ever.
        for change in group {
            change.answer(broken.clone());
        }
    }
}

/// Applies and commits a group of changes, all or none.
fn commit(
    store: &mut Store,
    open: &mut OpenBlocks,
    changes: &mut [Box<dyn Change>],
) -> rusqlite::Result<()> {
    let file = store.connection.transaction()?;
    for change in changes {
        change.apply(&file, open)?;
    }
    file.commit()
}
