//! A mailing with everything it is made of: loaded, compiled, not yet rendered.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;

use super::exclusion::Exclusion;
use super::files::{FileReader, lookalike};
use super::letter::{Letter, MEMBER_RULES, compile};
use super::problems::{PROBLEM_LIMIT, unless_wrong};
use super::slow_rows::{RowsInProgress, SlowRows};
use crate::diagnostic::{Place, Problem, Problems, Source, did_you_mean, has_errors, tidy};
use crate::manifest::{LoadedManifest, Manifest};
use crate::recipients::{Dialect, Options, Row, Rows};
use crate::template::{NameConflict, Names, TemplateError, Templates};
use crate::text::pointer_token;

/// The most threads that check rows: one thread reads the file and collects the results, and cannot feed more.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(16).unwrap();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MailingOptions {
    /// True when letters go to real people: synthetic persons are refused, and Altinn's stricter limits hold.
    pub production: bool,
    /// The value of `now()` in templates: the instant the mailing was first sent, or the present one before that.
    pub began: Timestamp,
}

/// A manifest with its rows, templates and files, ready to be rendered.
#[derive(Debug)]
pub(crate) struct Mailing {
    pub(super) loaded: LoadedManifest,
    pub(super) options: MailingOptions,
    pub(super) templates: Templates,
    pub(super) letter: Letter,
    /// The index of the column with the rows' keys; `None` when a row's recipient is its key.
    pub(super) row_key: Option<usize>,
    /// The indices of the columns that a letter may show although they are empty.
    pub(super) allow_empty: Vec<usize>,
    pub(super) exclusion: Exclusion,
    pub(super) files: FileReader,
    /// The problems found before any row is read.
    pub(super) found: Problems,
    /// The number of threads that check its rows, from 1.
    pub(super) threads: NonZeroUsize,
    /// True when every part of the letter compiled. If not, only its rows can be checked.
    pub(super) is_whole: bool,
    pub(super) in_progress: RowsInProgress,
    headers: Vec<String>,
    dialect: Dialect,
}

impl Mailing {
    /// Opens the rows and compiles the templates of a loaded manifest; finds everything that is wrong before any row is rendered.
    ///
    /// A letter that does not compile is no `Err` as long as its recipient, the key column and the exclusion list are known: the rows are then
    /// checked all the same, so that one run reports the problems of both.
    pub(crate) fn open(loaded: LoadedManifest, options: MailingOptions) -> Result<Self, Problems> {
        let rows = open_rows(&loaded)?;
        let headers = rows.headers().to_vec();
        let dialect = *rows.dialect();
        let mut found = loaded.warnings.clone();
        let mut templates = match create_templates(&loaded, &headers, options) {
            Ok(templates) => templates,
            Err(wrong) => {
                found.extend(wrong);
                // Without templates no row can be rendered, but damage in the file itself is still reported in the same run.
                found.extend(file_problems(rows));
                return Err(found);
            }
        };
        let recipients = &loaded.manifest.recipients;
        let row_key = recipients.key.as_deref();
        let row_key = row_key.map(|key| find_column(&loaded, &headers, key, "/recipients/key"));
        let row_key = unless_wrong(row_key.transpose(), &mut found);
        let mut allow_empty = Vec::new();
        for (at, name) in recipients.allow_empty.iter().enumerate() {
            let pointer = format!("/recipients/allowEmpty/{at}");
            let column = find_column(&loaded, &headers, name, &pointer);
            allow_empty.extend(unless_wrong(column, &mut found));
        }
        let mut errors = Vec::new();
        let letter = compile(&loaded, &mut templates, &mut errors);
        found.extend(errors.iter().map(|error| in_manifest(&loaded, error)));
        // After the letter: the recipient's columns help to find the list's own.
        let exclusion = load_exclusion(&loaded, letter.as_ref(), &headers);
        let exclusion = unless_wrong(exclusion, &mut found).map(|(list, warnings)| {
            found.extend(warnings);
            list
        });
        let (Some(letter), Some(row_key), Some(exclusion)) = (letter, row_key, exclusion) else {
            found.extend(file_problems(rows));
            return Err(found);
        };
        Ok(Self {
            options,
            templates,
            letter,
            row_key,
            allow_empty,
            exclusion,
            files: FileReader::new(&loaded.folder),
            threads: thread_count(),
            is_whole: !has_errors(&found),
            in_progress: RowsInProgress::default(),
            found,
            headers,
            dialect,
            loaded,
        })
    }

