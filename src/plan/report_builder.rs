//! The builder of the check report: collects the rows in order and reports what is the same for all of them once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::checked_rows::CheckedRow;
use super::findings::{LetterFinding, is_of_own_text, place_in_manifest};
use super::inputs::{inputs, parts, plan_digest};
use super::mailing::place_in_template;
use super::problems::CappedProblems;
use super::{CheckReport, Delivery, Mailing, Planned};
use crate::correspondence::Recipient;
use crate::diagnostic::{Code, Place, Problem, Problems};
use crate::recipients::Row;
use crate::template::{ShownColumn, column_expression};

/// The most places in templates that one warning of an empty cell names.
const PLACES: usize = 3;

/// The kind of a finding: code, member, the file that rows choose for it, and message.
type Kind = (Option<Code>, String, Option<String>, String);

pub(super) struct ReportBuilder<'a> {
    mailing: &'a Mailing,
    /// The time that dates are compared with.
    now: Timestamp,
    pub(super) checked: CheckReport,
    /// A hash of 8 bytes of every recipient who gets a letter: enough to count those who get several, in little memory.
    pub(super) recipients: Vec<u64>,
    /// A hash of 8 bytes of each letter's file with the letter's row, by entry of the manifest's list; `None` for entries that cannot have one file for two persons by mistake.
    pub(super) own_files: Vec<Option<Vec<(u64, u64)>>>,
    /// The first 8 bytes of the keys that letters would have after a spreadsheet changed their row keys.
    pub(super) loose_keys: Vec<u64>,
    /// The places where templates show columns, as text, by pointer, file and offset.
    shown_at: HashMap<(String, PathBuf, usize), String>,
    pub(super) hashing: RandomState,
    /// The index in `problems` of each finding that is the same for all rows.
    constant: HashMap<Kind, usize>,
    /// For each kind of finding that depends on columns: true when the manifest's own text is the cause. Finding out takes a check of the whole letter.
    of_own_text: HashMap<Kind, bool>,
    pub(super) stopped: bool,
    pub(super) problems: CappedProblems,
}

