//! Rows become letters, one at a time: the one code path of checking, dry runs and sending.

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::files::PlannedFile;
use super::fingerprint::Fingerprint;
use super::letter::AttachmentPlan;
use super::scratch::Scratch;
use super::{
    CheckReport, Delivery, Digest, Digester, Mailing, Planned, Selection, Skip, delivery_key,
};
use crate::correspondence::rules::FORM_FILE_LIMIT;
use crate::correspondence::text::excerpt;
use crate::correspondence::{Attachment, Correspondence, Language, Recipient, Request, identifier};
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::{Row, Rows};
use crate::template::{Scope, TemplateError, parse_bool};

/// An input changed between the check and the send: what was checked is not what would be sent.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("row {row} on line {line} is no longer what was checked: a file changed during the run")]
pub struct InputChanged {
    /// The row's number, from 1.
    pub row: u64,
    /// Its line.
    pub line: u64,
}

/// Pass 2: the rows of a checked mailing as letters, rendered again one at a time.
#[derive(Debug)]
pub struct Deliveries<'a> {
    mailing: &'a Mailing,
    scratch: Scratch,
    checked: &'a CheckReport,
    wanted: Selection,
    rows: Rows,
    row: Row,
    at: usize,
}

impl Mailing {
    /// The letters of a mailing that has been checked, in row order; anything pass 1 has not seen is refused.
    pub fn deliveries<'a>(&'a self, checked: &'a CheckReport) -> Result<Deliveries<'a>, Problems> {
        if checked.problems.has_errors() {
            return Err(checked.problems.clone());
        }
        let rows = self.open_rows()?;
        Ok(Deliveries {
            mailing: self,
            scratch: Scratch::default(),
            checked,
            wanted: Selection::all(),
            rows,
            row: Row::default(),
            at: 0,
        })
    }

    /// Renders one row.
    pub(super) fn plan_row(&self, row: &Row, scratch: &mut Scratch) -> Planned {
        let proving = self.proving.as_ref();
        if proving.is_some_and(|proving| !proving.rows.contains(row.number)) {
            return Planned::LeftOut;
        }
        let in_progress = scratch
            .in_progress
            .get_or_insert_with(|| self.in_progress.join());
        let in_progress = Arc::clone(in_progress);
        in_progress.begin(row.number, row.line);
        let mut scope = std::mem::take(&mut scratch.scope);
        self.templates
            .fill(&mut scope, row.number, |column| row.get(column));
        if let Some(language) = &self.letter.language {
            // A language that cannot be rendered or is none is told with the letter.
            let language = self.templates.render_text(language, &scope).ok();
            let language = language.and_then(|text| Language::parse(&text));
            scope.set_language(language.unwrap_or_default());
        }
        let mut planned = self
            .try_plan_row(row, &scope, scratch)
            .unwrap_or_else(Planned::Invalid);
        scratch.scope = scope;
        if let (Some(proving), Planned::Delivery(delivery)) = (proving, &mut planned) {
            self.redirect(&proving.proof, delivery, &mut scratch.json);
        }
        in_progress.end();
        planned
    }

    fn try_plan_row(
        &self,
        row: &Row,
        scope: &Scope,
        scratch: &mut Scratch,
    ) -> Result<Planned, Problems> {
        if !self.applies(row, scope)? {
            // A row that does not apply may have no valid recipient; its key is then worked out without one.
            let name = self.row_key.map_or_else(
                || format!("line {}", row.line),
                |column| row.get(column).to_owned(),
            );
            return Ok(self.skipped(row, name, "where"));
        }
        let recipient = self.recipient(row, scope)?;
        let name = self.name(row, &recipient)?;
        if self.exclusion.covers(&name, &recipient) {
            return Ok(self.skipped(row, name, "excluded"));
        }
        let correspondence = self
            .templates
            .render::<Correspondence>(&self.letter.correspondence, scope);
        let existing = self
            .templates
            .render::<Vec<Uuid>>(&self.letter.existing, scope);
        let files = self.plan_files(row, scope, &mut scratch.attached);
        let (correspondence, existing_attachments, files) = match (correspondence, existing, files)
        {
            (Ok(correspondence), Ok(existing), Ok(files)) => (correspondence, existing, files),
            (correspondence, existing, files) => {
                let wrong: Vec<_> = correspondence
                    .err()
                    .into_iter()
                    .chain(existing.err())
                    .flatten()
                    .collect();
                let mut problems = self.rendered(row, &wrong);
                problems.extend(files.err().into_iter().flatten());
                return Err(problems);
            }
        };
        let key = delivery_key(
            &correspondence.resource_id,
            &self.loaded.manifest.mailing,
            &name,
        );
        let request = Request {
            correspondence,
            recipients: vec![recipient.urn()],
            existing_attachments,
            idempotent_key: Some(key),
        };
        let digest = letter_digest(&request, &files, &mut scratch.json);
        let (row, line) = (row.number, row.line);
        let mut delivery = Box::new(Delivery {
            row,
            line,
            name,
            recipient,
            key,
            request,
            files,
            digest,
        });
        delivery.enclose_only_in_a_form();
        Ok(Planned::Delivery(delivery))
    }