    /// Starts a watch over the rows that take long to render, on whichever thread; it ends with the mailing.
    pub(crate) fn slow_rows(&self) -> SlowRows {
        self.in_progress.watch()
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    /// The folder everything is relative to: the manifest's.
    pub(crate) fn folder(&self) -> &Path {
        &self.loaded.folder
    }

    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The encoding and layout of the recipients file, as they were detected.
    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The path of the recipients file as messages show it.
    pub(crate) fn rows_file(&self) -> PathBuf {
        display_path(&self.loaded, &self.loaded.manifest.recipients.file)
    }

    pub(crate) fn resource(&self) -> Option<&str> {
        self.loaded.manifest.resource()
    }

    /// The same mailing with another time for `now()`, that of its first send. It has to be checked anew.
    pub(crate) fn begun_at(self, began: Timestamp) -> Result<Self, Problems> {
        let options = MailingOptions {
            began,
            ..self.options
        };
        Self::open(self.loaded, options)
    }

    pub(super) fn open_rows(&self) -> Result<Rows, Problems> {
        open_rows(&self.loaded)
    }

    pub(super) fn key_column(&self) -> Option<&str> {
        Some(self.headers.get(self.row_key?)?)
    }

    /// The place of a row, by its number and the line that it begins on.
    pub(super) fn row_place(
        &self,
        row: u64,
        line: u64,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Place {
        Place::Row {
            file: self.rows_file(),
            row: Some(row),
            line,
            columns: columns.into_iter().map(Into::into).collect(),
        }
    }
}

/// The number of threads that render rows: the value of rayon's own variable, else one for each processor; at most [`MOST_THREADS`].
fn thread_count() -> NonZeroUsize {
    let set = std::env::var("RAYON_NUM_THREADS").ok();
    let set = set.and_then(|number| number.parse().ok());
    set.or_else(|| thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN)
        .min(MOST_THREADS)
}

/// The path of a file in the manifest's folder, relative to the working directory as the manifest's own path was given.
pub(super) fn display_path(loaded: &LoadedManifest, file: &Path) -> PathBuf {
    match loaded.source.path().parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.join(file),
        _ => file.to_owned(),
    }
}

/// Opens the recipients file with the manifest's encoding and delimiter; what is not given is detected.
fn open_rows(loaded: &LoadedManifest) -> Result<Rows, Problems> {
    let recipients = &loaded.manifest.recipients;
    let options = Options {
        encoding: recipients.encoding.clone(),
        delimiter: recipients.delimiter.clone(),
        bare_list: false,
    };
    let file = &recipients.file;
    let path = find_file(loaded, file, "/recipients/file", "the recipients file")?;
    Rows::open(&path, &display_path(loaded, file), &options)
}

/// The path of a file that the manifest names at `pointer`. Reported here and not by `Rows::open`, because the place is the manifest's member and not a file
/// that does not exist.
fn find_file(
    loaded: &LoadedManifest,
    file: &Path,
    pointer: &str,
    what: &str,
) -> Result<PathBuf, Problems> {
    let path = loaded.folder.join(file);
    if path.exists() {
        return Ok(path);
    }
    let shown = display_path(loaded, file);
    let problem = Problem::error(loaded.place(pointer), format!("{what} is not there"))
        .with_cause(format!("{} does not exist", shown.display()));
    Err(Problem {
        hint: lookalike(&loaded.folder, &file.to_string_lossy()),
        ..problem
    }
    .into())
}

/// The index of the column that the manifest names at `pointer`.
fn find_column(
    loaded: &LoadedManifest,
    headers: &[String],
    name: &str,
    pointer: &str,
) -> Result<usize, Problems> {
    // Headers are tidied when they are read, so the name in the manifest must be too.
    if let Some(column) = headers.iter().position(|header| *header == tidy(name)) {
        return Ok(column);
    }
    let hint = did_you_mean(name, headers.iter().map(String::as_str))
        .unwrap_or_else(|| format!("the columns are {}", headers.join(", ")));
    let message = format!("there is no column `{name}`");
    Err(Problem::error(loaded.place(pointer), message)
        .with_hint(hint)
        .into())
}

/// Prepares the templates with the names of columns and variables; compiles none of them.
fn create_templates(
    loaded: &LoadedManifest,
    headers: &[String],
    options: MailingOptions,
) -> Result<Templates, Problems> {
    let manifest = &loaded.manifest;
    let names = Names::new(headers, &manifest.variables).map_err(|wrong| {
        // Of two names in conflict the second is the one to change: a variable in the manifest, else a column in the file.
        let problem = |conflict: NameConflict| {
            let place = match conflict.variable {
                Some(variable) => {
                    loaded.place_of_key(&format!("/variables/{}", pointer_token(&variable)))
                }
                None => Place::File(display_path(loaded, &manifest.recipients.file)),
            };
            Problem::error(place, conflict.message).with_hint(conflict.hint)
        };
        wrong.into_iter().map(problem).collect::<Problems>()
    })?;
    let (folder, mailing) = (&loaded.folder, &manifest.mailing);
    Templates::new(folder, names, mailing, options.began, MEMBER_RULES)
        .map_err(|error| in_manifest(loaded, &error).into())
}

/// Reads the exclusion list, if there is one. Without a compiled letter its column is found by the key or by its content.
fn load_exclusion(
    loaded: &LoadedManifest,
    letter: Option<&Letter>,
    headers: &[String],
) -> Result<(Exclusion, Problems), Problems> {
    let recipients = &loaded.manifest.recipients;
    let Some(file) = &recipients.exclude else {
        return Ok((Exclusion::default(), Problems::new()));
    };
    let columns = letter.map(|letter| letter.recipient.columns());
    let mut names = columns.unwrap_or_default();
    names.extend(recipients.key.as_deref());
    let path = find_file(loaded, file, "/recipients/exclude", "the exclusion list")?;
    Exclusion::load(&path, &display_path(loaded, file), &names, headers)
}

/// Reads all rows and returns the problems of the file itself, at most [`PROBLEM_LIMIT`]; nothing is rendered.
fn file_problems(mut rows: Rows) -> Vec<Problem> {
    let mut row = Row::default();
    std::iter::from_fn(|| rows.read(&mut row))
        .filter_map(Result::err)
        // A file that is no CSV at all has an error in every row.
        .take(PROBLEM_LIMIT)
        .collect()
}

/// A template error at the place where the template was written.
pub(super) fn in_manifest(loaded: &LoadedManifest, error: &TemplateError) -> Problem {
    let at = &error.place;
    let place = match (&at.source, &at.file) {
        (Some(source), _) => place_in_template(loaded, &at.pointer, source, &at.span),
        (None, Some(file)) => Place::File(file.clone()),
        (None, None) => loaded.place(&at.pointer),
    };
    error.clone().at(place)
}

/// The place of a part of a template: in the template's own file or, without one, in the manifest, where the template stands at `pointer`.
pub(super) fn place_in_template(
    loaded: &LoadedManifest,
    pointer: &str,
    source: &Arc<Source>,
    span: &Range<usize>,
) -> Place {
    if source.path().as_os_str().is_empty() {
        let position = source.position(span.start);
        return loaded.place_within(pointer, position.line, position.column);
    }
    Place::Source {
        source: Arc::clone(source),
        span: span.clone(),
    }
}
