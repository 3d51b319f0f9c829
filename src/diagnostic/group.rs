//! Groups of equal problems of many rows.

use std::collections::HashMap;

use super::{Code, Place, Precedence, Problem, Problems, Severity};

/// Rows with the same problem together, where the first of them was found; everything else alone.
pub(super) fn groups(problems: &Problems) -> Vec<Vec<&Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    let mut rows = HashMap::<(Severity, Option<Code>, &str), usize>::new();
    for problem in problems {
        let Place::Row { .. } = problem.place else {
            groups.push(vec![problem]);
            continue;
        };
        let kind = (problem.severity, problem.code, problem.message.as_str());
        let index = *rows.entry(kind).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

/// The message, with the number of rows.
pub(super) fn headline(problem: &Problem, others: &[&Problem]) -> String {
    match (&problem.place, others.len()) {
        (Place::Row { line, .. }, 1..) => {
            let rows = others.len() + 1;
            format!("{} ({rows} rows, first at line {line})", problem.message)
        }
        _ => problem.message.clone(),
    }
}

/// A note that Altinn would answer this first, where a letter has more than one error.
pub(super) fn precedence(problem: &Problem, others: &[&Problem]) -> Option<String> {
    const FIRST: &str = "Altinn would answer this first";
    let all = std::iter::once(problem).chain(others.iter().copied());
    let first = all.filter(|problem| problem.precedence == Some(Precedence::First));
    match first.count() {
        0 => None,
        count if count == others.len() + 1 => Some(FIRST.to_owned()),
        count => Some(format!("{FIRST} in {count} of them")),
    }
}
