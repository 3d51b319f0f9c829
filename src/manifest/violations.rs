//! Violations of the schema, each as a problem at its place.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::document::{Document, describe, excerpt, name_of, quoted};
use super::expected::Expected;
use super::letter_schema::LENIENT;
use super::schema::{SCHEMA, VALIDATOR, home_of, required_alternatives, resolve, subschema};
use super::secrets;
use super::yaml_problems::PROBLEM_LIMIT;
use crate::diagnostic::{Place, Problem, nearest};
use crate::text::{is_invisible, join_alternatives, pointer_token};

/// Checks a document against the schema; reports at most [`PROBLEM_LIMIT`] violations.
pub(super) fn check(document: &Document<'_>) -> Vec<Problem> {
    let mut explainer = Explainer {
        document,
        found: Vec::new(),
        meant: Vec::new(),
    };
    let validators = VALIDATOR.iter();
    let errors = validators.flat_map(|validator| validator.iter_errors(document.value));
    for error in errors.take(PROBLEM_LIMIT) {
        explainer.explain(&error);
    }
    let Explainer {
        mut found, meant, ..
    } = explainer;
    // Several keywords of the schema refuse one value: its type, and the value itself.
    found.dedup_by(|(a, _), (b, _)| (&a.place, &a.message) == (&b.place, &b.message));
    // A mistyped name is also a missing member: two problems with one remedy. Only the first is reported.
    let is_one = |missing: &[String]| !missing.iter().any(|member| meant.contains(member));
    let found = found.into_iter().filter(|(_, missing)| is_one(missing));
    found.map(|(problem, _)| problem).collect()
}

struct Explainer<'a> {
    document: &'a Document<'a>,
    /// The problems, each with the pointers of the members that are missing; one of them is enough.
    found: Vec<(Problem, Vec<String>)>,
    /// The members that were probably meant by unknown names.
    meant: Vec<String>,
}

