//! The rows of pass 1, rendered and checked on all processors and collected in row order.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::findings::{LetterFinding, check_letter, check_person};
use super::fingerprint::Fingerprint;
use super::markdown_values::check_values;
use super::planner::RowPlanner;
use super::{Mailing, Planned};
use crate::diagnostic::Problem;
use crate::recipients::{Row, Rows};
use crate::template::ShownColumn;

/// The most rows in one batch. Two batches are in memory: one is rendered while the other is collected.
const BATCH_ROWS: usize = 1024;
/// A batch is full after this many bytes of rows, or of letters: memory stays the same whatever the length of the letters.
const BATCH_BYTES: usize = 2 << 20;
/// The fewest rows that one thread takes at a time: smaller tasks cost more in handing out than they win.
const ROWS_PER_TASK: usize = 16;
/// The stack of a thread that renders letters, in bytes: as much as a main thread has, so that what can be checked can be sent, whichever thread does it.
pub(crate) const RENDERING_STACK: usize = 8 << 20;

/// A row with every problem that can be found without looking at other rows.
pub(super) struct CheckedRow {
    pub(super) planned: Planned,
    pub(super) fingerprint: Fingerprint,
    /// The problem with its recipient: a synthetic person in production, a possibly real one in a test, or an address with a slip.
    pub(super) person: Option<Problem>,
    /// The violations of Altinn's rules in its letter.
    pub(super) findings: Vec<LetterFinding>,
    /// The first 8 bytes of the key that its row would have after a spreadsheet has changed the row's key; `None` when that is its own.
    pub(super) loose_key: Option<u64>,
    /// The attachments of its letter, as indices in the manifest's list.
    pub(super) attached: Vec<usize>,
    /// The places where its letter shows an empty column.
    pub(super) blanks: Vec<Arc<ShownColumn>>,
    /// Warnings of values that would be Markdown in its letter.
    pub(super) values: Vec<Problem>,
}

type Outcome = Result<CheckedRow, Problem>;

/// Checks every row and passes each to `collect` on this thread, in row order, until `collect` breaks. `now` is the time that dates are compared with.
pub(super) fn check_rows(
    mailing: &Mailing,
    mut rows: Rows,
    now: Timestamp,
    collect: &mut dyn FnMut(&Row, &mut Outcome) -> ControlFlow<()>,
) {
    let workers = Workers::start(mailing);
    let mut planner = RowPlanner::new(mailing, None);
    // `current` is rendered while `other`, the batch before it, is collected and filled again.
    let (mut current, mut other) = (Batch::default(), Batch::default());
    current.fill(&mut rows);
    while current.filled > 0 {
        let mut flow = ControlFlow::Continue(());
        let mut collect_and_fill = || {
            flow = other.collect(&mut planner, now, collect);
            if flow.is_continue() {
                other.fill(&mut rows);
            }
        };
        match &workers {
            // While the pool renders one batch, this thread collects the one before and reads the next, so that neither waits for the other.
            Some(workers) => workers.pool.in_place_scope(|scope| {
                scope.spawn(|_| current.check(&workers.planners, now));
                collect_and_fill();
            }),
            // Without a pool, rows are checked when they are collected.
            None => collect_and_fill(),
        }
        if flow.is_break() {
            return;
        }
        std::mem::swap(&mut current, &mut other);
    }
    // The last batch has been rendered but not collected. A break changes nothing any more.
    let _ = other.collect(&mut planner, now, collect);
}

struct Workers<'a> {
    pool: ThreadPool,
    planners: Vec<Mutex<RowPlanner<'a>>>,
}

impl<'a> Workers<'a> {
    /// `None` for one thread, and where the system refuses more threads: the calling thread then does everything.
    fn start(mailing: &'a Mailing) -> Option<Self> {
        let threads = mailing.threads.get();
        if threads == 1 {
            return None;
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads);
        let planners = (0..threads).map(|_| Mutex::new(RowPlanner::new(mailing, None)));
        Some(Self {
            // The pool's default stack is smaller than a main thread's, and a template could overflow it.
            pool: pool.stack_size(RENDERING_STACK).build().ok()?,
            planners: planners.collect(),
        })
    }
}

