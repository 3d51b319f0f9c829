//! Letters that may be sent: taken from the planner, recorded in the journal as a block, and only then handed out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::future::{TryFutureExt as _, join_all, try_join};
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};

use super::SendError;
use super::planner::{RowStep, RowSteps};
use super::signals::RefusedResources;
use crate::journal::{self, Entry, Journal, JournalError, Start, StateBefore};
use crate::plan::{Delivery, Skip};

/// Number of skipped rows that are recorded at a time.
const SKIPS: usize = 1024;

/// A letter of an open block.
pub(super) struct Letter {
    pub(super) delivery: Box<Delivery>,
    /// The state of its row before the block.
    pub(super) before: StateBefore,
    /// `None` when its first request has left, or could not for want of a token.
    waiting: Cell<Option<Waiting>>,
}

/// A letter counted in [`Letters::waiting`], until dropped.
struct Waiting(Rc<(Cell<usize>, Notify)>);

/// The letters of the open blocks, and the rows they come from.
pub(super) struct Letters<'a> {
    /// Locked while a block is opened.
    steps: Mutex<RowSteps<'a>>,
    journal: &'a Journal,
    refused: &'a RefusedResources,
    ready: RefCell<VecDeque<Letter>>,
    /// Number of letters of open blocks whose first request has not left; notified when it falls.
    waiting: Rc<(Cell<usize>, Notify)>,
    /// Notified when a block has been opened.
    pub(super) arrived: Notify,
}

impl<'a> Letters<'a> {
    pub(super) fn new(
        steps: RowSteps<'a>,
        journal: &'a Journal,
        refused: &'a RefusedResources,
    ) -> Self {
        Self {
            steps: Mutex::new(steps),
            journal,
            refused,
            ready: RefCell::default(),
            waiting: Rc::default(),
            arrived: Notify::new(),
        }
    }

    /// Opens a block with the next 1 to `most` letters. False when no letters are left, or when the run is stopped.
    pub(super) async fn open_block(&self, most: usize) -> Result<bool, SendError> {
        let mut steps = self.steps.lock().await;
        let (mut block, mut skips) = (Vec::new(), Vec::new());
        while block.len() < most {
            // Only the first letter is waited for; after that the block takes what has been rendered.
            let step = if block.is_empty() {
                steps.next().await
            } else {
                steps.next_if_ready()
            };
            match step {
                // Not recorded: the next run tries the letters of a refused resource again.
                Some(RowStep::Send(delivery)) if self.refused.holds(delivery.resource()) => {}
                Some(RowStep::Send(delivery)) => block.push(delivery),
                Some(RowStep::Skip(skip)) => skips.push(skip),
                Some(RowStep::Broken(error)) => return Err(error),
                None => break,
            }
            // Bounds the memory: a file may exclude a million rows.
            if skips.len() == SKIPS {
                self.record_skips(std::mem::take(&mut skips)).await?;
            }
        }
        if block.is_empty() {
            self.record_skips(skips).await?;
            return Ok(false);
        }
        let at = Timestamp::now();
        let start = |delivery: &Delivery| Start {
            row: delivery.row,
            line: delivery.line,
            name: delivery.name.clone(),
            recipient: delivery.recipient.masked(),
            body: delivery.digest.0,
            at,
        };
        let starts = block.iter().map(|delivery| (delivery.key, start(delivery)));
        // Durable before any of them is handed out: after a crash the journal must tell which letters may be at Altinn, and with which text.
        let opened = self.journal.open_block(starts.collect());
        // Handed over together, the block last: it does not wait for other changes, as rows without a letter do, and takes these along.
        let ((), before) = try_join(self.record_skips(skips), opened.err_into()).await?;
        let letters = block.into_iter().zip(before);
        let letters = letters.map(|(delivery, before)| Letter {
            delivery,
            before,
            waiting: Cell::new(Some(Waiting::new(&self.waiting))),
        });
        self.ready.borrow_mut().extend(letters);
        // `notify_one` is remembered when nothing waits for it at the moment.
        self.arrived.notify_one();
        Ok(true)
    }

    /// Opens blocks, each when fewer than `block_size` letters are waiting. Returns when all rows have been taken, or the run is stopped.
    pub(super) async fn open_blocks(
        &self,
        block_size: impl Fn() -> usize,
    ) -> Result<(), SendError> {
        loop {
            let size = block_size();
            // Blocks are opened ahead by one, so that letters do not wait for the disk.
            if self.waiting.0.get() >= size {
                self.waiting.1.notified().await;
            } else if !self.open_block(size).await? {
                return Ok(());
            }
        }
    }

    /// The next letter of the open blocks, in row order.
    pub(super) fn next(&self) -> Option<Letter> {
        self.ready.borrow_mut().pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.borrow().is_empty()
    }

    /// Puts letters back that were not sent, in their order, before the others.
    pub(super) fn put_back(&self, letters: Vec<Letter>) {
        let mut ready = self.ready.borrow_mut();
        letters
            .into_iter()
            .rev()
            .for_each(|letter| ready.push_front(letter));
    }

    /// True when all rows have been handed out.
    pub(super) fn are_used_up(self) -> bool {
        self.is_empty() && self.steps.into_inner().are_used_up()
    }

    /// Records rows that the mailing excludes. Durable when it returns.
    async fn record_skips(&self, skips: Vec<Skip>) -> Result<(), SendError> {
        // Handed over together, so that the journal commits them together.
        let recorded = skips.into_iter().map(|skip| {
            let entry = journal::Skip {
                row: skip.row,
                line: skip.line,
                name: skip.name,
                reason: skip.reason.to_owned(),
                at: Timestamp::now(),
            };
            self.journal.record(skip.key, Entry::Skipped(entry))
        });
        for recorded in join_all(recorded).await {
            match recorded {
                // Illegal: a row with the same key has the entry already. The run's `skipped` counts this one.
                Ok(_) | Err(JournalError::Illegal { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Letter {
    /// Records that the first request leaves.
    pub(super) fn depart(&self) {
        drop(self.waiting.take());
    }
}

impl Waiting {
    fn new(count: &Rc<(Cell<usize>, Notify)>) -> Self {
        count.0.set(count.0.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let (count, has_fallen) = &*self.0;
        count.set(count.get() - 1);
        has_fallen.notify_one();
    }
}