impl Explainer<'_> {
    fn add(&mut self, problem: Problem) {
        self.found.push((problem, Vec::new()));
    }

    /// Turns an error of the validator into problems. Its own words are about the schema; these are about the manifest.
    fn explain(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str();
        let name = name_of(pointer);
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                // The errors of each alternative are in `context`; the error itself only says that none fitted.
                self.explain_alternatives(error, context);
            }
            Kind::OneOfMultipleValid { .. } => {
                let place = self.document.place_of_key(pointer);
                self.add(more_than_one(place, &name, alternatives(error)));
            }
            Kind::Not { schema } => self.explain_exclusion(pointer, &name, schema),
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected.iter().take(PROBLEM_LIMIT) {
                    self.explain_unknown(pointer, key, node(error));
                }
            }
            Kind::Required { property } => {
                let property = property.as_str().unwrap_or_default();
                self.explain_missing(pointer, property, node(error));
            }
            Kind::MinLength { .. } => {
                let problem = self.error(pointer, format!("{name} is empty"));
                let hint = "fill it in, or leave it out if it may be left out";
                self.add(problem.with_hint(hint));
            }
            Kind::MinItems { .. } => {
                self.add(self.error(pointer, format!("{name} is an empty list")));
            }
            Kind::Minimum { limit } => {
                self.add(self.wrong_value(error, &format!("must be at least {limit}")));
            }
            Kind::Maximum { limit } => {
                self.add(self.wrong_value(error, &format!("must be at most {limit}")));
            }
            // Types, constants, choices and patterns; the schema has no other keywords.
            _ => {
                let mut expected = Expected::default();
                expected.add(error);
                self.add(self.wrong_form(error, &expected));
            }
        }
    }

    /// Explains a value that fits none of several forms: reports the faults of the form that was meant, or names all forms when none was.
    fn explain_alternatives(
        &mut self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
    ) {
        let pointer = error.instance_path().as_str();
        let choice = alternatives(error);
        if !choice.is_empty() {
            let missing = choice.iter().map(|name| format!("{pointer}/{name}"));
            let missing = missing.collect();
            let names = join_alternatives(&quoted(choice));
            let message = format!("{} needs {names}", name_of(pointer));
            let problem = Problem::error(self.document.place_of_key(pointer), message);
            self.found
                .push((problem.with_hint("add one of them"), missing));
            return;
        }
        // Schemas of optional members have null as a branch; nested alternatives are one list to a reader.
        let mut branches = flatten_branches(pointer, context);
        let is_lenient = |error| node(error).is_some_and(|node| node.get(LENIENT).is_some());
        branches.retain(|branch| !branch.iter().any(is_lenient));
        // A form of the right kind with the fewest faults is probably the one that was meant.
        let meant = branches
            .iter()
            .filter(|branch| has_right_kind(pointer, branch))
            .min_by_key(|branch| branch.len());
        if let Some(meant) = meant {
            for error in *meant {
                self.explain(error);
            }
            return;
        }
        let mut expected = Expected::default();
        for error in branches.into_iter().flatten() {
            if error.instance_path().as_str() == pointer {
                expected.add(error);
            }
        }
        self.add(self.wrong_form(error, &expected));
    }

    /// Reports members that may not stand together, at the last of them: it was probably added by mistake.
    fn explain_exclusion(&mut self, pointer: &str, name: &str, not: &Value) {
        let excluded = not.get("required").and_then(Value::as_array);
        let excluded = excluded.into_iter().flatten().filter_map(Value::as_str);
        let excluded: Vec<_> = excluded.map(str::to_owned).collect();
        let positions = self.document.positions;
        let last = excluded
            .iter()
            .map(|member| positions.nearest_key(&format!("{pointer}/{member}")))
            .max_by_key(|span| span.start);
        let place = self.document.source.place(last.unwrap_or_default());
        self.add(more_than_one(place, name, excluded));
    }

    /// Reports an unknown member. The hint names, in this order: an odd character, a replacement, a similar name, the mapping it belongs in, all known names.
    fn explain_unknown(&mut self, parent: &str, key: &str, node: Option<&Value>) {
        let pointer = format!("{parent}/{}", pointer_token(key));
        let place = self.document.place_of_key(&pointer);
        let problem = Problem::error(place, format!("unknown key `{}`", excerpt(key)));
        let properties = node.and_then(|node| node.get("properties"));
        let properties = properties.and_then(Value::as_object).into_iter().flatten();
        let known: Vec<&str> = properties.map(|(name, _)| name.as_str()).collect();
        // Such a character looks like a blank in editors, but YAML takes it for a letter.
        let odd = key
            .chars()
            .find(|c| is_invisible(*c) || (c.is_whitespace() && !c.is_ascii()));
        let mut absent = ABSENT_MEMBERS
            .lines()
            .filter_map(|line| line.split_once(": "));
        let near = nearest(key, known.iter().copied());
        let hint = if let Some(odd) = odd {
            let number = u32::from(odd);
            format!(
                "the character U+{number:04X} stands in the key, which looks like a blank or like nothing: write ordinary blanks"
            )
        } else if let Some((_, instead)) = absent.find(|(name, _)| *name == key) {
            instead.to_owned()
        } else if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else if let Some(home) = home_of(&SCHEMA, key, "", 0) {
            format!("it belongs in `{home}`")
        } else {
            // The last resort, because the list may be long.
            let known = known.iter().map(|name| (*name).to_owned());
            format!("known here: {}", quoted(known).join(", "))
        };
        self.add(problem.with_hint(hint));
        self.meant
            .extend(near.map(|near| format!("{parent}/{near}")));
    }

    /// Reports a missing member; the hint quotes its description in the schema.
    fn explain_missing(&mut self, parent: &str, name: &str, node: Option<&Value>) {
        let place = self.document.place_of_key(parent);
        let problem = Problem::error(place, format!("`{name}` is missing"));
        let description = node
            .and_then(|node| node.get("properties")?.get(name)?.get("description"))
            .and_then(Value::as_str);
        let home = match parent {
            "" => String::new(),
            _ => format!(" under {}", name_of(parent)),
        };
        let hint = match description {
            Some(text) => format!("add `{name}: …`{home}: {}", first_clause(text)),
            None => format!("add `{name}: …`{home}"),
        };
        let missing = vec![format!("{parent}/{name}")];
        self.found.push((problem.with_hint(hint), missing));
    }

    fn error(&self, pointer: &str, message: String) -> Problem {
        Problem::error(self.document.place_of_value(pointer), message)
    }

    /// A problem for a value of the wrong kind or form. The schema's own `errorMessage` wins over the forms collected from its errors.
    fn wrong_form(&self, error: &ValidationError<'_>, expected: &Expected) -> Problem {
        let own = node(error).and_then(own_message);
        let must = own.map_or_else(|| expected.must_be(), str::to_owned);
        let problem = self.wrong_value(error, &must);
        let pointer = error.instance_path().as_str();
        let first_line = error
            .instance()
            .as_str()
            .and_then(|text| text.lines().next());
        // A text as the whole document is often the recipients file given in place of the manifest.
        if pointer.is_empty() && first_line.is_some_and(|line| line.contains([';', ',', '\t'])) {
            return problem.with_hint("this looks like rows: give the manifest instead, which names them in `recipients.file`");
        }
        match expected.hint(error.instance(), self.document.written(pointer)) {
            // A hint may quote the value.
            Some(hint) if secrets::may_show(pointer) => problem.with_hint(hint),
            _ => problem,
        }
    }

    fn wrong_value(&self, error: &ValidationError<'_>, must: &str) -> Problem {
        let pointer = error.instance_path().as_str();
        let written = self.document.written(pointer);
        let found = describe(error.instance(), written, secrets::may_show(pointer));
        self.error(pointer, format!("{} {must}", name_of(pointer)))
            .with_cause(found)
    }
}

