//! What the schema finds, said in words and at its place.

use std::sync::Arc;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::correspondence::LENIENT;
use super::expected::Expected;
use super::schema::SCHEMA;
use super::traps::PROBLEM_LIMIT;
use super::{Positions, members, secrets, words};
use crate::diagnostic::{Place, Problem, Source};

/// A document and where it stands.
pub(super) struct Checked<'a> {
    pub(super) value: &'a Value,
    pub(super) source: &'a Arc<Source>,
    pub(super) positions: &'a Positions,
}

/// Everything in which a document does not keep the schema.
pub(super) fn check(validator: &Validator, of: &Checked<'_>) -> Vec<Problem> {
    let mut violations = Vec::new();
    for error in validator.iter_errors(of.value).take(PROBLEM_LIMIT) {
        explain(of, &error, &mut violations);
    }
    // What is missing only because its name is mistyped is said once.
    let meant: Vec<_> = violations
        .iter()
        .filter_map(|violation| violation.meant.clone())
        .collect();
    let mistyped = |violation: &Violation| {
        violation
            .missing
            .iter()
            .any(|member| meant.contains(member))
    };
    violations.retain(|violation| !mistyped(violation));
    violations
        .into_iter()
        .map(|violation| violation.problem)
        .collect()
}

/// A problem, and which members, by their pointers, it is about.
pub(super) struct Violation {
    pub(super) problem: Problem,
    /// The members one of which has to be there.
    pub(super) missing: Vec<String>,
    /// The member whose name is probably mistyped.
    pub(super) meant: Option<String>,
}

impl From<Problem> for Violation {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            missing: Vec::new(),
            meant: None,
        }
    }
}

impl Checked<'_> {
    /// The place of the value at a pointer; for one that is itself a mapping or list, its key.
    pub(super) fn at_value(&self, pointer: &str) -> Place {
        let value = self.value.pointer(pointer);
        let span = match value {
            Some(Value::Object(_) | Value::Array(_)) => self.positions.heading(pointer),
            _ => self.positions.nearest(pointer),
        };
        self.at(span)
    }

    /// The place of the key at a pointer, or of the nearest key around it.
    pub(super) fn at_key(&self, pointer: &str) -> Place {
        self.at(self.positions.heading(pointer))
    }

    /// A value as it stands in the file.
    pub(super) fn written(&self, pointer: &str) -> &str {
        let span = self.positions.value(pointer).unwrap_or_default();
        self.source.text().get(span).unwrap_or_default()
    }

    /// A place in the source.
    pub(super) fn at(&self, span: std::ops::Range<usize>) -> Place {
        Place::Source {
            source: Arc::clone(self.source),
            span,
        }
    }
}

fn explain(of: &Checked<'_>, error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().as_str();
    let name = words::name(pointer);
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            alternatives(of, error, context, found);
        }
        Kind::OneOfMultipleValid { .. } => {
            found.push(several(of.at_key(pointer), &name, &choice(error)).into());
        }
        Kind::Not { schema } => {
            let excluded = members::excluded(schema);
            let spans = excluded
                .iter()
                .map(|member| of.positions.heading(&format!("{pointer}/{member}")));
            // The one that came last is the one too many.
            let last = spans.max_by_key(|span| span.start).unwrap_or_default();
            found.push(several(of.at(last), &name, &excluded).into());
        }
        Kind::AdditionalProperties { unexpected } => {
            for key in unexpected.iter().take(PROBLEM_LIMIT) {
                found.push(members::unknown(of, pointer, key, node(error)));
            }
        }
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            found.push(members::missing(of, pointer, property, node(error)));
        }
        Kind::MinLength { .. } => {
            let problem = Problem::error(of.at_value(pointer), format!("{name} is empty"));
            let hint = "fill it in, or leave it out if it may be left out";
            found.push(problem.with_hint(hint).into());
        }
        Kind::MinItems { .. } => {
            let message = format!("{name} is an empty list");
            found.push(Problem::error(of.at_value(pointer), message).into());
        }
        Kind::Minimum { limit } => {
            found.push(wrong(of, error, &format!("must be at least {limit}")).into());
        }
        Kind::Maximum { limit } => {
            found.push(wrong(of, error, &format!("must be at most {limit}")).into());
        }
        Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. } | Kind::Pattern { .. } => {
            found.push(unexpected(of, error, &Expected::of(error)).into());
        }
        _ => {
            let message = format!("{name} is not as it must be");
            let problem = Problem::error(of.at_value(pointer), message);
            found.push(problem.with_cause(error.masked().to_string()).into());
        }
    }
}

