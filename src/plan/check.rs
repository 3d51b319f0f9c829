//! Pass 1: every row is rendered and checked before anything may leave.

use std::hash::BuildHasher as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;

use super::approval::plan_digest;
use super::crew::in_order;
use super::desk::Desk;
use super::fingerprint::Fingerprint;
use super::gathering::Gathering;
use super::look::{Looked, Rowful};
use super::watch::Watch;
use super::{Delivery, Digest, Input, Mailing, Planned, PlannedFile};
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::{Row, Rows};

/// What pass 1 found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Everything that is wrong or worth knowing.
    pub problems: Problems,
    /// Rows to be accounted for: those in the file, valid or not; of proofs, those that are proven.
    pub rows: u64,
    /// Rows that become letters.
    pub letters: u64,
    /// Rows that get no letter, on purpose.
    pub skipped: u64,
    /// The digest over everything the mailing is made of: who approves it approves exactly this.
    pub plan: Digest,
    /// What `now()` was, when a template asked for it.
    pub now: Option<Timestamp>,
    /// The same part by part.
    pub inputs: Vec<Input>,
    /// Files that the first letter shares with others, to be uploaded before it.
    pub shared: Vec<Arc<PlannedFile>>,
    /// Per row, in order: the heads of its key and of its letter's digest. 16 bytes a row.
    pub(super) fingerprints: Vec<Fingerprint>,
}

impl Checked {
    /// Whether a file is the same for every row.
    pub fn is_shared(&self, file: &PlannedFile) -> bool {
        self.shared
            .iter()
            .any(|shared| shared.identity == file.identity)
    }

    /// The letters, each as the heads of its key and of its content's digest, in row order.
    pub fn letter_heads(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.fingerprints
            .iter()
            .filter(|print| print.is_letter())
            .map(|print| (print.key, print.letter))
    }

    /// Rows that share their key with another row, all but one of each key. They are skipped ones: letters that share a key are refused.
    pub fn shared_keys(&self) -> u64 {
        if self.skipped == 0 {
            return 0;
        }
        let mut keys: Vec<u64> = self.fingerprints.iter().map(|print| print.key).collect();
        keys.sort_unstable();
        keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
    }
}

impl Mailing {
    /// Renders and checks every row, on all processors; `now` is what dates are compared with. Every letter is shown to `each` on this thread, in row order.
    pub fn check(
        &mut self,
        now: Timestamp,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Checked, Problems> {
        let rows = self.open_rows()?;
        let mut gathering = Gathering::new(std::mem::take(&mut self.found));
        let mut watch = Watch::new(self);
        self.files.begin_count();
        self.look_at(rows, now, &mut |row, read| {
            gathering.checked.rows += 1;
            match read {
                Ok(looked) => {
                    if self.gather_row(row, looked, &mut gathering, each) {
                        watch.look(row);
                    }
                }
                Err(problem) => gathering.push(problem),
            }
            gathering.stopped = gathering.is_full();
            gathering.stopped
        });
        self.files.end_count(std::mem::take(&mut gathering.files));
        let file = Place::File(self.rows_file());
        if gathering.checked.rows == 0 {
            gathering.push(Problem::error(
                file.clone(),
                "there are no rows: only a header, or nothing at all",
            ));
        }
        self.find_duplicates(&mut gathering)?;
        self.find_damage(watch, &mut gathering);
        self.find_unused(&mut gathering);
        let mut checked = gathering.finish(file);
        let parts = self.parts()?;
        checked.plan = plan_digest(&parts);
        checked.inputs = self.inputs(&parts, &checked.shared);
        checked.now = self.templates.uses_now().then_some(self.setting.began);
        Ok(checked)
    }

    /// Has the rows looked at by all threads, and shows each with what it came to to `take`, in row order, until it is full.
    fn look_at(
        &self,
        mut rows: Rows,
        now: Timestamp,
        take: &mut dyn FnMut(&Row, Result<&mut Looked, Problem>) -> bool,
    ) {
        let fill = |rowful: &mut Rowful| rowful.fill(&mut rows);
        let worker = || {
            let mut desk = Desk::default();
            move |rowful: &mut Rowful| rowful.look(self, now, &mut desk)
        };
        let mut desk = Desk::default();
        in_order(self.threads, fill, worker, |rowful| {
            for (row, read) in rowful.rows() {
                let is_full = match read {
                    Ok(Some(looked)) => take(row, Ok(looked)),
                    Ok(None) => take(row, Ok(&mut self.look(row, now, &mut desk))),
                    Err(problem) => take(row, Err(problem)),
                };
                if is_full {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
    }

    /// Counts one row in; whether it is to get a letter.
    fn gather_row(
        &self,
        row: &Row,
        looked: &mut Looked,
        gathering: &mut Gathering,
        each: &mut dyn FnMut(&Delivery),
    ) -> bool {
        let checked = &mut gathering.checked;
        checked.fingerprints.push(looked.print);
        match &looked.planned {
            Planned::Delivery(delivery) => {
                if checked.letters == 0 {
                    checked.shared = delivery.uploads().cloned().collect();
                }
                checked.letters += 1;
                for file in &delivery.files {
                    gathering.files.count(file);
                }
                let recipient = gathering.hashing.hash_one(&delivery.recipient);
                gathering.recipients.push(recipient);
                gathering.extend(looked.person.take());
                if self.is_whole {
                    let remarks = std::mem::take(&mut looked.remarks);
                    self.gather_remarks(remarks, row, gathering);
                    each(delivery);
                }
            }
            Planned::Skipped(_) => checked.skipped += 1,
            // Here every row is asked for.
            Planned::LeftOut => {}
            Planned::Invalid(problems) => {
                // What is wrong with a constant part is wrong for every row, and said once.
                let known = |problem: &Problem| {
                    matches!(problem.place, Place::Source { .. })
                        && checked.problems.iter().any(|other| other == problem)
                };
                let new: Vec<_> = problems
                    .iter()
                    .filter(|problem| !known(problem))
                    .cloned()
                    .collect();
                gathering.extend(new);
            }
        }
        !matches!(looked.planned, Planned::Skipped(_))
    }
}
