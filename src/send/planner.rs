//! Pass 2: a thread renders the rows again, in batches, some ahead of the engine that sends them.

use std::collections::VecDeque;
use std::thread::{self, Scope};

use tokio::sync::mpsc;

use super::{SendError, Stop};
use crate::plan::{
    CheckReport, Deliveries, Delivery, Mailing, Planned, RENDERING_STACK, Selection, Skip,
};

/// The largest number of rows in a batch. Each batch wakes a thread, which for a single row would cost more than rendering it.
const BATCH: usize = 64;
/// The largest number of batches rendered ahead. Bounds the memory; enough for a block, which takes what has been rendered.
const AHEAD: usize = 8;
/// Number of rows without a letter after which the thread checks that the run still goes on.
const CHECK_EVERY: usize = 4096;

/// A checked mailing, and where to start the thread that renders its letters again.
pub(crate) struct Planner<'scope, 'env> {
    pub(super) mailing: &'env Mailing,
    pub(super) checked: &'env CheckReport,
    scope: &'scope Scope<'scope, 'env>,
}

/// The next step of the run for one row.
pub(super) enum RowStep {
    Send(Box<Delivery>),
    Skip(Skip),
    /// The rows differ from those that were checked, or cannot be rendered. The run ends.
    Broken(SendError),
}

/// The steps of several rows, in row order.
struct Batch {
    steps: Vec<RowStep>,
    /// True when no rows are left.
    is_last: bool,
}

/// The receiving end of the thread: steps in row order.
pub(super) struct RowSteps<'a> {
    ready: VecDeque<RowStep>,
    batches: mpsc::Receiver<Batch>,
    /// True when the last batch has been received.
    all_received: bool,
    stop: &'a Stop,
}

/// Calls `run`, and returns its result when the planner's thread has ended.
pub(crate) fn with_planner<'env, T>(
    mailing: &'env Mailing,
    checked: &'env CheckReport,
    run: impl FnOnce(Planner<'_, 'env>) -> T,
) -> T {
    thread::scope(|scope| {
        run(Planner {
            mailing,
            checked,
            scope,
        })
    })
}

impl Planner<'_, '_> {
    /// Starts rendering these rows, except those passed over: by position, true for a row that is. The thread ends when the steps are dropped.
    pub(super) fn begin(
        self,
        rows: Selection,
        passed: Vec<bool>,
        stop: &Stop,
    ) -> Result<RowSteps<'_>, SendError> {
        let (mailing, checked) = (self.mailing, self.checked);
        let (batch_sender, batches) = mpsc::channel(AHEAD);
        let plan = move || plan(mailing, checked, rows, &passed, batch_sender);
        thread::Builder::new()
            .name("planner".to_owned())
            .stack_size(RENDERING_STACK)
            .spawn_scoped(self.scope, plan)
            .map_err(SendError::Thread)?;
        Ok(RowSteps {
            ready: VecDeque::new(),
            batches,
            all_received: false,
            stop,
        })
    }
}

impl RowSteps<'_> {
    /// The next step, in row order. `None` when none are left, or when the run is stopped.
    pub(super) async fn next(&mut self) -> Option<RowStep> {
        while self.ready.is_empty() {
            // Asked before a batch is waited for: a stopped run takes no further one.
            if self.stop.is_set() {
                return None;
            }
            let batch = self.stop.before(self.batches.recv()).await??;
            self.receive(batch);
        }
        self.ready.pop_front()
    }

    /// The next step, when it is rendered already.
    pub(super) fn next_if_ready(&mut self) -> Option<RowStep> {
        if self.ready.is_empty() {
            let batch = self.batches.try_recv().ok()?;
            self.receive(batch);
        }
        self.ready.pop_front()
    }

    /// True when all rows have been handed out.
    pub(super) fn are_used_up(&self) -> bool {
        self.all_received && self.ready.is_empty()
    }

    fn receive(&mut self, batch: Batch) {
        self.ready.extend(batch.steps);
        self.all_received = batch.is_last;
    }
}

/// The thread's loop: renders until no rows are left or the run has ended.
fn plan(
    mailing: &Mailing,
    checked: &CheckReport,
    rows: Selection,
    passed: &[bool],
    batch_sender: mpsc::Sender<Batch>,
) {
    let mut steps = Outgoing {
        steps: Vec::new(),
        size: 1,
        batch_sender,
    };
    let mut deliveries = match Deliveries::new(mailing, checked, rows) {
        Ok(deliveries) => deliveries,
        Err(problems) => {
            steps.push(RowStep::Broken(SendError::Rows(problems)));
            steps.flush();
            return;
        }
    };
    let mut left_out = 0;
    loop {
        // A resumed run may pass over a million rows without a letter.
        while deliveries.pass_over(passed, CHECK_EVERY) {
            if !steps.flush() {
                return;
            }
        }
        let step = match deliveries.next() {
            Some(Ok(Planned::Delivery(delivery))) => RowStep::Send(delivery),
            Some(Ok(Planned::Skipped(skip))) => RowStep::Skip(skip),
            // Never invalid: pass 1 has refused mailings with invalid rows.
            Some(Ok(Planned::Invalid(_) | Planned::LeftOut)) => {
                left_out += 1;
                if left_out % CHECK_EVERY == 0 && !steps.flush() {
                    return;
                }
                continue;
            }
            Some(Err(drifted)) => RowStep::Broken(drifted.into()),
            None => {
                steps.send(true);
                return;
            }
        };
        if !steps.push(step) {
            return;
        }
    }
}

/// Sends steps to the engine in batches. The first has one step, so that the run starts at once; then they grow, since each batch wakes a thread.
struct Outgoing {
    steps: Vec<RowStep>,
    size: usize,
    batch_sender: mpsc::Sender<Batch>,
}

impl Outgoing {
    /// Adds a step. False when the run has ended.
    fn push(&mut self, step: RowStep) -> bool {
        self.steps.push(step);
        self.steps.len() < self.size || self.flush()
    }

    /// Sends the collected steps. False when the run has ended.
    fn flush(&mut self) -> bool {
        if self.steps.is_empty() {
            return !self.batch_sender.is_closed();
        }
        self.size = (self.size * 2).min(BATCH);
        self.send(false)
    }

    fn send(&mut self, is_last: bool) -> bool {
        let steps = std::mem::replace(&mut self.steps, Vec::with_capacity(self.size));
        self.batch_sender
            .blocking_send(Batch { steps, is_last })
            .is_ok()
    }
}
