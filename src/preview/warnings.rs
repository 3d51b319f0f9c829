//! The warnings of a check, grouped by row and by kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Place, Problem, Problems, Severity};

/// The number of sample letters for each kind of warning.
const EXAMPLES: usize = 2;

/// The largest number of sample letters because of warnings.
const MOST: usize = 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct RowWarnings {
    rows: BTreeMap<u64, Vec<String>>,
    /// Each warning with the number of rows that have it; 0 for one about the mailing as a whole.
    kinds: Vec<(String, u64)>,
    examples: BTreeSet<u64>,
}

impl RowWarnings {
    pub(crate) fn from_problems(problems: &Problems) -> Self {
        let mut warnings = Self::default();
        for problem in problems {
            if problem.severity == Severity::Warning {
                warnings.add(problem);
            }
        }
        warnings
    }

    fn add(&mut self, problem: &Problem) {
        let message = in_words(problem);
        let Place::Row { row: Some(row), .. } = problem.place else {
            self.kinds.push((message, 0));
            return;
        };
        // A row may have the same warning more than once, in two contacts for instance.
        let again = self.rows.get(&row).is_some_and(|said| {
            said.iter()
                .any(|said| said == &message || said.starts_with(&format!("{message}: ")))
        });
        let known = self
            .kinds
            .iter_mut()
            .find(|(known, rows)| *rows > 0 && *known == message);
        let rows = if let Some((_, rows)) = known {
            *rows += u64::from(!again);
            *rows
        } else {
            self.kinds.push((message.clone(), 1));
            1
        };
        if rows <= EXAMPLES as u64 && self.examples.len() < MOST {
            self.examples.insert(row);
        }
        let text = match &problem.cause {
            Some(cause) => format!("{message}: {cause}"),
            None => message,
        };
        self.rows.entry(row).or_default().push(text);
    }

    pub(super) fn of_row(&self, row: u64) -> &[String] {
        self.rows.get(&row).map_or(&[], Vec::as_slice)
    }

    /// The rows for a sample: the first ones with each kind of warning.
    pub(super) fn examples(&self) -> impl Iterator<Item = u64> + '_ {
        self.examples.iter().copied()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, u64)> + '_ {
        self.kinds
            .iter()
            .map(|(message, rows)| (message.as_str(), *rows))
    }
}

fn in_words(problem: &Problem) -> String {
    match problem.code {
        Some(code) => format!("{code}: {}", problem.message),
        None => problem.message.clone(),
    }
}
