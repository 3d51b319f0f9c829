//! Rows become letters on a thread of its own, some ahead of those who send them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::thread;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{SendError, Stop};
use crate::plan::{
    CheckReport, Deliveries, Delivery, Mailing, Planned, RENDERING_STACK, Selection, Skip,
};

/// Rows in a batch at most. Each batch wakes a thread, so that single rows would cost more than their rendering.
const BATCH: usize = 32;
/// Batches that are rendered ahead of the senders at most: memory is bounded by them.
const AHEAD: usize = 2;
/// Rows that are passed over before the thread looks whether the run still wants more.
const LOOK_UP_AFTER: usize = 4096;

/// A mailing that has been checked, with a thread that renders its letters again when it is their turn.
pub(crate) struct Planner<'a> {
    pub(super) mailing: &'a Mailing,
    pub(super) checked: &'a CheckReport,
    begin: oneshot::Sender<Assignment>,
    batches: mpsc::Receiver<Batch>,
}

struct Assignment {
    rows: Selection,
    /// By position: rows that are passed over.
    passed: Vec<bool>,
}

pub(super) enum RowStep {
    Send(Box<Delivery>),
    Skip(Skip),
    /// The rows are not what was checked.
    Broken(SendError),
}

/// Some rows' turns, in row order.
struct Batch {
    steps: Vec<RowStep>,
    /// True when every row has been gone through.
    is_last: bool,
}

/// The turns that have come, for any number of senders.
pub(super) struct RowSteps<'a> {
    ready: RefCell<VecDeque<RowStep>>,
    coming: Mutex<mpsc::Receiver<Batch>>,
    /// True when no more will come: every row has been gone through.
    all_came: Cell<bool>,
    stop: &'a Stop,
}

/// Gives `run` a planner, and gives back what comes of it.
pub(crate) fn with_planner<'a, T>(
    mailing: &'a Mailing,
    checked: &'a CheckReport,
    run: impl FnOnce(Planner<'a>) -> T,
) -> T {
    let (begin, asked) = oneshot::channel();
    let (tell, batches) = mpsc::channel(AHEAD);
    let excuse = tell.clone();
    thread::scope(|scope| {
        let planner = thread::Builder::new().name("planner".to_owned());
        let planning = planner.stack_size(RENDERING_STACK).spawn_scoped(scope, || {
            // A run that needs no letter asks for none.
            if let Ok(turns) = asked.blocking_recv() {
                plan(mailing, checked, turns, tell);
            }
        });
        if let Err(error) = planning {
            let steps = vec![RowStep::Broken(SendError::Thread(error))];
            // There is room: nothing else comes.
            let _ = excuse.try_send(Batch {
                steps,
                is_last: false,
            });
        }
        drop(excuse);
        run(Planner {
            mailing,
            checked,
            begin,
            batches,
        })
    })
}

impl<'a> Planner<'a> {
    /// Begins with the rows whose turn it is.
    pub(super) fn begin(self, rows: Selection, passed: Vec<bool>, stop: &'a Stop) -> RowSteps<'a> {
        // When this fails the thread is gone, and so are its steps.
        let _ = self.begin.send(Assignment { rows, passed });
        RowSteps {
            ready: RefCell::default(),
            coming: Mutex::new(self.batches),
            all_came: Cell::new(false),
            stop,
        }
    }
}

impl fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").finish_non_exhaustive()
    }
}

impl RowSteps<'_> {
    /// The next row's turn, in row order; nothing when there is none, or when the run is stopped.
    pub(super) async fn next(&self) -> Option<RowStep> {
        if let Some(step) = self.ready() {
            return Some(step);
        }
        tokio::select! {
            biased;
            () = self.stop.wait() => None,
            step = self.take() => step,
        }
    }

    /// The next row's turn, when it has come already.
    pub(super) fn now(&self) -> Option<RowStep> {
        let ready = self.ready();
        if ready.is_some() {
            return ready;
        }
        let batch = self.coming.try_lock().ok()?.try_recv().ok()?;
        self.receive(batch);
        self.ready()
    }

    /// True when every row has had its turn.
    pub(super) fn are_used_up(&self) -> bool {
        self.all_came.get() && self.ready.borrow().is_empty()
    }

    async fn take(&self) -> Option<RowStep> {
        loop {
            if let Some(step) = self.ready() {
                return Some(step);
            }
            let mut coming = self.coming.lock().await;
            // Who had it before may have brought some.
            if self.ready.borrow().is_empty() {
                let batch = coming.recv().await?;
                self.receive(batch);
            }
        }
    }

    fn receive(&self, batch: Batch) {
        self.ready.borrow_mut().extend(batch.steps);
        self.all_came.set(batch.is_last);
    }

    fn ready(&self) -> Option<RowStep> {
        self.ready.borrow_mut().pop_front()
    }
}

/// The planner's thread, until every row has been gone through or the run has ended.
fn plan(mailing: &Mailing, checked: &CheckReport, turns: Assignment, tell: mpsc::Sender<Batch>) {
    let mut steps = Outgoing {
        steps: Vec::new(),
        size: 1,
        tell,
    };
    let mut deliveries = match Deliveries::new(mailing, checked) {
        Ok(deliveries) => deliveries.only(turns.rows),
        Err(problems) => {
            steps.push(RowStep::Broken(SendError::Rows(problems)));
            steps.flush();
            return;
        }
    };
    let mut left_out = 0;
    loop {
        while deliveries.pass_over(&turns.passed, LOOK_UP_AFTER) {
            if !steps.flush() {
                return;
            }
        }
        let step = match deliveries.next() {
            Some(Ok(Planned::Delivery(delivery))) => RowStep::Send(delivery),
            Some(Ok(Planned::Skipped(skip))) => RowStep::Skip(skip),
            // Pass 1 has refused a mailing with invalid rows.
            Some(Ok(Planned::Invalid(_) | Planned::LeftOut)) => {
                left_out += 1;
                if left_out % LOOK_UP_AFTER == 0 && !steps.flush() {
                    return;
                }
                continue;
            }
            Some(Err(drifted)) => RowStep::Broken(drifted.into()),
            None => return steps.end(),
        };
        if !steps.push(step) {
            return;
        }
    }
}

/// Sends steps to the engine in batches: the first alone, so that the run starts at once, then in growing ones, since each batch wakes a thread.
struct Outgoing {
    steps: Vec<RowStep>,
    size: usize,
    tell: mpsc::Sender<Batch>,
}

impl Outgoing {
    /// False when the run has ended and nothing more is wanted.
    fn push(&mut self, step: RowStep) -> bool {
        self.steps.push(step);
        self.steps.len() < self.size || self.flush()
    }

    /// False when the run has ended and nothing more is wanted.
    fn flush(&mut self) -> bool {
        if self.steps.is_empty() {
            return !self.tell.is_closed();
        }
        self.size = (self.size * 2).min(BATCH);
        self.send(false)
    }

    fn end(mut self) {
        self.send(true);
    }

    fn send(&mut self, is_last: bool) -> bool {
        let steps = std::mem::replace(&mut self.steps, Vec::with_capacity(self.size));
        self.tell.blocking_send(Batch { steps, is_last }).is_ok()
    }
}