    fn applies(&self, row: &Row, scope: &Scope) -> Result<bool, Problems> {
        let Some(applies) = &self.letter.applies else {
            return Ok(true);
        };
        let text = match self.templates.render_text(applies, scope) {
            Ok(text) => text,
            Err(errors) => return Err(self.rendered(row, &errors)),
        };
        match (parse_bool(&text), text.trim()) {
            (Some(applies), _) => Ok(applies),
            (None, "") => Ok(false),
            (None, other) => Err(Problem::error(
                self.row_place(row, Vec::new()),
                "`where` is neither true nor false",
            )
            .with_cause(format!("rendered {}", excerpt(other)))
            .into()),
        }
    }

    pub(super) fn recipient(&self, row: &Row, scope: &Scope) -> Result<Recipient, Problems> {
        let text = match self.templates.render_text(&self.letter.recipient, scope) {
            Ok(text) => text,
            Err(errors) => return Err(self.rendered(row, &errors)),
        };
        Recipient::parse(&text).map_err(|error| {
            let place = self.row_place(row, self.letter.recipient.columns());
            let problem = Problem::error(place, error.to_string())
                .with_cause(excerpt(&identifier::masked(&text)));
            Problems::from(match error.hint() {
                Some(hint) => problem.with_hint(hint),
                None => problem,
            })
        })
    }

    fn name(&self, row: &Row, recipient: &Recipient) -> Result<String, Problems> {
        let Some(column) = self.row_key else {
            return Ok(recipient.urn());
        };
        let name = row.get(column);
        if name.trim().is_empty() {
            let header = self.headers().get(column).cloned().unwrap_or_default();
            return Err(Problem::error(self.row_place(row, vec![&header]), "the row's key is empty")
                .with_hint("every row needs a key of its own: fill the column, or choose another as `recipients.key`")
                .into());
        }
        Ok(name.to_owned())
    }

    fn plan_files(
        &self,
        row: &Row,
        scope: &Scope,
        attached: &mut Vec<usize>,
    ) -> Result<Vec<Arc<PlannedFile>>, Problems> {
        let mut files = Vec::with_capacity(self.letter.attachments.len());
        let mut problems = Problems::new();
        attached.clear();
        for (at, plan) in self.letter.attachments.iter().enumerate() {
            match self.templates.holds(&plan.when, scope) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(wrong) => {
                    problems.extend(self.rendered(row, &wrong));
                    continue;
                }
            }
            let name = self.templates.render_text(&plan.file, scope);
            let told = self.templates.render::<Attachment>(&plan.told, scope);
            let (name, told) = match (name, told) {
                (Ok(name), Ok(told)) => (name, told),
                (name, told) => {
                    let wrong: Vec<_> =
                        name.err().into_iter().chain(told.err()).flatten().collect();
                    problems.extend(self.rendered(row, &wrong));
                    continue;
                }
            };
            // Nothing is left of it.
            if name.is_empty() && told == Attachment::default() {
                continue;
            }
            match self.files.look(&name) {
                Ok(file) => {
                    let mut planned = PlannedFile::new(file, told);
                    planned.enclosed = !plan.is_shared()
                        && planned.file.size <= FORM_FILE_LIMIT
                        && !self.files.are_sharing(&planned);
                    files.push(Arc::new(planned));
                    attached.push(at);
                }
                Err(wrong) => problems.push(self.missing_file(row, plan, &name, &wrong)),
            }
        }
        if problems.is_empty() {
            Ok(files)
        } else {
            Err(problems)
        }
    }

    fn missing_file(&self, row: &Row, plan: &AttachmentPlan, name: &str, wrong: &str) -> Problem {
        let place = if plan.file.is_constant() {
            self.loaded.place(&format!("{}/file", plan.pointer))
        } else {
            self.row_place(row, plan.file.columns())
        };
        Problem::error(place, format!("the attachment {wrong}")).with_cause(excerpt(name))
    }

    fn skipped(&self, row: &Row, name: String, reason: &'static str) -> Planned {
        let key = delivery_key(
            self.resource().unwrap_or_default(),
            &self.loaded.manifest.mailing,
            &name,
        );
        Planned::Skipped(Skip {
            row: row.number,
            line: row.line,
            name,
            key,
            reason,
        })
    }

    pub(super) fn row_place(&self, row: &Row, columns: Vec<&str>) -> Place {
        let columns = columns.into_iter().map(str::to_owned).collect();
        Place::Row {
            file: self.rows_file(),
            row: Some(row.number),
            line: row.line,
            columns,
        }
    }

    fn rendered(&self, row: &Row, errors: &[TemplateError]) -> Problems {
        errors
            .iter()
            .map(|error| in_row(&self.rows_file(), row, error))
            .collect()
    }
}