impl<'a> ReportBuilder<'a> {
    /// Begins a report with `found`, the problems known before any row is read.
    pub(super) fn new(mailing: &'a Mailing, found: Problems, now: Timestamp) -> Self {
        let mut builder = Self {
            mailing,
            now,
            checked: CheckReport::default(),
            recipients: Vec::new(),
            own_files: own_files(mailing),
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

    /// Adds one row and passes its letter to `each`. Returns true unless the row is skipped on purpose.
    pub(super) fn add_row(
        &mut self,
        row: &Row,
        checked: &mut CheckedRow,
        each: &mut dyn FnMut(&Delivery),
    ) -> bool {
        let report = &mut self.checked;
        report.fingerprints.push(checked.fingerprint);
        match &mut checked.planned {
            Planned::Delivery(delivery) => {
                // Pass 1 encloses every file that can differ between rows, unless it is too large for a form: the others are shared.
                if report.letters == 0 {
                    report.shared = delivery.uploads().cloned().collect();
                }
                report.letters += 1;
                report.add_due(delivery.request.correspondence.due_date_time);
                for (file, entry) in delivery.files.iter().zip(&checked.attached) {
                    report.files.count(file);
                    if let Some(Some(names)) = self.own_files.get_mut(*entry) {
                        names.push((self.hashing.hash_one(&file.file.path), row.number));
                    }
                }
                let recipient = self.recipient_hash(&delivery.recipient);
                self.recipients.push(recipient);
                self.extend(checked.person.take());
                self.loose_keys.extend(checked.loose_key);
                self.add_blanks(row, &checked.blanks);
                if self.mailing.is_whole {
                    self.add_findings(std::mem::take(&mut checked.findings), row, delivery);
                    self.extend(std::mem::take(&mut checked.values));
                    each(delivery);
                }
                true
            }
            Planned::Skipped(_) => {
                report.skipped += 1;
                false
            }
            // Rows are left out in pass 2 only.
            Planned::LeftOut => true,
            Planned::Invalid(problems) => {
                for problem in std::mem::take(problems) {
                    // A problem with a place in the manifest is the same for every row, and is reported once.
                    let is_constant = !matches!(problem.place, Place::Row { .. });
                    if !is_constant || self.problems.all.iter().all(|known| *known != problem) {
                        self.push(problem);
                    }
                }
                true
            }
        }
    }

    /// Warns of the columns that a row's letter shows although they are empty (`Hei ,`), unless that is allowed.
    fn add_blanks(&mut self, row: &Row, blanks: &[Arc<ShownColumn>]) {
        let mailing = self.mailing;
        let is_allowed = |shown: &ShownColumn| mailing.allow_empty.contains(&shown.column);
        let mut by_column: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        // A template may show one column in many places: one warning for each column of the row.
        for shown in blanks.iter().filter(|shown| !is_allowed(shown)) {
            let file = shown.source.path().to_owned();
            let place = (shown.pointer.clone(), file, shown.span.start);
            // The text of a place needs a search through the source, and millions of rows share a few places.
            let place = self.shown_at.entry(place).or_insert_with(|| {
                place_in_template(&mailing.loaded, &shown.pointer, &shown.source, &shown.span)
                    .to_string()
            });
            let places = by_column.entry(shown.column).or_default();
            if places.len() < PLACES && !places.contains(place) {
                places.push(place.clone());
            }
        }
        for (column, places) in by_column {
            let header = &mailing.headers()[column];
            let place = mailing.row_place(row.number, row.line, [header]);
            let expression = column_expression(header);
            self.push(
                Problem::warning(place, format!("`{header}` is empty, and the letter shows it"))
                    .with_cause(format!("shown by {}", places.join(", ")))
                    .with_hint(format!(
                        "fill the cell in, ask first (`{{% if {expression} %}}\u{2026}{{% endif %}}`), or say that it may be so: `allowEmpty: [{header}]` under `recipients`"
                    )),
            );
        }
    }

    /// Adds the findings of a letter: those that are the same for all rows once, at their place in the manifest; the others at the row.
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
                let mailing = self.mailing;
                let place = mailing.row_place(row.number, row.line, found.columns);
                self.push(found.finding.at(place));
                continue;
            }
            // `next` is the index that the problem will get; any other index is that of an equal one before.
            let next = self.problems.all.len();
            let index = *self.constant.entry(kind).or_insert(next);
            if index == next {
                let place = place_in_manifest(self.mailing, &found);
                self.push(found.finding.at(place));
            } else if let Some(reported) = self.problems.all.get_mut(index) {
                // Rows may differ in this; the smallest stands for all of them.
                reported.precedence = reported.precedence.min(found.finding.precedence);
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

    /// A keyed hash: its values say nothing about recipients outside of this process. What slips add to an address makes no other recipient.
    pub(super) fn recipient_hash(&self, recipient: &Recipient) -> u64 {
        let probably = recipient.probably();
        self.hashing
            .hash_one(probably.as_ref().unwrap_or(recipient))
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn finish(mut self) -> Result<CheckReport, Problems> {
        let mailing = self.mailing;
        self.checked.files = std::mem::take(&mut self.checked.files).finish();
        // A check that stopped has no plan: other threads are ahead of the row where it did, so that the set of template files read by then is chance.
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

/// No hashes for each entry whose file is named by the row; `None` where it is the same for all rows, or named by what identifies the row, which is checked itself.
fn own_files(mailing: &Mailing) -> Vec<Option<Vec<(u64, u64)>>> {
    let mut identifying = mailing.letter.recipient.columns();
    identifying.extend(mailing.key_column());
    let plans = mailing.letter.attachments.iter();
    let counted = plans.map(|plan| {
        let columns = plan.file.columns();
        let is_unique = columns.iter().any(|column| identifying.contains(column));
        (!columns.is_empty() && !is_unique).then(Vec::new)
    });
    counted.collect()
}

impl Extend<Problem> for ReportBuilder<'_> {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}
