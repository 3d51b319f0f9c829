//! Grouping of equal problems of many rows.

use std::collections::{HashMap, HashSet};

use super::{Code, Place, Precedence, Problem, Problems, Severity};
use crate::text::count;

/// The properties that all problems of a group share.
type Kind<'p> = (Severity, Option<Code>, &'p str, &'p [String]);

/// Groups problems: rows with the same problem in the same columns together, at the place of the first of them; everything else alone.
pub(super) fn groups(problems: &Problems) -> Vec<Vec<&Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    let mut rows = HashMap::<Kind<'_>, usize>::new();
    for problem in problems {
        let Place::Row { columns, .. } = &problem.place else {
            groups.push(vec![problem]);
            continue;
        };
        let Problem {
            severity,
            code,
            message,
            ..
        } = problem;
        // The cause is not a part of it: every row has its own value.
        let kind = (*severity, *code, message.as_str(), columns.as_slice());
        let index = *rows.entry(kind).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

/// The message, with the number of rows when there are several. A row can have the same problem more than once, in two contacts for instance.
pub(super) fn headline(problem: &Problem, others: &[&Problem]) -> String {
    match (&problem.place, rows_of(problem, others)) {
        (Place::Row { line, .. }, rows @ 2..) => {
            format!("{} ({rows} rows, first at line {line})", problem.message)
        }
        _ => problem.message.clone(),
    }
}

/// The number of different rows in a group.
pub(super) fn rows_of(problem: &Problem, others: &[&Problem]) -> usize {
    let all = std::iter::once(problem).chain(others.iter().copied());
    let lines = all.filter_map(line_of).collect::<HashSet<_>>();
    lines.len()
}

pub(super) fn line_of(problem: &Problem) -> Option<u64> {
    match problem.place {
        Place::Row { line, .. } => Some(line),
        Place::File(_) | Place::Source { .. } => None,
    }
}

/// The hint of a group; `None` unless all its rows have the same.
pub(super) fn shared_hint<'p>(problem: &'p Problem, others: &[&Problem]) -> Option<&'p str> {
    let hint = problem.hint.as_deref()?;
    let is_shared = others
        .iter()
        .all(|other| other.hint.as_deref() == Some(hint));
    is_shared.then_some(hint)
}

/// A note that Altinn would report this problem first; `None` where no letter has another error.
pub(super) fn precedence(problem: &Problem, others: &[&Problem]) -> Option<String> {
    const FIRST: &str = "Altinn would answer this first, and the others when it is mended";
    let all = std::iter::once(problem).chain(others.iter().copied());
    let first: Vec<_> = all
        .filter(|problem| problem.precedence == Some(Precedence::First))
        .collect();
    let (one, more) = first.split_first()?;
    // With other counts only some of the group's rows have other errors.
    match rows_of(one, more) {
        rows if rows == rows_of(problem, others) => Some(FIRST.to_owned()),
        rows => Some(format!("in {}: {FIRST}", count(rows, "row"))),
    }
}
