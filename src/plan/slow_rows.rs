//! The watch for rows that take long to render: they are named while they render, because a template that does not end never reports anything itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The number of consecutive looks after which a row is reported; there is one look each second.
const LOOKS_BEFORE_REPORT: u32 = 10;

/// The rows that are being rendered, one for each thread.
#[derive(Debug, Clone, Default)]
pub(super) struct RowsInProgress(Arc<Mutex<Vec<Arc<RowInProgress>>>>);

/// The row that one thread renders. Another thread reads it, and neither waits: a row that is being replaced may be seen with the line of the next.
#[derive(Debug, Default)]
pub(super) struct RowInProgress {
    /// Its number, from 1; 0 between rows.
    row: AtomicU64,
    line: AtomicU64,
}

/// Finds rows that take long to render. It does not keep the mailing alive.
#[derive(Debug)]
pub(crate) struct SlowRows {
    rows: Weak<Mutex<Vec<Arc<RowInProgress>>>>,
    /// For each thread: the row it rendered at the last look, and the number of consecutive looks at which it did.
    seen: Vec<(u64, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlowRow {
    /// From 1.
    pub row: u64,
    pub line: u64,
}

impl RowsInProgress {
    /// Adds a thread; returns the place in which it announces its rows.
    pub(super) fn join(&self) -> Arc<RowInProgress> {
        let row = Arc::new(RowInProgress::default());
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.push(Arc::clone(&row));
        row
    }

    pub(super) fn watch(&self) -> SlowRows {
        SlowRows {
            rows: Arc::downgrade(&self.0),
            seen: Vec::new(),
        }
    }
}

impl RowInProgress {
    pub(super) fn begin(&self, row: u64, line: u64) {
        // The line first: a new row is then hardly ever seen with the line of the one before.
        self.line.store(line, Ordering::Relaxed);
        self.row.store(row, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.row.store(0, Ordering::Relaxed);
    }
}

impl SlowRows {
    /// Looks once. Returns the rows that have been rendering for ten looks, each only once; `None` when the mailing is gone.
    pub(crate) fn look(&mut self) -> Option<Vec<SlowRow>> {
        let rows = self.rows.upgrade()?;
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        // Threads join while the watch runs; a place is never given up.
        self.seen.resize(rows.len(), (0, 0));
        let looked = rows.iter().zip(&mut self.seen);
        let slow = looked.filter_map(|(in_progress, seen)| {
            let row = in_progress.row.load(Ordering::Relaxed);
            let times = if seen.0 == row { seen.1 + 1 } else { 1 };
            *seen = (row, times);
            let line = in_progress.line.load(Ordering::Relaxed);
            (row > 0 && times == LOOKS_BEFORE_REPORT).then_some(SlowRow { row, line })
        });
        Some(slow.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_once_when_it_has_been_seen_ten_times() {
        let rows = RowsInProgress::default();
        let (one, other) = (rows.join(), rows.join());
        let mut slow = rows.watch();
        one.begin(7, 8);
        for look in 1..30_u64 {
            other.begin(look, look + 1);
            let expected = if look == 10 {
                vec![SlowRow { row: 7, line: 8 }]
            } else {
                Vec::new()
            };
            assert_eq!(slow.look(), Some(expected), "{look}");
        }
        one.end();
        for _ in 0..30 {
            other.end();
            assert_eq!(slow.look(), Some(Vec::new()));
        }
        one.begin(9, 10);
        let found: Vec<_> = (0..10).flat_map(|_| slow.look().unwrap()).collect();
        assert_eq!(found, [SlowRow { row: 9, line: 10 }]);
        drop(rows);
        assert_eq!(slow.look(), None);
    }
}
