//! What a row comes to by itself, whatever stands in the others: many threads find it out at a time, some rows each.

use std::iter;

use jiff::Timestamp;

use super::crew::Load;
use super::findings::PlacedFinding;
use super::fingerprint::Fingerprint;
use super::scratch::Scratch;
use super::{Mailing, Planned};
use crate::diagnostic::Problem;
use crate::recipients::{Row, Rows};

/// So many rows are looked at in one go, at most.
const ROWS: usize = 64;
/// So many bytes of rows or of letters are enough to be looked at in one go.
const BYTES: usize = 256 << 10;

/// A row that has been looked at.
pub(super) struct CheckedRow {
    pub(super) planned: Planned,
    pub(super) print: Fingerprint,
    /// What is wrong with its recipient.
    pub(super) person: Option<Problem>,
    /// What is wrong with its letter.
    pub(super) findings: Vec<PlacedFinding>,
}

/// Rows that are looked at in one go.
pub(super) struct Batch {
    /// At least as many as were read; the others are there for their memory.
    rows: Vec<Row>,
    read: Vec<Result<(), Problem>>,
    /// Of the first rows, those that could be read. The others have to wait: letters are long.
    looked: Vec<Option<CheckedRow>>,
    /// How many rows are read, going by how long the letters are.
    room: usize,
}

impl Mailing {
    /// Looks at one row; `now` is what dates are compared with.
    pub(super) fn look(&self, row: &Row, now: Timestamp, scratch: &mut Scratch) -> CheckedRow {
        let mut planned = self.plan_row(row, scratch);
        let (mut person, mut findings) = (None, Vec::new());
        if let Planned::Delivery(delivery) = &mut planned {
            person = self.check_person(delivery);
            // Of a letter that is not whole nothing more is known than to whom it goes.
            if self.is_whole {
                findings = self.check_delivery(delivery, now, &scratch.attached);
            }
        }
        CheckedRow {
            print: Fingerprint::from_planned(&planned),
            planned,
            person,
            findings,
        }
    }
}

impl Batch {
    /// Reads rows, as many as go in; whether there were any.
    pub(super) fn fill(&mut self, from: &mut Rows) -> bool {
        let mut bytes = 0;
        while self.read.len() < self.room && bytes < BYTES {
            let at = self.read.len();
            if at == self.rows.len() {
                self.rows.push(Row::default());
            }
            let Some(row) = self.rows.get_mut(at) else {
                break;
            };
            let Some(read) = from.read(row) else {
                break;
            };
            bytes += row.size();
            self.read.push(read);
        }
        !self.read.is_empty()
    }

    /// Looks at the rows until there are enough letters.
    pub(super) fn look(&mut self, mailing: &Mailing, now: Timestamp, scratch: &mut Scratch) {
        let mut bytes = 0;
        for (row, read) in self.rows.iter().zip(&self.read) {
            if bytes >= BYTES {
                break;
            }
            self.looked.push(read.is_ok().then(|| {
                let looked = mailing.look(row, now, scratch);
                bytes += scratch.json.len();
                looked
            }));
        }
        let each = bytes / self.looked.len().max(1);
        self.room = (BYTES / each.max(1)).clamp(1, ROWS);
    }

    /// The rows in order, each with what is wrong with reading it, or with what it came to if there was room for it.
    pub(super) fn rows(
        &mut self,
    ) -> impl Iterator<Item = (&Row, Result<Option<&mut CheckedRow>, Problem>)> {
        let looked = self.looked.iter_mut().map(Option::as_mut);
        let looked = looked.chain(iter::repeat_with(|| None));
        let rows = self.rows.iter().zip(self.read.drain(..)).zip(looked);
        rows.map(|((row, read), looked)| (row, read.map(|()| looked)))
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            read: Vec::new(),
            looked: Vec::new(),
            // Nothing is known yet of how long they are.
            room: 1,
        }
    }
}

impl Load for Batch {
    fn clear(&mut self) {
        self.read.clear();
        self.looked.clear();
    }
}
