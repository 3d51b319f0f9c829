//! The check report while the rows are being checked.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use jiff::Timestamp;

use super::checked_rows::CheckedRow;
use super::findings::{LetterFinding, is_of_own_text, place_in_manifest};
use super::inputs::{inputs, parts, plan_digest};
use super::problems::CappedProblems;
use super::{CheckReport, Delivery, Mailing, Planned};
use crate::diagnostic::{Code, Place, Problem, Problems};
use crate::recipients::Row;

/// What distinguishes one kind of finding from another: code, member, the file that rows choose for it, and message.
type Kind = (Option<Code>, String, Option<String>, String);

/// The report while the rows are being checked, in row order.
pub(super) struct ReportBuilder<'a> {
    mailing: &'a Mailing,
    /// What dates are compared with.
    now: Timestamp,
    pub(super) checked: CheckReport,
    /// 8 bytes of every recipient who gets a letter: enough to count those who get several.
    pub(super) recipients: Vec<u64>,
    /// Heads of the keys that a spreadsheet may have made of letters' keys.
    pub(super) loose_keys: Vec<u64>,
    /// Where templates show columns, as it is told.
    pub(super) shown_at: HashMap<(String, usize, usize, usize), String>,
    hashing: RandomState,
    /// Findings that are the same for all rows: where in `problems` each one is.
    constant: HashMap<Kind, usize>,
    /// For each kind of finding that columns feed: true when the manifest's own text is the cause.
    of_own_text: HashMap<Kind, bool>,
    /// True when the check ended before the last row.
    pub(super) stopped: bool,
    pub(super) problems: CappedProblems,
}

impl<'a> ReportBuilder<'a> {
    /// `found` is what is known before any row has been read.
    pub(super) fn new(mailing: &'a Mailing, found: Problems, now: Timestamp) -> Self {
        let mut builder = Self {
            mailing,
            now,
            checked: CheckReport::default(),
            recipients: Vec::new(),
            loose_keys: Vec::new(),
            shown_at: HashMap::new(),
            hashing: RandomState::new(),
            constant: HashMap::new(),
            of_own_text: HashMap::new(),
            stopped: false,
            problems: CappedProblems::default(),
        };
        builder.extend(found);
        builder
    }

    /// Adds one row. Every letter is shown to `each`. Gives true when it is meant to get a letter.
    pub(super) fn add_row(
        &mut self,
        row: &Row,
        checked: CheckedRow,
        each: &mut dyn FnMut(&Delivery),
    ) -> bool {
        let report = &mut self.checked;
        report.fingerprints.push(checked.fingerprint);
        match checked.planned {
            Planned::Delivery(delivery) => {
                if report.letters == 0 {
                    report.shared = delivery.uploads().cloned().collect();
                }
                report.letters += 1;
                report.add_due(delivery.request.correspondence.due_date_time);
                for file in &delivery.files {
                    report.files.count(file);
                }
                let recipient = self.hashing.hash_one(&delivery.recipient);
                self.recipients.push(recipient);
                self.extend(checked.person);
                self.loose_keys.extend(checked.loose_key);
                let mailing = self.mailing;
                mailing.gather_blanks(row, &checked.blanks, self);
                if self.mailing.is_whole {
                    self.add_findings(checked.findings, row, &delivery);
                    self.extend(checked.values);
                    each(&delivery);
                }
                true
            }
            Planned::Skipped(_) => {
                report.skipped += 1;
                false
            }
            // In pass 1 no row is left out.
            Planned::LeftOut => true,
            Planned::Invalid(problems) => {
                for problem in problems {
                    // What is wrong with a constant part is wrong for every row, and said once.
                    let is_constant = !matches!(problem.place, Place::Row { .. });
                    if !is_constant || self.problems.all.iter().all(|known| *known != problem) {
                        self.push(problem);
                    }
                }
                true
            }
        }
    }

    /// Adds what is wrong with a letter: what is the same for all rows once, at its place in the manifest; the rest at its row.
    pub(super) fn add_findings(
        &mut self,
        findings: Vec<LetterFinding>,
        row: &Row,
        delivery: &Delivery,
    ) {
        for found in findings {
            let kind = (
                found.finding.code,
                found.pointer.clone(),
                found.file.clone(),
                found.finding.message.clone(),
            );
            if !found.columns.is_empty() && !self.is_of_own_text(&kind, &found, delivery) {
                let LetterFinding {
                    finding,
                    precedence,
                    columns,
                    ..
                } = found;
                let place = Place::Row {
                    file: self.mailing.rows_file(),
                    row: Some(row.number),
                    line: row.line,
                    columns,
                };
                self.push(finding.into_problem(place, precedence));
                continue;
            }
            let next = self.problems.all.len();
            let index = *self.constant.entry(kind).or_insert(next);
            if index == next {
                let place = place_in_manifest(self.mailing, &found);
                self.push(found.finding.into_problem(place, found.precedence));
            } else if let Some(said) = self.problems.all.get_mut(index) {
                said.precedence = said.precedence.min(found.precedence);
            }
        }
    }

    fn is_of_own_text(&mut self, kind: &Kind, found: &LetterFinding, delivery: &Delivery) -> bool {
        if let Some(known) = self.of_own_text.get(kind) {
            return *known;
        }
        let is_of_own_text = is_of_own_text(self.mailing, delivery, found, self.now);
        self.of_own_text.insert(kind.clone(), is_of_own_text);
        is_of_own_text
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn into_problems(self) -> Problems {
        self.problems.all
    }

    /// Completes the report with what is known only after the last row.
    pub(super) fn finish(mut self) -> Result<CheckReport, Problems> {
        let mailing = self.mailing;
        self.checked.files = std::mem::take(&mut self.checked.files).finish();
        // The threads are ahead of the row where the check stopped: which templates they have read by then is chance.
        if !self.stopped {
            let parts = parts(mailing, self.checked.files.digest())?;
            self.checked.plan = plan_digest(&parts);
            self.checked.inputs = inputs(mailing, &parts, &self.checked.shared);
            let uses_now = mailing.templates.uses_now();
            self.checked.now = uses_now.then_some(mailing.options.began);
        }
        let problems = self.problems.finish(&Place::File(mailing.rows_file()));
        Ok(CheckReport {
            problems,
            ..self.checked
        })
    }
}

impl Extend<Problem> for ReportBuilder<'_> {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}
