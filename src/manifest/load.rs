//! From a path to a manifest, or to everything that is wrong with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::scan::{Scan, scan};
use super::schema::VALIDATOR;
use super::traps::PROBLEM_LIMIT;
use super::{Manifest, Positions, decode, numbers, secrets, syntax, violations};
use crate::diagnostic::{Place, Problem, Problems, Source};

/// How large a manifest may be, in bytes: 10 MB.
pub const SIZE_LIMIT: u64 = 10_000_000;

/// A manifest that keeps the schema, and where everything in it is written.
#[derive(Debug, Clone)]
pub struct LoadedManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// The same as JSON, merge keys applied; what `positions` and pointers refer to.
    pub value: Value,
    /// The file's text.
    pub source: Arc<Source>,
    /// Where each member is written.
    pub positions: Positions,
    /// What is odd but stops nothing.
    pub warnings: Problems,
    /// The folder of the manifest, which its paths are seen from.
    pub folder: PathBuf,
}

/// Reads a manifest.
///
/// The error holds everything that is wrong, in the order of the file.
pub fn load(path: &Path) -> Result<LoadedManifest, Problems> {
    let bytes = read(path).map_err(|error| {
        let place = Place::File(path.to_owned());
        Problem::error(place, "the manifest cannot be read").with_cause(error.to_string())
    })?;
    from_bytes(path, bytes)
}

/// What `load` does with the bytes of the file.
pub(super) fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<LoadedManifest, Problems> {
    if bytes.len() as u64 > SIZE_LIMIT {
        let place = Place::File(path.to_owned());
        return Err(Problem::error(place, "the manifest is larger than 10 MB")
            .with_hint("rows belong in the recipients file, long texts in files of their own")
            .into());
    }
    let source = Arc::new(decode::decode(path, bytes).map_err(|problem| *problem)?);
    let Scan {
        tree,
        mut problems,
        end,
        complete,
    } = scan(&source);
    let positions = Positions { tree };
    let value = if complete {
        parse(&source, end, &mut problems)
    } else {
        None
    };
    let manifest = value.as_ref().and_then(|value| {
        let of = violations::Checked {
            value,
            source: &source,
            positions: &positions,
        };
        manifest(&of, &mut problems)
    });
    match (value, manifest) {
        (Some(value), Some(manifest)) => Ok(LoadedManifest {
            manifest,
            value,
            source,
            positions,
            warnings: in_order(problems),
            folder: folder(path),
        }),
        _ => Err(in_order(secrets::hide(problems, &source, &positions))),
    }
}

/// The manifest, when nothing is wrong with it.
fn manifest(of: &violations::Checked<'_>, problems: &mut Problems) -> Option<Manifest> {
    // What the event pass has found at a place is not said again in other words.
    let known: Vec<_> = problems.iter().map(|known| known.place.clone()).collect();
    let mut found = violations(of);
    found.retain(|problem| !known.contains(&problem.place));
    problems.extend(found);
    problems.extend(numbers::check(of));
    if problems.has_errors() {
        return None;
    }
    typed(of, problems)
}

impl LoadedManifest {
    /// The place of the value at a JSON pointer, or of the nearest member around it.
    pub fn place(&self, pointer: &str) -> Place {
        self.at(self.positions.nearest(pointer))
    }

    /// The place of the key of the member at a JSON pointer, or of the nearest member around it.
    pub fn place_of_key(&self, pointer: &str) -> Place {
        self.at(self.positions.heading(pointer))
    }

    /// The place within the text at a JSON pointer, for a line and column (both from 1, in characters) of the text itself. Where the text's lines are not the file's
    /// lines, as with folded texts, it is the place of the whole text.
    pub fn place_within(&self, pointer: &str, line: usize, column: usize) -> Place {
        let text = self.value.pointer(pointer).and_then(Value::as_str);
        let offset = text.and_then(|text| self.offset(pointer, text, line, column));
        match offset {
            Some(offset) => self.at(offset..offset),
            None => self.place(pointer),
        }
    }

    fn at(&self, span: std::ops::Range<usize>) -> Place {
        Place::Source {
            source: Arc::clone(&self.source),
            span,
        }
    }

