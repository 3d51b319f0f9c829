//! The loader: from a path to a manifest, or to everything that is wrong with it.
//!
//! The file is read twice. The event pass finds positions and what `serde_yaml` hides; `serde_yaml` then gives the value, which is checked against the
//! schema, for traps of YAML, and turned into the types last. All problems of one step are reported together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::document::Document;
use super::event_pass::{EventPass, read_events};
use super::yaml_problems::{PROBLEM_LIMIT, syntax_problem};
use super::{Manifest, Positions, decode, member_names, secrets, texts, violations};
use crate::diagnostic::{Place, Problem, Problems, Source, has_errors, nearest};
use crate::plain_file;

/// The largest manifest, in bytes: 10 MB.
pub(crate) const SIZE_LIMIT: u64 = 10_000_000;

/// A manifest that conforms to the schema, with the position of everything in it.
#[derive(Debug, Clone)]
pub(crate) struct LoadedManifest {
    pub manifest: Manifest,
    /// The same as JSON with merge keys applied. `positions` and pointers refer to it.
    pub value: Value,
    pub source: Arc<Source>,
    pub positions: Positions,
    pub warnings: Problems,
    /// The folder of the manifest; its paths are relative to it.
    pub folder: PathBuf,
}

/// Reads a manifest.
///
/// The error holds everything that is wrong, in the order of the file.
pub(crate) fn load(path: &Path) -> Result<LoadedManifest, Problems> {
    let bytes = plain_file::read(path, SIZE_LIMIT).map_err(|error| {
        let place = Place::File(path.to_owned());
        // A file that is there and cannot be read is the one that was meant.
        let other = other_manifest(path).filter(|_| !path.is_file());
        let hint = other.map(|other| format!("did you mean {}?", other.display()));
        Problem {
            hint,
            ..Problem::error(place, "the manifest cannot be read").with_cause(error.to_string())
        }
    })?;
    from_bytes(path, bytes)
}

pub(super) fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<LoadedManifest, Problems> {
    if bytes.len() as u64 > SIZE_LIMIT {
        let place = Place::File(path.to_owned());
        return Err(Problem::error(place, "the manifest is larger than 10 MB")
            .with_hint("rows belong in the recipients file, long texts in files of their own")
            .into());
    }
    let source = Arc::new(decode::decode(path, bytes).map_err(|problem| *problem)?);
    let EventPass {
        positions,
        mut problems,
        end,
        complete,
    } = read_events(&source);
    // A document that the event pass gave up could exhaust memory or stack in serde_yaml.
    let value = if complete {
        parse(&source, end, &positions, &mut problems)
    } else {
        None
    };
    let manifest = value.as_ref().and_then(|value| {
        let document = Document {
            value,
            source: &source,
            positions: &positions,
        };
        check(&document, &mut problems)
    });
    match (value, manifest) {
        (Some(value), Some(manifest)) => Ok(LoadedManifest {
            manifest,
            value,
            source,
            positions,
            warnings: sorted(problems),
            folder: folder(path),
        }),
        _ => Err(sorted(secrets::hide(problems, &source, &positions))),
    }
}

/// Checks a document; returns the manifest when there are no errors.
fn check(document: &Document<'_>, problems: &mut Problems) -> Option<Manifest> {
    // The schema reports a member that stands there twice as unknown: the same place in other words.
    let known: Vec<_> = problems.iter().map(|known| known.place.clone()).collect();
    let mut found = violations::check(document);
    found.retain(|problem| !known.contains(&problem.place));
    problems.extend(found);
    problems.extend(texts::check(document));
    if has_errors(problems) {
        return None;
    }
    deserialize(document, problems)
}

impl LoadedManifest {
    /// The place of the value at a JSON pointer, or of the nearest member around it.
    pub(crate) fn place(&self, pointer: &str) -> Place {
        self.source.place(self.positions.nearest_value(pointer))
    }

    /// The place of the key of the member at a JSON pointer, or of the nearest member around it.
    pub(crate) fn place_of_key(&self, pointer: &str) -> Place {
        self.source.place(self.positions.nearest_key(pointer))
    }

