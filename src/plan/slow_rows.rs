//! Rows that take long to render, named while they do: a template that does not end is known by its row.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How many times in a row the same row is seen before it is named; it is looked for once a second.
const SEEN: u32 = 10;

/// The rows that are being rendered, one for each thread.
#[derive(Debug, Clone, Default)]
pub(super) struct RowsInProgress(Arc<Mutex<Vec<Arc<RowInProgress>>>>);

/// The row that one thread renders. Two threads look at it, and neither waits: a row that is just being replaced may be seen with the line of the next.
#[derive(Debug, Default)]
pub(super) struct RowInProgress {
    /// Its number, from 1; 0 between rows.
    row: AtomicU64,
    line: AtomicU64,
}

/// Finds rows that take long to render.
#[derive(Debug)]
pub(crate) struct SlowRows {
    rows: Weak<Mutex<Vec<Arc<RowInProgress>>>>,
    /// For each thread: the row that it rendered when it was last looked at, and how many times in a row that was so.
    seen: Vec<(u64, u32)>,
}

/// A row that takes long to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlowRow {
    /// Its number, from 1.
    pub row: u64,
    /// Its line in the recipients file.
    pub line: u64,
}

impl RowsInProgress {
    /// A place for one more thread.
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
        self.line.store(line, Ordering::Relaxed);
        self.row.store(row, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.row.store(0, Ordering::Relaxed);
    }
}

impl SlowRows {
    /// The rows that have been rendered for ten looks, each once; `None` when the mailing is gone.
    pub(crate) fn look(&mut self) -> Option<Vec<SlowRow>> {
        let rows = self.rows.upgrade()?;
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        self.seen.resize(rows.len(), (0, 0));
        let looked = rows.iter().zip(&mut self.seen);
        let slow = looked.filter_map(|(in_progress, seen)| {
            let row = in_progress.row.load(Ordering::Relaxed);
            let times = if seen.0 == row { seen.1 + 1 } else { 1 };
            *seen = (row, times);
            let line = in_progress.line.load(Ordering::Relaxed);
            (row > 0 && times == SEEN).then_some(SlowRow { row, line })
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
