//! A mailing with everything it is made of: loaded, compiled, not yet rendered.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::exclusion::Exclusion;
use super::files::Files;
use crate::diagnostic::{Place, Problem, Problems, nearest};
use crate::manifest::{Loaded, Manifest};
use crate::recipients::{Dialect, Options, Rows};
use crate::template::{Names, Scope, TemplateError, Templates, Text, Tree};

/// What a mailing is rendered and checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Whether letters go to real people: synthetic persons are refused, and Altinn's stricter limits hold.
    pub production: bool,
    /// What `now()` is in templates: the instant the mailing was first sent, or the present one before that.
    pub began: Timestamp,
}

/// A manifest with its rows, templates and files, ready to be rendered.
#[derive(Debug)]
pub struct Mailing {
    pub(super) loaded: Loaded,
    pub(super) setting: Setting,
    pub(super) templates: Templates,
    /// The row that is being rendered; kept for its memory.
    pub(super) scope: Scope,
    pub(super) letter: Letter,
    pub(super) row_key: Option<usize>,
    pub(super) exclusion: Exclusion,
    pub(super) files: Files,
    headers: Vec<String>,
    dialect: Dialect,
}

/// The compiled parts of a letter.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) recipient: Text,
    pub(super) applies: Option<Text>,
    pub(super) correspondence: Tree,
    pub(super) existing: Tree,
    pub(super) attachments: Vec<AttachmentPlan>,
}

/// An entry of `content.attachments`: a file and what Altinn is told about it.
#[derive(Debug)]
pub(super) struct AttachmentPlan {
    pub(super) pointer: String,
    pub(super) file: Text,
    pub(super) told: Tree,
}

impl AttachmentPlan {
    /// Whether it is the same for every row.
    pub(super) fn is_shared(&self) -> bool {
        self.file.is_constant() && self.told.is_constant()
    }
}