impl Deliveries<'_> {
    /// Passes over rows that nothing is to be done about, `limit` of them at most, and says whether there may be more: `passed` tells by position which they
    /// are. They are read, and neither rendered nor compared with what was checked.
    pub fn pass_over(&mut self, passed: &[bool], limit: usize) -> bool {
        for _ in 0..limit {
            if !passed.get(self.at).is_some_and(|passed| *passed) {
                return false;
            }
            // A row that cannot be read any more is found out by the next that is to be sent, or at the end.
            if self.rows.read(&mut self.row).is_none() {
                return false;
            }
            self.at += 1;
        }
        true
    }

    /// Only these rows' letters; those of other rows are passed over without being rendered. Rows that get no letter come all the same.
    #[must_use]
    pub fn only(self, wanted: Selection) -> Self {
        Self { wanted, ..self }
    }
}

impl Iterator for Deliveries<'_> {
    type Item = Result<Planned, InputChanged>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(read) = self.rows.read(&mut self.row) else {
            // Rows that were checked and are gone now are a change too.
            let missing = self.at < self.checked.fingerprints.len();
            self.at = self.checked.fingerprints.len();
            return missing.then(|| {
                Err(InputChanged {
                    row: self.row.number + 1,
                    line: self.row.line + 1,
                })
            });
        };
        let drifted = InputChanged {
            row: self.row.number,
            line: self.row.line,
        };
        if read.is_err() {
            return Some(Err(drifted));
        }
        let Some(expected) = self.checked.fingerprints.get(self.at) else {
            return Some(Err(drifted));
        };
        self.at += 1;
        if expected.is_letter() && !self.wanted.contains(self.row.number) {
            return Some(Ok(Planned::LeftOut));
        }
        let planned = self.mailing.plan_row(&self.row, &mut self.scratch);
        Some(if Fingerprint::from_planned(&planned) == *expected {
            Ok(planned)
        } else {
            Err(drifted)
        })
    }
}

/// The digest of a letter, through its JSON.
pub(super) fn letter_digest(
    request: &Request,
    files: &[Arc<PlannedFile>],
    json: &mut Vec<u8>,
) -> Digest {
    json.clear();
    // Only a map with keys that are no texts cannot be written, and there is none.
    let _ = serde_json::to_writer(&mut *json, request);
    let mut digester = Digester::default();
    digester.part(json);
    for file in files {
        digester.part(&file.identity.0);
    }
    digester.finish()
}

/// A template error in a row; the template's own place goes into the cause.
fn in_row(file: &std::path::Path, row: &Row, error: &TemplateError) -> Problem {
    let place = Place::Row {
        file: file.to_owned(),
        row: Some(row.number),
        line: row.line,
        columns: Vec::new(),
    };
    let template = match &error.source {
        Some(source) => source.path().display().to_string(),
        None => error.pointer.trim_start_matches('/').replace('/', "."),
    };
    let at = if error.line > 0 {
        format!("{template}:{}:{}", error.line, error.column)
    } else {
        template
    };
    let cause = match &error.cause {
        Some(cause) => format!("in {at}: {cause}"),
        None => format!("in {at}"),
    };
    Problem {
        hint: error.hint.clone(),
        ..Problem::error(place, &error.message).with_cause(cause)
    }
}
