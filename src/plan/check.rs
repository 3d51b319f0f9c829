//! Pass 1: every row is rendered and checked before anything may leave.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::{Delivery, Digest, Mailing, Planned, PlannedFile};
use crate::diagnostic::{Code, Place, Problem, Problems};
use crate::recipients::Row;

/// After so many problems the check stops looking: the manifest is wrong, not the rows.
pub const PROBLEM_LIMIT: usize = 10_000;

/// What pass 1 found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Everything that is wrong or worth knowing.
    pub problems: Problems,
    /// Rows in the file, valid or not.
    pub rows: u64,
    /// Rows that become letters.
    pub letters: u64,
    /// Rows that get no letter, on purpose.
    pub skipped: u64,
    /// The digest over everything the mailing is made of: who approves it approves exactly this.
    pub plan: Digest,
    /// Files that are the same for every row, to be uploaded once.
    pub shared: Vec<Arc<PlannedFile>>,
    /// Per row, in order: the heads of its key and of its letter's digest. 16 bytes a row.
    pub(super) fingerprints: Vec<Fingerprint>,
}

/// How the rows of now and the rows on record fit together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Letters that Altinn has, or may have, with another content than they have now.
    pub changed: u64,
    /// Rows on record that are not in the file any more.
    pub gone: u64,
}

impl Checked {
    /// Compares the rows with those on record: each a key and, where Altinn has or may have the letter, the head of its content's digest.
    pub fn compare(&self, recorded: impl Iterator<Item = (uuid::Uuid, Option<u64>)>) -> Compared {
        let mut recorded: HashMap<u64, Option<u64>> = recorded
            .map(|(key, letter)| (key.as_u64_pair().0, letter))
            .collect();
        let mut compared = Compared::default();
        for print in &self.fingerprints {
            if let Some(Some(letter)) = recorded.remove(&print.key) {
                compared.changed += u64::from(print.is_letter() && letter != print.letter);
            }
        }
        compared.gone = recorded.len() as u64;
        compared
    }
}

/// What pass 1 gathers on its way.
pub(super) struct Gathering {
    pub(super) checked: Checked,
    recipients: Vec<u64>,
    /// What has been said already of parts that are the same for all rows.
    pub(super) constant: HashSet<(Code, String, String)>,
}

impl Mailing {
    /// Renders and checks every row; `now` is what dates are compared with. Every letter is shown to `each`, in row order.
    pub fn check(
        &mut self,
        now: Timestamp,
        each: &mut dyn FnMut(&Delivery),
    ) -> Result<Checked, Problems> {
        let mut rows = self.open_rows()?;
        let mut gathering = Gathering::new();
        let mut row = Row::default();
        while let Some(read) = rows.read(&mut row) {
            gathering.checked.rows += 1;
            match read {
                Ok(()) => self.check_row(&row, now, &mut gathering, each),
                Err(problem) => gathering.checked.problems.push(problem),
            }
            if gathering.checked.problems.len() >= PROBLEM_LIMIT {
                let place = Place::File(self.rows_file());
                let message = format!("stopped looking after {PROBLEM_LIMIT} problems");
                gathering
                    .checked
                    .problems
                    .push(Problem::error(place, message));
                break;
            }
        }
        let Gathering {
            mut checked,
            recipients,
            ..
        } = gathering;
        checked
            .problems
            .extend(self.loaded.warnings.iter().cloned());
        if checked.rows == 0 {
            let place = Place::File(self.rows_file());
            checked.problems.push(Problem::error(
                place,
                "there are no rows: only a header, or nothing at all",
            ));
        }
        self.find_duplicates(&mut checked, recipients)?;
        checked.plan = self.plan_digest()?;
        Ok(checked)
    }

    fn check_row(
        &mut self,
        row: &Row,
        now: Timestamp,
        gathering: &mut Gathering,
        each: &mut dyn FnMut(&Delivery),
    ) {
        let planned = self.plan_row(row);
        let checked = &mut gathering.checked;
        match &planned {
            Planned::Delivery(delivery) => {
                if checked.letters == 0 {
                    checked.shared = self.shared_files(delivery);
                }
                checked.letters += 1;
                gathering
                    .recipients
                    .push(Digest::of(delivery.recipient.urn().as_bytes()).short());
                self.check_delivery(delivery, now, gathering);
                each(delivery);
            }
            Planned::Skipped(_) => checked.skipped += 1,
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
                checked.problems.extend(new);
            }
        }
        gathering
            .checked
            .fingerprints
            .push(Fingerprint::of(&planned));
    }

    fn shared_files(&self, delivery: &Delivery) -> Vec<Arc<PlannedFile>> {
        let shared = self
            .letter
            .attachments
            .iter()
            .map(super::mailing::AttachmentPlan::is_shared);
        delivery
            .files
            .iter()
            .zip(shared)
            .filter(|(_, shared)| *shared)
            .map(|(file, _)| Arc::clone(file))
            .collect()
    }
}

impl Gathering {
    fn new() -> Self {
        let checked = Checked {
            problems: Problems::new(),
            rows: 0,
            letters: 0,
            skipped: 0,
            plan: Digest::of(&[]),
            shared: Vec::new(),
            fingerprints: Vec::new(),
        };
        Self {
            checked,
            recipients: Vec::new(),
            constant: HashSet::new(),
        }
    }
}