/// The branches of alternatives, with nested alternatives flattened into them.
fn flatten_branches<'e>(
    pointer: &str,
    context: &'e [Vec<ValidationError<'static>>],
) -> Vec<&'e [ValidationError<'static>]> {
    let mut found = Vec::new();
    for branch in context {
        match branch.as_slice() {
            [only] if only.instance_path().as_str() == pointer && alternatives(only).is_empty() => {
                match only.kind() {
                    Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                        found.extend(flatten_branches(pointer, context));
                    }
                    _ => found.push(branch.as_slice()),
                }
            }
            _ => found.push(branch.as_slice()),
        }
    }
    found
}

/// True when the value is of the kind that a branch wants, so that its faults lie deeper.
fn has_right_kind(pointer: &str, branch: &[ValidationError<'_>]) -> bool {
    branch.iter().all(|error| {
        let refused = matches!(
            error.kind(),
            Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. } | Kind::Pattern { .. }
        );
        !refused || error.instance_path().as_str() != pointer
    })
}

/// A problem for several members of which only one may be present.
fn more_than_one(place: Place, name: &str, members: Vec<String>) -> Problem {
    let members = join_alternatives(&quoted(members));
    Problem::error(place, format!("{name} has more than one of {members}"))
        .with_hint("keep one of them")
}

/// The `errorMessage` of a part of the schema. A part that only allows null beside another has the other's.
fn own_message(node: &Value) -> Option<&str> {
    if let Some(message) = node.get("errorMessage") {
        return message.as_str();
    }
    let branches = node.get("anyOf")?.as_array()?;
    let mut something = branches
        .iter()
        .filter(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    match (something.next(), something.next()) {
        (Some(only), None) => own_message(resolve(only)),
        _ => None,
    }
}

/// The members of which the violated part of the schema requires one.
fn alternatives(error: &ValidationError<'_>) -> Vec<String> {
    let node = node(error).and_then(Value::as_object);
    node.map(required_alternatives).unwrap_or_default()
}

fn node(error: &ValidationError<'_>) -> Option<&'static Value> {
    subschema(error.schema_path().as_str())
}

/// The first clause of a description, with a small first letter, to stand within a sentence.
fn first_clause(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    let text = text.find(['.', ';', ':']).map_or(text, |end| &text[..end]);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Members that people expect and the manifest does not have, and the hint for each.
const ABSENT_MEMBERS: &str = "\
when: `notification` can have it, and each of `attachments`, `replyOptions`, `externalReferences` and `customRecipients`; for whole rows there is `recipients.where`
kty: no key stands in the manifest: save it to a file, and name the file
idempotentKey: remove it: massebrev makes the key of each letter itself, from `mailing` and the row
accessToken: no token stands in the manifest: see `auth.token`, or set MASSEBREV_TOKEN
clientSecret: remove it: Maskinporten knows no secrets, only keys; see `auth.key`
isReserved: remove it: Altinn finds out who has reserved itself; see `correspondence.ignoreReservation`
customNotificationRecipients: write `customRecipients`: Altinn has put the other aside
visibleFrom: write `requestedPublishTime`: Altinn no longer knows the other
allowSystemDeleteAfter: remove it: Altinn no longer knows it
isReservable: remove it: Altinn no longer knows it
requestedSendTime: Altinn sends the notification when the letter is published; see `correspondence.requestedPublishTime`
$schema: write `# yaml-language-server: $schema=…` on the first line instead";