    /// The place within the text at a JSON pointer, for a line and column (both from 1, in characters) of the text itself. Where the text's lines are not the file's
    /// lines, as with folded texts, it is the place of the whole text.
    pub(crate) fn place_within(&self, pointer: &str, line: usize, column: usize) -> Place {
        let text = self.value.pointer(pointer).and_then(Value::as_str);
        let offset = text.and_then(|text| self.offset(pointer, text, line, column));
        match offset {
            Some(offset) => self.source.place(offset..offset),
            None => self.place(pointer),
        }
    }

    /// The byte offset of a line and column of a text; `None` unless the line stands in the file where it should.
    fn offset(&self, pointer: &str, text: &str, line: usize, column: usize) -> Option<usize> {
        let index = line.checked_sub(1)?;
        let wanted = text.lines().nth(index)?;
        let span = self.positions.value(pointer)?;
        let start = if text.lines().nth(1).is_none() {
            // A text of one line may have quotes or an indicator in front of it.
            span.start + self.source.text().get(span.clone())?.find(wanted)?
        } else {
            let first = self.source.position(span.start).line;
            let skipped = text.lines().take_while(|line| line.is_empty()).count();
            // Below `|` the file's lines are the text's, one further down, and leading empty lines may be left out of the span: both offsets are tried, and a
            // line counts only when the file has the text's words there.
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

/// The manifest that was probably meant by a path that cannot be read: the only one in the folder, else the one with the most similar name.
fn other_manifest(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() {
        path.to_owned()
    } else {
        folder(path)
    };
    let wrong = path.file_name().unwrap_or_default().to_string_lossy();
    let mut names = plain_file::beside(&folder, "mailing.yaml");
    names.retain(|name| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
    });
    let name = match names.as_slice() {
        [only] => only,
        several => nearest(&wrong, several.iter().map(String::as_str))?,
    };
    let other = folder.join(name);
    Some(
        other
            .strip_prefix(".")
            .map_or(other.clone(), Path::to_owned),
    )
}

fn parse(
    source: &Arc<Source>,
    end: usize,
    positions: &Positions,
    problems: &mut Problems,
) -> Option<Value> {
    let text = source.text().get(..end).unwrap_or_default();
    // Only serde_yaml's own value can apply merge keys (`<<`): hence the way there and back.
    let read = serde_yaml::from_str::<Value>(text).and_then(|value| {
        let mut value = serde_yaml::to_value(value)?;
        value.apply_merge()?;
        serde_yaml::from_value(value)
    });
    match read {
        Ok(Value::Null) if !has_errors(problems) => {
            let empty = Problem::error(
                Place::File(source.path().to_owned()),
                "the manifest is empty",
            );
            problems.push(empty.with_hint("begin with `version: 1`"));
            None
        }
        Ok(mut value) => {
            problems.extend(member_names::normalize(&mut value, source, positions));
            Some(value)
        }
        Err(error) => {
            // serde_yaml refuses what the event pass has refused already, in fewer words.
            if !has_errors(problems) {
                let at = error.location().map_or(0, |location| location.index());
                problems.push(syntax_problem(source, at, &error.to_string()));
            }
            None
        }
    }
}

fn deserialize(document: &Document<'_>, problems: &mut Problems) -> Option<Manifest> {
    let mut value = document.value.clone();
    // On a copy: places and templates refer to the value as it was written.
    without_nulls(&mut value);
    match serde_json::from_value(value) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            let place = Place::File(document.source.path().to_owned());
            problems.push(
                Problem::error(place, "the manifest cannot be understood")
                    .with_cause(error.to_string()),
            );
            None
        }
    }
}

/// Adapts JSON to the types: removes members without a value (the schema allows null only where a member may be left out), and turns `16.0`, a whole number to
/// JSON Schema, into `16`. Variables stay what they are.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            let own = members.iter_mut().filter(|(name, _)| *name != "variables");
            own.for_each(|(_, member)| without_nulls(member));
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Number(number) => {
            let text = number.to_string();
            if let Some(Ok(whole)) = text.strip_suffix(".0").map(str::parse::<i64>) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

/// The folder of a file; `.` when the path has none.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The problems in the order of the file, at most `PROBLEM_LIMIT` of them.
fn sorted(problems: Problems) -> Problems {
    let mut problems: Vec<_> = problems.into_iter().collect();
    // The sort is stable: problems at one place keep the order in which they were found.
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
