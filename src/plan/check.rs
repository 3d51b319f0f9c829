//! Pass 1: every row is rendered and checked before anything may leave.

use std::hash::BuildHasher as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;

use super::approval::plan_digest;
use super::column_lint::ColumnLint;
use super::crew::in_order;
use super::fingerprint::Fingerprint;
use super::look::{Batch, CheckedRow};
use super::report_builder::ReportBuilder;
use super::scratch::Scratch;
use super::{Delivery, Digest, Input, Mailing, Planned, PlannedFile};
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::{Row, Rows};

/// What pass 1 found.
#[derive(Debug, Clone)]
pub struct CheckReport {
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

impl CheckReport {
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
    ) -> Result<CheckReport, Problems> {
        let rows = self.open_rows()?;
        let mut report = ReportBuilder::new(std::mem::take(&mut self.found));
        let mut lint = ColumnLint::new(self);
        self.files.begin_count();
        self.look_at(rows, now, &mut |row, read| {
            report.checked.rows += 1;
            match read {
                Ok(looked) => {
                    if self.gather_row(row, looked, &mut report, each) {
                        lint.observe(row);
                    }
                }
                Err(problem) => report.push(problem),
            }
            report.stopped = report.is_full();
            report.stopped
        });
        self.files.end_count(std::mem::take(&mut report.files));
        let file = Place::File(self.rows_file());
        if report.checked.rows == 0 {
            report.push(Problem::error(
                file.clone(),
                "there are no rows: only a header, or nothing at all",
            ));
        }
        self.find_duplicates(&mut report)?;
        self.find_damage(lint, &mut report);
        self.find_unused(&mut report);
        let mut checked = report.finish(file);
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
        take: &mut dyn FnMut(&Row, Result<&mut CheckedRow, Problem>) -> bool,
    ) {
        let fill = |batch: &mut Batch| batch.fill(&mut rows);
        let worker = || {
            let mut scratch = Scratch::default();
            move |batch: &mut Batch| batch.look(self, now, &mut scratch)
        };
        let mut scratch = Scratch::default();
        in_order(self.threads, fill, worker, |batch| {
            for (row, read) in batch.rows() {
                let is_full = match read {
                    Ok(Some(looked)) => take(row, Ok(looked)),
                    Ok(None) => take(row, Ok(&mut self.look(row, now, &mut scratch))),
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
        looked: &mut CheckedRow,
        report: &mut ReportBuilder,
        each: &mut dyn FnMut(&Delivery),
    ) -> bool {
        let checked = &mut report.checked;
        checked.fingerprints.push(looked.print);
        match &looked.planned {
            Planned::Delivery(delivery) => {
                if checked.letters == 0 {
                    checked.shared = delivery.uploads().cloned().collect();
                }
                checked.letters += 1;
                for file in &delivery.files {
                    report.files.count(file);
                }
                let recipient = report.hashing.hash_one(&delivery.recipient);
                report.recipients.push(recipient);
                report.extend(looked.person.take());
                if self.is_whole {
                    let findings = std::mem::take(&mut looked.findings);
                    self.gather_findings(findings, row, report);
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
                report.extend(new);
            }
        }
        !matches!(looked.planned, Planned::Skipped(_))
    }
}