    /// Looks for the text's line where it should stand, and answers only when it does stand there.
    fn offset(&self, pointer: &str, text: &str, line: usize, column: usize) -> Option<usize> {
        let index = line.checked_sub(1)?;
        let wanted = text.lines().nth(index)?;
        let span = self.positions.value(pointer)?;
        let start = if text.lines().nth(1).is_none() {
            span.start + self.source.text().get(span.clone())?.find(wanted)?
        } else {
            let first = self.source.position(span.start).line;
            let skipped = text.lines().take_while(|line| line.is_empty()).count();
            let found = [Some(index), index.checked_sub(skipped)]
                .into_iter()
                .flatten()
                .find_map(|index| {
                    let written = self.source.line_span(first + index);
                    let line = self.source.text().get(written.clone())?;
                    line.ends_with(wanted).then(|| written.end - wanted.len())
                });
            found.filter(|_| !wanted.is_empty())?
        };
        let before: usize = wanted
            .chars()
            .take(column.checked_sub(1)?)
            .map(char::len_utf8)
            .sum();
        Some(start + before)
    }
}

/// The bytes of a file, but at most one more than a manifest may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The document as JSON, with merge keys applied.
fn parse(source: &Arc<Source>, end: usize, problems: &mut Problems) -> Option<Value> {
    let text = source.text().get(..end).unwrap_or_default();
    let read = serde_yaml::from_str::<Value>(text).and_then(|value| {
        let mut value = serde_yaml::to_value(value)?;
        value.apply_merge()?;
        serde_yaml::from_value(value)
    });
    match read {
        Ok(Value::Null) if !problems.has_errors() => {
            let empty = Problem::error(
                Place::File(source.path().to_owned()),
                "the manifest is empty",
            );
            problems.push(empty.with_hint("begin with `version: 1`"));
            None
        }
        Ok(value) => Some(value),
        Err(error) => {
            // What the event pass has refused is refused here again, with less to say.
            if !problems.has_errors() {
                let at = error.location().map_or(0, |location| location.index());
                problems.push(syntax::problem(source, at, &error.to_string()));
            }
            None
        }
    }
}

fn violations(of: &violations::Checked<'_>) -> Vec<Problem> {
    match VALIDATOR.as_ref() {
        Ok(validator) => violations::check(validator, of),
        Err(cause) => {
            let place = Place::File(of.source.path().to_owned());
            vec![Problem::error(place, "massebrev's own schema is broken").with_cause(cause)]
        }
    }
}

/// The manifest of a value that keeps the schema.
fn typed(of: &violations::Checked<'_>, problems: &mut Problems) -> Option<Manifest> {
    let mut value = of.value.clone();
    tidy(&mut value);
    match serde_json::from_value(value) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            let place = Place::File(of.source.path().to_owned());
            problems.push(
                Problem::error(place, "the manifest cannot be understood")
                    .with_cause(error.to_string()),
            );
            None
        }
    }
}

/// Makes of JSON what the types take: a member without a value is a member left out (the schema allows it only where that is possible), and `16.0` is a whole number to
/// JSON Schema. Variables stay what they are.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            let own = members.iter_mut().filter(|(name, _)| *name != "variables");
            own.for_each(|(_, member)| tidy(member));
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            let text = number.to_string();
            if let Some(Ok(whole)) = text.strip_suffix(".0").map(str::parse::<i64>) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// In the order of the file, and no more than anybody reads.
fn in_order(problems: Problems) -> Problems {
    let mut problems: Vec<_> = problems.into_iter().collect();
    problems.sort_by_key(|problem| match &problem.place {
        Place::Source { span, .. } => span.start,
        Place::File(_) | Place::Row { .. } => 0,
    });
    if problems.len() >= PROBLEM_LIMIT {
        problems.truncate(PROBLEM_LIMIT);
        let file = problems.first().map(|first| match &first.place {
            Place::Source { source, .. } => source.path().to_owned(),
            Place::File(file) | Place::Row { file, .. } => file.clone(),
        });
        let message = format!("there may be more problems than these {PROBLEM_LIMIT}");
        problems.extend(file.map(|file| Problem::warning(Place::File(file), message)));
    }
    problems.into_iter().collect()
}
