//! Grouping of equal problems of many rows.

use std::collections::HashMap;

use super::problem::count_rows;
use super::{Code, Place, Precedence, Problem, Problems, Severity};
use crate::text::count;

type Kind<'p> = (Severity, Option<Code>, &'p str, &'p [String]);

/// A problem, and the same problem of other rows, which are in `all` together.
pub(super) struct Group<'p> {
    pub(super) first: &'p Problem,
    pub(super) all: Vec<&'p Problem>,
}

/// Groups problems: rows with the same problem in the same columns together, at the place of the first of them; everything else alone.
pub(super) fn groups(problems: &Problems) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut rows = HashMap::<Kind<'_>, usize>::new();
    for problem in problems {
        if let Place::Row { columns, .. } = &problem.place {
            // The cause is not a part of it: every row has its own value.
            let kind: Kind<'_> = (problem.severity, problem.code, &problem.message, columns);
            let index = *rows.entry(kind).or_insert(groups.len());
            if let Some(group) = groups.get_mut(index) {
                group.all.push(problem);
                continue;
            }
        }
        groups.push(Group {
            first: problem,
            all: vec![problem],
        });
    }
    groups
}

impl<'p> Group<'p> {
    /// The number of different rows. A row can have the same problem more than once, in two contacts for instance.
    pub(super) fn rows(&self) -> usize {
        count_rows(self.all.iter().copied())
    }

    /// The message, with the number of rows when there are several.
    pub(super) fn headline(&self) -> String {
        let message = &self.first.message;
        match (self.first.row_line(), self.rows()) {
            (Some(line), rows @ 2..) => format!("{message} ({rows} rows, first at line {line})"),
            _ => message.clone(),
        }
    }

    /// The hint; `None` unless all rows have the same.
    pub(super) fn hint(&self) -> Option<&'p str> {
        let hint = self.first.hint.as_deref()?;
        let mut hints = self.all.iter().map(|problem| problem.hint.as_deref());
        hints.all(|other| other == Some(hint)).then_some(hint)
    }

    /// A note that Altinn would report this problem first; `None` where no letter has another error.
    pub(super) fn precedence(&self) -> Option<String> {
        const FIRST: &str = "Altinn would answer this first, and the others when it is mended";
        let is_first = |problem: &&Problem| problem.precedence == Some(Precedence::First);
        // With other counts only some of the group's rows have other errors.
        self.all.iter().copied().find(is_first)?;
        match count_rows(self.all.iter().copied().filter(is_first)) {
            rows if rows == self.rows() => Some(FIRST.to_owned()),
            rows => Some(format!("in {}: {FIRST}", count(rows, "row"))),
        }
    }
}
