//! Reading rows: a consistent snapshot with its rows, for reports and for a run that resumes; one row by its key.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::block::{self, OpenLetter};
use super::record::{COLUMNS, RowRecord, line, numbered_record};
use super::run::latest_run;
use super::store::Store;
use super::{Header, Journal, JournalError, Run, State};

/// The columns that a run needs to resume, in the place of all of them: it reads them for every row. The others are empty.
const RESUMED: &str = "n, key, row, line, '', '', body, state, NULL, 0, NULL, NULL, NULL, NULL, NULL, last_at, accepted, lost_at, NULL, NULL, listed_at";

/// A choice of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowSet {
    /// All, in the order of the recipients file.
    All,
    /// Those that are neither sent nor skipped, in the order of the recipients file.
    Unsettled,
    /// The first twenty whose letters Altinn has, which serve as examples.
    Sent,
    /// All, in the order of their first entries, for a run that resumes: key, row, line, body, state, `last_at`, `accepted`, `lost_at` and `listed_at` only.
    Recorded,
}

/// The journal as it was at one instant: a read transaction that stays open.
#[derive(Debug)]
pub(crate) struct Snapshot {
    store: Store,
    pub(crate) header: Header,
    /// Time of the first send.
    pub(crate) began: Timestamp,
    /// The letters of open blocks, in the order of their rows.
    open: Vec<OpenLetter>,
}

impl Snapshot {
    pub(crate) fn run(&self) -> Result<Option<Run>, JournalError> {
        self.store.read(latest_run)
    }

    /// Rows by state; states without rows are left out.
    pub(crate) fn counts(&self) -> Result<BTreeMap<State, u64>, JournalError> {
        let mut counts = BTreeMap::<State, u64>::new();
        self.store.read(|file| {
            // Counted here: SQLite would sort all rows to group them.
            let mut states = file.prepare("SELECT state FROM deliveries")?;
            let mut states = states.query([])?;
            while let Some(row) = states.next()? {
                *counts.entry(row.get(0)?).or_default() += 1;
            }
            Ok(())
        })?;
        // The rows of open blocks still have their earlier states; the letters count as in flight.
        for letter in &self.open {
            if letter.number.is_some() {
                let before = counts.entry(letter.before.state).or_default();
                *before = before.saturating_sub(1);
            }
            *counts.entry(State::InFlight).or_default() += 1;
        }
        counts.retain(|_, count| *count > 0);
        Ok(counts)
    }

    /// Calls `take` with each of these rows. Memory does not grow with their number. Letters of open blocks replace their rows, and are in flight.
    pub(crate) fn each<E: From<JournalError>>(
        &self,
        rows: RowSet,
        mut take: impl FnMut(RowRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        // By `n` too: rows have the same row number after others were inserted in the file.
        let (columns, which) = match rows {
            RowSet::All => (COLUMNS, "ORDER BY row, n"),
            RowSet::Unsettled => (
                COLUMNS,
                "WHERE state NOT IN ('sent', 'already-sent', 'skipped') ORDER BY row, n",
            ),
            RowSet::Sent => (
                COLUMNS,
                "WHERE state IN ('sent', 'already-sent') ORDER BY row, n LIMIT 20",
            ),
            RowSet::Recorded => (RESUMED, "ORDER BY n"),
        };
        let failed = |source| self.store.read_error(source);
        let sql = format!("SELECT {columns} FROM deliveries {which}");
        let mut select = self.store.connection.prepare(&sql).map_err(failed)?;
        let mut found = select.query([]).map_err(failed)?;
        let open = self.open.iter().map(|letter| &letter.record);
        // Also of letters that are not taken themselves: their rows are not either.
        let replaced: HashSet<_> = open.clone().map(|record| record.key).collect();
        // A letter that may be on its way is not known to be at Altinn.
        let mut open = open.filter(|_| rows != RowSet::Sent).peekable();
        while let Some(row) = found.next().map_err(failed)? {
            let (_, record) = line(row).map_err(failed)?;
            if replaced.contains(&record.key) {
                continue;
            }
            while let Some(earlier) = open.next_if(|open| open.row <= record.row) {
                take(earlier.clone())?;
            }
            take(record)?;
        }
        open.try_for_each(|record| take(record.clone()))
    }
}

impl Snapshot {
    /// These rows, all in memory.
    pub(crate) fn rows(&self, rows: RowSet) -> Result<Vec<RowRecord>, JournalError> {
        let mut all = Vec::new();
        let read = self.each(rows, |row| {
            all.push(row);
            Ok(())
        });
        read.map(|()| all)
    }
}

impl Journal {
    /// A consistent view of the journal as it is now. A run that continues does not change it. Has a connection of its own: reading may take minutes.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, JournalError> {
        let store = Store::open_for_reading(self.file())?;
        let mut open = store.read(|file| {
            file.execute_batch("BEGIN")?;
            // SQLite begins the read transaction with the first read, not with `BEGIN`.
            block::read(file)
        })?;
        open.sort_by_key(|letter| letter.record.row);
        Ok(Snapshot {
            header: store.header()?,
            began: store.began()?,
            store,
            open,
        })
    }

    /// The record of one row, as in flight when its letter is in an open block; `None` when there is none.
    pub(crate) fn line(&self, key: Uuid) -> Result<Option<RowRecord>, JournalError> {
        self.reader().read(|file| {
            let open = block::read(file)?;
            if let Some(letter) = open.into_iter().find(|letter| letter.record.key == key) {
                return Ok(Some(letter.record));
            }
            // Not in an open block, so the row has the present state.
            Ok(numbered_record(file, key)?.map(|(_, line)| line))
        })
    }
}