/// Several forms are possible: speaks about the one that was meant, or about all when none was.
fn alternatives(
    of: &Checked<'_>,
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    found: &mut Vec<Violation>,
) {
    let pointer = error.instance_path().as_str();
    let mut branches = leaves(pointer, context);
    branches.retain(|branch| !branch.iter().any(is_lenient));
    let choice = choice(error);
    if !choice.is_empty() {
        let message = format!("{} needs {}", words::name(pointer), words::names(&choice));
        let missing = choice
            .iter()
            .map(|name| format!("{pointer}/{name}"))
            .collect();
        let problem = Problem::error(of.at_key(pointer), message).with_hint("add one of them");
        found.push(Violation {
            missing,
            ..problem.into()
        });
        return;
    }
    let meant = branches
        .iter()
        .filter(|branch| fits(pointer, branch))
        .min_by_key(|branch| branch.len());
    if let Some(meant) = meant {
        for error in *meant {
            explain(of, error, found);
        }
        return;
    }
    let mut expected = Expected::default();
    for error in branches.into_iter().flatten() {
        if error.instance_path().as_str() == pointer {
            expected.add(error);
        }
    }
    found.push(unexpected(of, error, &expected).into());
}

/// The branches of alternatives, those of alternatives within them included.
fn leaves<'e>(
    pointer: &str,
    context: &'e [Vec<ValidationError<'static>>],
) -> Vec<&'e [ValidationError<'static>]> {
    let mut found = Vec::new();
    for branch in context {
        match branch.as_slice() {
            [only] if only.instance_path().as_str() == pointer && choice(only).is_empty() => {
                match only.kind() {
                    Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                        found.extend(leaves(pointer, context));
                    }
                    _ => found.push(branch.as_slice()),
                }
            }
            _ => found.push(branch.as_slice()),
        }
    }
    found
}

/// Whether it comes from a form that nobody is told of.
fn is_lenient(error: &ValidationError<'_>) -> bool {
    node(error).is_some_and(|node| node.get(LENIENT).is_some())
}

/// Whether a value is of a branch's kind, so that what is wrong with it lies deeper.
fn fits(pointer: &str, branch: &[ValidationError<'_>]) -> bool {
    branch.iter().all(|error| {
        let refused = matches!(
            error.kind(),
            Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. } | Kind::Pattern { .. }
        );
        !refused || error.instance_path().as_str() != pointer
    })
}

/// Members of which there may be only one.
fn several(place: Place, name: &str, choice: &[String]) -> Problem {
    let message = format!("{name} has more than one of {}", words::names(choice));
    Problem::error(place, message).with_hint("keep one of them")
}

/// A value of the wrong kind or form.
fn unexpected(of: &Checked<'_>, error: &ValidationError<'_>, expected: &Expected) -> Problem {
    let said = node(error).and_then(said);
    let said = said.map_or_else(|| expected.words(), str::to_owned);
    let problem = wrong(of, error, &said);
    let pointer = error.instance_path().as_str();
    match expected.hint(error.instance(), of.written(pointer)) {
        Some(hint) if secrets::may_show(pointer) => problem.with_hint(hint),
        _ => problem,
    }
}

fn wrong(of: &Checked<'_>, error: &ValidationError<'_>, said: &str) -> Problem {
    let pointer = error.instance_path().as_str();
    let found = words::found(
        error.instance(),
        of.written(pointer),
        secrets::may_show(pointer),
    );
    let message = format!("{} {said}", words::name(pointer));
    Problem::error(of.at_value(pointer), message).with_cause(found)
}

/// What a part of the schema says itself when it refuses; one that only adds "or nothing" to another has that one's words.
fn said(node: &Value) -> Option<&str> {
    if let Some(said) = node.get("errorMessage") {
        return said.as_str();
    }
    let branches = node.get("anyOf")?.as_array()?;
    let mut something = branches
        .iter()
        .filter(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    match (something.next(), something.next()) {
        (Some(only), None) => said(members::resolved(only)),
        _ => None,
    }
}

/// The members of which the refusing part of the schema wants one.
fn choice(error: &ValidationError<'_>) -> Vec<String> {
    let node = node(error).and_then(Value::as_object);
    node.map(members::required_alternatives).unwrap_or_default()
}

/// The part of the schema that holds the keyword that refused.
pub(super) fn node(error: &ValidationError<'_>) -> Option<&'static Value> {
    let path = error.schema_path().as_str();
    let (parent, _) = path.rsplit_once('/')?;
    SCHEMA.pointer(parent)
}
