//! Letters that may leave: rows come from the planner, are written down in a block, and only then are handed out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::SendError;
use super::planner::{RowStep, RowSteps};
use super::signals::RefusedResources;
use crate::journal::{self, Entry, Journal, JournalError, Start, StateBefore};
use crate::plan::{Delivery, Skip};

/// Skipped rows that are written down at a time.
const SKIPS: usize = 1024;

/// A letter of an open block.
pub(super) struct Letter {
    pub(super) delivery: Box<Delivery>,
    /// Where its row stood before the block.
    pub(super) before: StateBefore,
    waiting: Waiting,
}

/// Counts a letter among those that have not left, until it leaves or is dropped.
struct Waiting {
    count: Rc<(Cell<usize>, Notify)>,
    left: Cell<bool>,
}

pub(super) struct Letters<'a> {
    steps: RowSteps<'a>,
    journal: &'a Journal,
    refused: &'a RefusedResources,
    ready: RefCell<VecDeque<Letter>>,
    /// Letters of open blocks that have not left, and who waits for there to be fewer.
    waiting: Rc<(Cell<usize>, Notify)>,
    arrived: Notify,
}

impl<'a> Letters<'a> {
    pub(super) fn new(
        steps: RowSteps<'a>,
        journal: &'a Journal,
        refused: &'a RefusedResources,
    ) -> Self {
        Self {
            steps,
            journal,
            refused,
            ready: RefCell::default(),
            waiting: Rc::default(),
            arrived: Notify::new(),
        }
    }

    /// Opens a block with the next letters, `most` at most and one at least; false when there is none left, or when the run is stopped.
    pub(super) async fn open_block(&self, most: usize) -> Result<bool, SendError> {
        let (mut block, mut skips) = (Vec::new(), Vec::new());
        while block.len() < most {
            // A block does not wait for more than its first letter.
            let step = if block.is_empty() {
                self.steps.next().await
            } else {
                self.steps.now()
            };
            match step {
                Some(RowStep::Send(delivery)) if self.refused.holds(delivery.resource()) => {}
                Some(RowStep::Send(delivery)) => block.push(delivery),
                Some(RowStep::Skip(skip)) => skips.push(skip),
                Some(RowStep::Broken(error)) => return Err(error),
                None => break,
            }
            if skips.len() == SKIPS {
                self.record_skips(std::mem::take(&mut skips)).await?;
            }
        }
        self.record_skips(skips).await?;
        if block.is_empty() {
            return Ok(false);
        }
        let at = Timestamp::now();
        let starts = block
            .iter()
            .map(|delivery| (delivery.key, start(delivery, at)));
        let before = self.journal.open_block(starts.collect()).await?;
        let letters = block.into_iter().zip(before);
        let letters = letters.map(|(delivery, before)| Letter {
            delivery,
            before,
            waiting: Waiting::new(&self.waiting),
        });
        self.ready.borrow_mut().extend(letters);
        self.arrived.notify_one();
        Ok(true)
    }

    /// Opens one block after the other, each when fewer than `block_size` letters have not left; returns when every row has been gone through, or the run is stopped.
    pub(super) async fn open_blocks(
        &self,
        block_size: impl Fn() -> usize,
    ) -> Result<(), SendError> {
        loop {
            let size = block_size();
            if self.waiting.0.get() >= size {
                self.waiting.1.notified().await;
            } else if !self.open_block(size).await? {
                return Ok(());
            }
        }
    }

    /// The next letter, in row order, of those whose block is open.
    pub(super) fn next(&self) -> Option<Letter> {
        self.ready.borrow_mut().pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.borrow().is_empty()
    }

    /// Resolves when a block has been opened.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Gives letters back whose turn has not come after all, in their order.
    pub(super) fn put_back(&self, letters: Vec<Letter>) {
        let mut ready = self.ready.borrow_mut();
        letters
            .into_iter()
            .rev()
            .for_each(|letter| ready.push_front(letter));
    }

    /// True when every row has had its turn.
    pub(super) fn are_used_up(&self) -> bool {
        self.steps.are_used_up() && self.is_empty()
    }

    async fn record_skips(&self, skips: Vec<Skip>) -> Result<(), SendError> {
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
                // Another row has the same key, and the entry; the run counts this one.
                Ok(_) | Err(JournalError::Illegal { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Letter {
    /// Its first request leaves.
    pub(super) fn leave(&self) {
        self.waiting.leave();
    }
}

impl Waiting {
    fn new(count: &Rc<(Cell<usize>, Notify)>) -> Self {
        count.0.set(count.0.get() + 1);
        Self {
            count: Rc::clone(count),
            left: Cell::new(false),
        }
    }

    fn leave(&self) {
        if !self.left.replace(true) {
            let (count, fewer) = &*self.count;
            count.set(count.get() - 1);
            fewer.notify_one();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

fn start(delivery: &Delivery, at: Timestamp) -> Start {
    Start {
        row: delivery.row,
        line: delivery.line,
        name: delivery.name.clone(),
        recipient: delivery.recipient.masked(),
        body: delivery.digest.0,
        at,
    }
}
