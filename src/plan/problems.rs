//! The problems of all rows, up to a limit.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Place, Problem, Problems, Severity};

/// The number of errors after which the check stops, because then the manifest is wrong and not the rows; also the most warnings of one kind that are kept.
pub(crate) const PROBLEM_LIMIT: usize = 10_000;

/// The kind of a problem, whatever row it is in.
type Kind = (Severity, Option<Code>, String);

/// All errors, and of each kind of warning the first [`PROBLEM_LIMIT`].
#[derive(Default)]
pub(super) struct CappedProblems {
    pub(super) all: Problems,
    errors: usize,
    warnings: BTreeMap<Kind, usize>,
}

impl CappedProblems {
    /// Adds a problem. Warnings past the limit are only counted: they stop nothing, and must not fill the memory either.
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
        self.all.push(problem);
    }

    pub(super) fn is_full(&self) -> bool {
        self.errors >= PROBLEM_LIMIT
    }

    /// Returns the problems, with a note at `file` about those that were not kept.
    pub(super) fn finish(mut self, file: &Place) -> Problems {
        for ((_, code, message), count) in self.warnings {
            if count > PROBLEM_LIMIT {
                let more = count - PROBLEM_LIMIT;
                let message = format!("{message}: {more} more times");
                let problem = Problem::warning(file.clone(), message);
                self.all.push(Problem { code, ..problem });
            }
        }
        if self.errors >= PROBLEM_LIMIT {
            let message = format!("stopped looking after {PROBLEM_LIMIT} errors");
            self.all.push(Problem::error(file.clone(), message));
        }
        self.all
    }
}

/// The value of a result; `None` after problems, which are added to `found`, so that the work goes on and finds further ones.
pub(super) fn unless_wrong<T, P>(result: Result<T, Vec<P>>, found: &mut Vec<P>) -> Option<T> {
    result.map_err(|wrong| found.extend(wrong)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Place {
        Place::File("rows.csv".into())
    }

    #[test]
    fn warnings_without_end_are_counted_and_stop_nothing() {
        let mut problems = CappedProblems::default();
        for _ in 0..PROBLEM_LIMIT + 7 {
            problems.push(Problem::warning(file(), "odd"));
        }
        problems.push(Problem::warning(file(), "rare"));
        assert!(!problems.is_full());
        let problems = problems.finish(&file());
        assert!(problems.iter().all(|problem| !problem.is_error()));
        assert_eq!(problems.len(), PROBLEM_LIMIT + 2);
        let last = problems.iter().last().unwrap();
        assert_eq!(last.message, "odd: 7 more times");
    }

    #[test]
    fn errors_without_end_are_an_end() {
        let mut problems = CappedProblems::default();
        for count in 1..=PROBLEM_LIMIT {
            problems.push(Problem::error(file(), "wrong"));
            assert_eq!(problems.is_full(), count == PROBLEM_LIMIT);
        }
        let problems = problems.finish(&file());
        let last = problems.iter().last().unwrap();
        assert_eq!(last.message, "stopped looking after 10000 errors");
    }
}
