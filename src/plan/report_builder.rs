//! What pass 1 gathers on its way: all errors, and enough of the warnings.

use std::collections::HashMap;
use std::hash::RandomState;

use super::files::Seen;
use super::{CheckReport, Digest};
use crate::diagnostic::{Code, Place, Problem, Problems, Severity};

/// After so many errors the check stops looking: the manifest is wrong, not the rows. So many warnings of a kind are told one by one.
pub const PROBLEM_LIMIT: usize = 10_000;

/// What tells one kind of problem from another, whatever row it is in.
type Kind = (Severity, Option<Code>, String);

/// What pass 1 has found so far.
pub(super) struct ReportBuilder {
    pub(super) checked: CheckReport,
    /// Those who get letters: 8 bytes of each are enough to count those who are there twice.
    pub(super) recipients: Vec<u64>,
    pub(super) hashing: RandomState,
    /// What has been said already of parts that are the same for all rows, and where in `problems` it stands.
    pub(super) constant: HashMap<(Code, String, String), usize>,
    /// The files of its letters.
    pub(super) files: Seen,
    /// Whether the check stopped before the last row.
    pub(super) stopped: bool,
    errors: usize,
    /// How many warnings there are of each kind.
    warnings: HashMap<Kind, usize>,
}

impl ReportBuilder {
    /// With what was found before any row was read.
    pub(super) fn new(found: Problems) -> Self {
        let checked = CheckReport {
            problems: Problems::new(),
            rows: 0,
            letters: 0,
            skipped: 0,
            plan: Digest::sha256(&[]),
            now: None,
            inputs: Vec::new(),
            shared: Vec::new(),
            fingerprints: Vec::new(),
        };
        let mut report = Self {
            checked,
            recipients: Vec::new(),
            hashing: RandomState::new(),
            constant: HashMap::new(),
            files: Seen::default(),
            stopped: false,
            errors: 0,
            warnings: HashMap::new(),
        };
        report.extend(found);
        report
    }

    /// One more problem. A warning that many rows share is only counted in the end: it stops nothing, and must not fill the memory either.
    pub(super) fn push(&mut self, problem: Problem) {
        if problem.is_error() {
            self.errors += 1;
        } else {
            let kind = (problem.severity, problem.code, problem.message.clone());
            let count = self.warnings.entry(kind).or_default();
            *count += 1;
            if *count > PROBLEM_LIMIT {
                return;
            }
        }
        self.checked.problems.push(problem);
    }

    /// Whether there are more errors than anybody reads.
    pub(super) fn is_full(&self) -> bool {
        self.errors >= PROBLEM_LIMIT
    }

    /// All that was found; `file` is where the rows are.
    pub(super) fn finish(mut self, file: Place) -> CheckReport {
        let problems = &mut self.checked.problems;
        for ((_, code, message), count) in self.warnings {
            if count > PROBLEM_LIMIT {
                let more = count - PROBLEM_LIMIT;
                let problem =
                    Problem::warning(file.clone(), format!("{message}: {more} more times"));
                problems.push(Problem { code, ..problem });
            }
        }
        if self.errors >= PROBLEM_LIMIT {
            let message = format!("stopped looking after {PROBLEM_LIMIT} errors");
            problems.push(Problem::error(file, message));
        }
        self.checked
    }
}

impl Extend<Problem> for ReportBuilder {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Place {
        Place::File("rows.csv".into())
    }

    #[test]
    fn warnings_without_end_are_counted_and_stop_nothing() {
        let mut report = ReportBuilder::new(Problems::new());
        report.extend((0..PROBLEM_LIMIT + 7).map(|_| Problem::warning(file(), "odd")));
        report.push(Problem::warning(file(), "rare"));
        assert!(!report.is_full());
        let problems = report.finish(file()).problems;
        assert!(!problems.has_errors());
        assert_eq!(problems.len(), PROBLEM_LIMIT + 2);
        let last = problems.iter().last().unwrap();
        assert_eq!(last.message, "odd: 7 more times");
    }

    #[test]
    fn errors_without_end_are_an_end() {
        let error = || Problem::error(file(), "wrong");
        let mut report = ReportBuilder::new((1..PROBLEM_LIMIT).map(|_| error()).collect());
        assert!(!report.is_full());
        report.push(error());
        assert!(report.is_full());
        let problems = report.finish(file()).problems;
        let last = problems.iter().last().unwrap();
        assert_eq!(last.message, "stopped looking after 10000 errors");
    }
}