impl RowPlanner<'_> {
    fn check(&mut self, row: &Row, now: Timestamp) -> CheckedRow {
        let mut planned = self.plan(row);
        let (mut person, mut findings, mut values) = (None, Vec::new(), Vec::new());
        let (mut loose_key, mut blanks) = (None, Vec::new());
        if let Planned::Delivery(delivery) = &mut planned {
            person = check_person(self.mailing, delivery);
            loose_key = self.mailing.loose_key(delivery);
            blanks = self.scope.take_blanks_shown();
            // When parts of the letter did not compile, only its recipient can be judged.
            if self.mailing.is_whole {
                findings = check_letter(self.mailing, delivery, now, &self.attached, &self.scope);
                values = check_values(self.mailing, row, delivery);
            }
        }
        let invalid = matches!(planned, Planned::Invalid(_)).then(|| self.mailing.plain_key(row));
        let invalid = invalid.flatten().map(|(key, _)| Fingerprint::invalid(key));
        CheckedRow {
            fingerprint: invalid.unwrap_or_else(|| Fingerprint::from_planned(&planned)),
            planned,
            person,
            findings,
            loose_key,
            attached: self.attached.clone(),
            blanks,
            values,
        }
    }
}

/// Rows that are checked together. A batch is filled again and again, which reuses the memory of its rows.
#[derive(Default)]
struct Batch {
    slots: Vec<Slot>,
    /// The number of slots that hold a row.
    filled: usize,
    /// The number of rows to read, from the mean length of the letters in the batch before. Zero until it is known: each of them may be huge.
    capacity: usize,
}

#[derive(Default)]
struct Slot {
    row: Row,
    /// The outcome of the row, or until it is checked that of an earlier row: letters are freed by the threads that make them, at less cost than by the one
    /// that collects.
    outcome: Option<Outcome>,
    /// True until the row has been checked, and when the letters before it filled the batch.
    is_due: bool,
}

impl Slot {
    fn check(&mut self, planner: &mut RowPlanner<'_>, now: Timestamp) {
        self.outcome = Some(Ok(planner.check(&self.row, now)));
        self.is_due = false;
    }
}

impl Batch {
    /// Reads rows until the batch is full or the file ends.
    fn fill(&mut self, rows: &mut Rows) {
        self.filled = 0;
        let mut bytes = 0;
        let capacity = self.capacity.max(ROWS_PER_TASK);
        while self.filled < capacity && bytes < BATCH_BYTES {
            if self.filled == self.slots.len() {
                self.slots.push(Slot::default());
            }
            let slot = &mut self.slots[self.filled];
            let Some(read) = rows.read(&mut slot.row) else {
                return;
            };
            // A damaged row has its outcome already, and keeps its place in the order.
            slot.is_due = read.is_ok();
            if let Err(damaged) = read {
                slot.outcome = Some(Err(damaged));
            }
            bytes += slot.row.size();
            self.filled += 1;
        }
    }

    /// Checks the rows on all threads of the pool until the letters fill the batch; the rest is left to [`Self::collect`].
    fn check(&mut self, planners: &[Mutex<RowPlanner<'_>>], now: Timestamp) {
        let (bytes, letters) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let slots = self.slots[..self.filled].par_iter_mut();
        slots.with_min_len(ROWS_PER_TASK).for_each(|slot| {
            let planner = rayon::current_thread_index().and_then(|thread| planners.get(thread));
            let Some(planner) = planner else { return };
            if slot.is_due && bytes.load(Ordering::Relaxed) < BATCH_BYTES {
                // Each thread uses the planner with its own index: this lock is never waited for.
                let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
                slot.check(&mut planner, now);
                bytes.fetch_add(planner.json.len(), Ordering::Relaxed);
                letters.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mean = bytes.into_inner() / letters.into_inner().max(1);
        self.capacity = (BATCH_BYTES / mean.max(1)).clamp(ROWS_PER_TASK, BATCH_ROWS);
    }

    /// Passes the rows to `collect` in order, each with its outcome; checks those that have none yet.
    fn collect(
        &mut self,
        planner: &mut RowPlanner<'_>,
        now: Timestamp,
        collect: &mut dyn FnMut(&Row, &mut Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for slot in &mut self.slots[..self.filled] {
            if slot.is_due {
                slot.check(planner, now);
            }
            if let Some(outcome) = &mut slot.outcome {
                collect(&slot.row, outcome)?;
            }
        }
        ControlFlow::Continue(())
    }
}
