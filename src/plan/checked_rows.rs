//! Every row with what is wrong with it: rendered and checked by all processors, shown in row order.

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

/// Rows in one batch, at most. Two batches are in memory: one is rendered while the other is shown.
const BATCH_ROWS: usize = 1024;
/// Bytes of rows in one batch, and of letters, after which it is full.
const BATCH_BYTES: usize = 2 << 20;
/// Rows that one thread takes at a time, at least.
const ROWS_PER_TASK: usize = 16;
/// The stack of a thread that renders letters, in bytes: as much as a main thread has, so that what can be checked can be sent, whichever thread does it.
pub(crate) const RENDERING_STACK: usize = 8 << 20;

/// A row with everything that is wrong with it, whatever stands in the other rows.
pub(super) struct CheckedRow {
    pub(super) planned: Planned,
    pub(super) fingerprint: Fingerprint,
    /// What is wrong with its recipient.
    pub(super) person: Option<Problem>,
    /// What is wrong with its letter.
    pub(super) findings: Vec<LetterFinding>,
    /// The head of the key that a spreadsheet may have made of its key, when that is another.
    pub(super) loose_key: Option<u64>,
    /// Where its letter shows a column that is empty.
    pub(super) blanks: Vec<Arc<ShownColumn>>,
    /// Values that would be Markdown in its letter.
    pub(super) values: Vec<Problem>,
}

type Outcome = Result<CheckedRow, Problem>;

/// Checks every row, and shows each to `collect` on this thread, in row order, until it breaks. `now` is what dates are compared with.
pub(super) fn check_rows(
    mailing: &Mailing,
    mut rows: Rows,
    now: Timestamp,
    collect: &mut dyn FnMut(&Row, Outcome) -> ControlFlow<()>,
) {
    let workers = Workers::start(mailing);
    let mut planner = RowPlanner::new(mailing);
    let (mut current, mut other) = (Batch::default(), Batch::default());
    current.fill(&mut rows);
    while current.filled > 0 {
        let mut flow = ControlFlow::Continue(());
        let mut show_and_fill = || {
            flow = other.show(&mut planner, now, collect);
            if flow.is_continue() {
                other.fill(&mut rows);
            }
        };
        match &workers {
            // While the others render one batch, this thread shows the one before and reads the next.
            Some(workers) => workers.pool.in_place_scope(|scope| {
                scope.spawn(|_| current.check(&workers.planners, now));
                show_and_fill();
            }),
            None => show_and_fill(),
        }
        if flow.is_break() {
            return;
        }
        std::mem::swap(&mut current, &mut other);
    }
    // A break after the last row changes nothing.
    let _ = other.show(&mut planner, now, collect);
}

/// Threads that render rows, each with a planner of its own.
struct Workers<'a> {
    pool: ThreadPool,
    planners: Vec<Mutex<RowPlanner<'a>>>,
}

impl<'a> Workers<'a> {
    /// None for one thread, and where the system gives no more: the calling thread then does everything.
    fn start(mailing: &'a Mailing) -> Option<Self> {
        let threads = mailing.threads.get();
        if threads == 1 {
            return None;
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads);
        let planners = (0..threads).map(|_| Mutex::new(RowPlanner::new(mailing)));
        Some(Self {
            pool: pool.stack_size(RENDERING_STACK).build().ok()?,
            planners: planners.collect(),
        })
    }
}

impl RowPlanner<'_> {
    /// Renders and checks one row.
    fn check(&mut self, row: &Row, now: Timestamp) -> CheckedRow {
        let mut planned = self.plan(row);
        let (mut person, mut findings, mut values) = (None, Vec::new(), Vec::new());
        let (mut loose_key, mut blanks) = (None, Vec::new());
        if let Planned::Delivery(delivery) = &mut planned {
            person = check_person(self.mailing, delivery);
            loose_key = self.mailing.loose_key(delivery);
            blanks = self.scope.take_blanks_shown();
            // Of a letter that is not whole nothing more is known than to whom it goes.
            if self.mailing.is_whole {
                findings = check_letter(self.mailing, delivery, now, &self.attached, &self.scope);
                values = check_values(self.mailing, row);
            }
        }
        CheckedRow {
            fingerprint: Fingerprint::from_planned(&planned),
            planned,
            person,
            findings,
            loose_key,
            blanks,
            values,
        }
    }
}

/// Rows that are checked together. Filled again and again, so that the memory of its rows is reused.
struct Batch {
    slots: Vec<Slot>,
    /// How many slots hold a row.
    filled: usize,
    /// How many rows are read, by how long the letters of the last time were.
    room: usize,
}

#[derive(Default)]
struct Slot {
    row: Row,
    /// None until the row has been checked, or when its letter would make too much of the batch.
    outcome: Option<Outcome>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            filled: 0,
            // How long the letters are is not known yet.
            room: ROWS_PER_TASK,
        }
    }
}

impl Batch {
    /// Reads rows, as many as there is room for.
    fn fill(&mut self, rows: &mut Rows) {
        self.filled = 0;
        let mut bytes = 0;
        while self.filled < self.room && bytes < BATCH_BYTES {
            if self.filled == self.slots.len() {
                self.slots.push(Slot::default());
            }
            let slot = &mut self.slots[self.filled];
            let Some(read) = rows.read(&mut slot.row) else {
                return;
            };
            slot.outcome = read.err().map(Err);
            bytes += slot.row.size();
            self.filled += 1;
        }
    }

    /// Checks the rows on all threads of the pool, until there are enough letters.
    fn check(&mut self, planners: &[Mutex<RowPlanner<'_>>], now: Timestamp) {
        let (bytes, letters) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let slots = self.slots[..self.filled].par_iter_mut();
        slots.with_min_len(ROWS_PER_TASK).for_each(|slot| {
            let planner = rayon::current_thread_index().and_then(|thread| planners.get(thread));
            let Some(planner) = planner else { return };
            if slot.outcome.is_none() && bytes.load(Ordering::Relaxed) < BATCH_BYTES {
                // No other thread has it: the lock is never waited for.
                let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
                slot.outcome = Some(Ok(planner.check(&slot.row, now)));
                bytes.fetch_add(planner.json.len(), Ordering::Relaxed);
                letters.fetch_add(1, Ordering::Relaxed);
            }
        });
        let each = bytes.into_inner() / letters.into_inner().max(1);
        self.room = (BATCH_BYTES / each.max(1)).clamp(ROWS_PER_TASK, BATCH_ROWS);
    }

    /// Shows the rows in order, each with what it came to.
    fn show(
        &mut self,
        planner: &mut RowPlanner<'_>,
        now: Timestamp,
        collect: &mut dyn FnMut(&Row, Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for Slot { row, outcome } in &mut self.slots[..self.filled] {
            let outcome = match outcome.take() {
                Some(outcome) => outcome,
                None => Ok(planner.check(row, now)),
            };
            collect(row, outcome)?;
        }
        ControlFlow::Continue(())
    }
}