impl Mailing {
    /// Opens the rows and compiles the templates of a loaded manifest; finds everything that is wrong before any row is rendered.
    pub fn open(loaded: Loaded, setting: Setting) -> Result<Self, Problems> {
        let manifest = &loaded.manifest;
        let rows = open_rows(&loaded)?;
        let headers = rows.headers().to_vec();
        let dialect = *rows.dialect();
        let names = Names::new(&headers, &manifest.variables).map_err(|wrong| {
            let place = Place::File(shown(&loaded, &manifest.recipients.file));
            wrong
                .into_iter()
                .map(|name| Problem::error(place.clone(), name.to_string()))
                .collect::<Problems>()
        })?;
        let mut templates = Templates::new(&loaded.folder, names, &manifest.mailing, setting.began)
            .map_err(|error| {
                let problem = Problem::error(Place::File(loaded.folder.clone()), error.to_string());
                problem.with_cause(error.source().map(ToString::to_string).unwrap_or_default())
            })?;
        let mut problems = Problems::new();
        let row_key = find_key(&loaded, &headers).unwrap_or_else(|problem| {
            problems.push(*problem);
            None
        });
        let letter = compile_letter(&loaded, &mut templates)
            .map_err(|errors| problems.extend(errors.iter().map(|error| written(&loaded, error))))
            .ok();
        let exclusion = match &manifest.recipients.exclude {
            Some(file) => Exclusion::load(&loaded.folder.join(file), &shown(&loaded, file))
                .unwrap_or_else(|wrong| {
                    problems.extend(wrong);
                    Exclusion::default()
                }),
            None => Exclusion::default(),
        };
        let Some(letter) = letter.filter(|_| !problems.has_errors()) else {
            return Err(problems);
        };
        let files = Files::new(&loaded.folder);
        Ok(Self {
            loaded,
            setting,
            templates,
            scope: Scope::default(),
            letter,
            row_key,
            exclusion,
            files,
            headers,
            dialect,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    /// The folder everything is relative to: the manifest's.
    pub fn folder(&self) -> &Path {
        &self.loaded.folder
    }

    /// The columns of the recipients file.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// How the recipients file is written, as it was found out.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The recipients file as people name it.
    pub fn rows_file(&self) -> PathBuf {
        shown(&self.loaded, &self.loaded.manifest.recipients.file)
    }

    /// The resource id when it is the same for every row, without its optional prefix.
    pub fn resource(&self) -> Option<&str> {
        let id = self
            .loaded
            .value
            .pointer("/correspondence/resourceId")?
            .as_str()?;
        let constant = !id.contains("{{") && !id.contains("{%");
        constant.then(|| id.strip_prefix("urn:altinn:resource:").unwrap_or(id))
    }

    pub(super) fn open_rows(&self) -> Result<Rows, Problems> {
        open_rows(&self.loaded)
    }
}

/// A file of the manifest's folder, named as the person would from where they stand.
pub(super) fn shown(loaded: &Loaded, file: &Path) -> PathBuf {
    match loaded.source.path().parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.join(file),
        _ => file.to_owned(),
    }
}

fn open_rows(loaded: &Loaded) -> Result<Rows, Problems> {
    let recipients = &loaded.manifest.recipients;
    let options = Options {
        encoding: recipients.encoding.clone(),
        delimiter: recipients.delimiter.clone(),
    };
    let path = loaded.folder.join(&recipients.file);
    if !path.exists() {
        let place = loaded.place("/recipients/file");
        return Err(Problem::error(place, "the recipients file is not there")
            .with_cause(format!(
                "{} does not exist",
                shown(loaded, &recipients.file).display()
            ))
            .into());
    }
    Rows::open(&path, &shown(loaded, &recipients.file), &options)
}

fn find_key(loaded: &Loaded, headers: &[String]) -> Result<Option<usize>, Box<Problem>> {
    let Some(key) = &loaded.manifest.recipients.key else {
        return Ok(None);
    };
    if let Some(column) = headers.iter().position(|header| header == key) {
        return Ok(Some(column));
    }
    let problem = Problem::error(
        loaded.place("/recipients/key"),
        format!("there is no column `{key}`"),
    );
    Err(Box::new(
        match nearest(key, headers.iter().map(String::as_str)) {
            Some(header) => problem.with_hint(format!("did you mean `{header}`?")),
            None => problem.with_hint(format!("the columns are {}", headers.join(", "))),
        },
    ))
}

fn compile_letter(
    loaded: &Loaded,
    templates: &mut Templates,
) -> Result<Letter, Vec<TemplateError>> {
    let manifest = &loaded.manifest;
    let mut errors = Vec::new();
    let mut correspondence = manifest.correspondence.clone();
    let attachments = correspondence
        .pointer_mut("/content")
        .and_then(Value::as_object_mut)
        .and_then(|content| content.shift_remove("attachments"));
    let recipient = keep(
        &mut errors,
        templates.compile_text("/recipients/recipient", &manifest.recipients.recipient),
    );
    let applies = manifest.recipients.where_.as_ref().and_then(|applies| {
        keep(
            &mut errors,
            templates.compile_text("/recipients/where", applies),
        )
    });
    let tree = keep(
        &mut errors,
        templates.compile("/correspondence", &correspondence),
    );
    let existing = Value::from(manifest.existing_attachments.clone());
    let existing = keep(
        &mut errors,
        templates.compile("/existingAttachments", &existing),
    );
    let entries = attachments
        .as_ref()
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let attachments = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| keep(&mut errors, compile_attachment(index, entry, templates)))
        .collect();
    match (recipient, tree, existing) {
        (Some(recipient), Some(correspondence), Some(existing)) if errors.is_empty() => {
            Ok(Letter {
                recipient,
                applies,
                correspondence,
                existing,
                attachments,
            })
        }
        _ => Err(errors),
    }
}

fn compile_attachment(
    index: usize,
    entry: &Value,
    templates: &mut Templates,
) -> Result<AttachmentPlan, Vec<TemplateError>> {
    let pointer = format!("/correspondence/content/attachments/{index}");
    let mut told = entry.clone();
    let file = told
        .as_object_mut()
        .and_then(|members| members.shift_remove("file"));
    let Some(file) = file.as_ref().and_then(Value::as_str) else {
        return Err(vec![TemplateError {
            message: "the attachment names no local `file`".to_owned(),
            hint: Some(
                "add `file: PATH`; a file uploaded earlier goes into `existingAttachments`"
                    .to_owned(),
            ),
            pointer,
            ..TemplateError::default()
        }]);
    };
    let mut errors = Vec::new();
    let file = keep(
        &mut errors,
        templates.compile_text(&format!("{pointer}/file"), file),
    );
    let told = keep(&mut errors, templates.compile(&pointer, &told));
    match (file, told) {
        (Some(file), Some(told)) => Ok(AttachmentPlan {
            pointer,
            file,
            told,
        }),
        _ => Err(errors),
    }
}

/// Goes on after an error, so that all of them are found.
fn keep<T>(errors: &mut Vec<TemplateError>, result: Result<T, Vec<TemplateError>>) -> Option<T> {
    result.map_err(|mut wrong| errors.append(&mut wrong)).ok()
}

/// A template error at the place where the template was written.
pub(super) fn written(loaded: &Loaded, error: &TemplateError) -> Problem {
    let place = error
        .place()
        .unwrap_or_else(|| match (error.line, error.column) {
            (0, _) | (_, 0) => loaded.place(&error.pointer),
            (line, column) => loaded.place_within(&error.pointer, line, column),
        });
    Problem {
        cause: error.cause.clone(),
        hint: error.hint.clone(),
        ..Problem::error(place, &error.message)
    }
}
