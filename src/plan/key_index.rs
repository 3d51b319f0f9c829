//! An index from idempotency keys to rows of a checked mailing.

use std::cell::OnceCell;

use uuid::Uuid;

use super::CheckReport;
use super::fingerprint::Fingerprint;

/// Finds the rows of a checked mailing by their keys. A row that has not moved is found at once; for others an index of 4 bytes a row is made when it is
/// first needed.
#[derive(Debug)]
pub(crate) struct KeyIndex<'a> {
    prints: &'a [Fingerprint],
    by_key: OnceCell<Vec<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowPosition {
    /// The row's position in the file, from 0.
    pub position: usize,
    /// The first 8 bytes of its letter's digest; `None` when it gets no letter.
    pub letter: Option<u64>,
}

impl CheckReport {
    pub(crate) fn key_index(&self) -> KeyIndex<'_> {
        KeyIndex {
            prints: &self.fingerprints,
            by_key: OnceCell::new(),
        }
    }
}

impl KeyIndex<'_> {
    pub(crate) fn count(&self) -> usize {
        self.prints.len()
    }

    /// Passes the rows with this key to `each`: at most one letter, and any number of rows without one. `row_before` is the row's number in an earlier run, from
    /// 1; a letter that still stands there is the only one passed.
    pub(crate) fn find(&self, key: Uuid, row_before: u64, mut each: impl FnMut(RowPosition)) {
        let head = key.as_u64_pair().0;
        let before = usize::try_from(row_before)
            .ok()
            .and_then(|row| row.checked_sub(1));
        // Most files do not change between runs: then no index is ever made.
        if let Some(position) = before
            && let Some(found) = self.at(position, head)
            && found.letter.is_some()
        {
            return each(found);
        }
        let by_key = self.by_key.get_or_init(|| self.sorted());
        let key_at = |at: u32| self.prints.get(at as usize).map(|print| print.key);
        // `partition_point` gives the first of several equal keys.
        let first = by_key.partition_point(|at| key_at(*at) < Some(head));
        let found = by_key.iter().skip(first);
        found
            .map_while(|at| self.at(*at as usize, head))
            .for_each(each);
    }

    fn at(&self, position: usize, head: u64) -> Option<RowPosition> {
        let print = self.prints.get(position)?;
        (print.key == head).then(|| RowPosition {
            position,
            letter: print.is_letter().then_some(print.letter),
        })
    }

    fn sorted(&self) -> Vec<u32> {
        let count = u32::try_from(self.prints.len()).unwrap_or(u32::MAX);
        let mut all: Vec<u32> = (0..count).collect();
        all.sort_unstable_by_key(|at| self.prints.get(*at as usize).map(|print| print.key));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(positions: &KeyIndex<'_>, key: u64, row_before: u64) -> Vec<(usize, Option<u64>)> {
        let mut all = Vec::new();
        let key = Uuid::from_u64_pair(key, 0);
        positions.find(key, row_before, |found| {
            all.push((found.position, found.letter));
        });
        all.sort_unstable();
        all
    }

    #[test]
    fn rows_are_found_where_they_stood_and_anywhere_else() {
        let print = |key, letter| Fingerprint { key, letter };
        let prints = [
            print(5, 50),
            print(3, 30),
            print(5, 0),
            print(4, 0),
            print(4, 0),
        ];
        let positions = KeyIndex {
            prints: &prints,
            by_key: OnceCell::new(),
        };
        assert_eq!(found(&positions, 3, 2), [(1, Some(30))]);
        assert!(positions.by_key.get().is_none(), "no index was needed");
        for row in [0, 1, 3, 9, u64::MAX] {
            assert_eq!(found(&positions, 3, row), [(1, Some(30))], "{row}");
        }
        assert_eq!(found(&positions, 5, 1), [(0, Some(50))]);
        // A row without a letter does not hide the letter with the same key.
        assert_eq!(found(&positions, 5, 3), [(0, Some(50)), (2, None)]);
        assert_eq!(found(&positions, 4, 4), [(3, None), (4, None)]);
        assert_eq!(found(&positions, 6, 1), []);
    }
}
