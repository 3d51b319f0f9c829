//! The row planner: renders one row at a time to a letter. Checking, dry runs and sending all use it.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::delivery::USUAL_BODY;
use super::files::{PlannedFile, Unusable};
use super::letter::AttachmentPlan;
use super::mailing::in_manifest;
use super::problems::unless_wrong;
use super::slow_rows::RowInProgress;
use super::{
    CheckReport, Delivery, Digest, Digester, Mailing, Planned, Proof, Selection, Skip, Withheld,
    delivery_key,
};
use crate::correspondence::rules::FORM_FILE_LIMIT;
use crate::correspondence::text::excerpt;
use crate::correspondence::written::WrittenId;
use crate::correspondence::{Attachment, Correspondence, Recipient, Request, identifier};
use crate::diagnostic::{Place, Problem, Problems, nfc};
use crate::recipients::{Row, detect_damage, with_signs_named};
use crate::template::{
    Scope, TemplateError, TemplateResult, Text, column_expression, parse_condition, take_protected,
};

/// Renders the rows of a mailing on one thread. Its buffers are reused from row to row.
pub(super) struct RowPlanner<'a> {
    pub(super) mailing: &'a Mailing,
    /// The report of pass 1; `None` during pass 1.
    report: Option<&'a CheckReport>,
    pub(super) scope: Scope,
    /// The request of the letter rendered last, as JSON.
    pub(super) json: Vec<u8>,
    /// The attachments of the letter rendered last, as indices in the manifest's list.
    pub(super) attached: Vec<usize>,
    /// The row being rendered, as the watch for slow rows sees it.
    in_progress: Arc<RowInProgress>,
}

/// The most columns that a problem of a template names.
const NAMED_COLUMNS: usize = 3;

type Rendered = (Correspondence, Vec<Uuid>, Vec<Arc<PlannedFile>>);

impl<'a> RowPlanner<'a> {
    /// In pass 2 the `report` of pass 1 tells the files that several letters share, and the rows to be proven.
    pub(super) fn new(mailing: &'a Mailing, report: Option<&'a CheckReport>) -> Self {
        Self {
            mailing,
            report,
            scope: Scope::default(),
            json: Vec::new(),
            attached: Vec::new(),
            in_progress: mailing.in_progress.join(),
        }
    }

    /// Renders one row. A row that is not to be proven is left out without being rendered.
    pub(super) fn plan(&mut self, row: &Row) -> Planned {
        let proving = self.report.and_then(|report| report.proving.as_ref());
        if proving.is_some_and(|proving| !proving.rows.contains(row.number)) {
            return Planned::LeftOut;
        }
        // The list of protected values is the thread's own. An earlier row may have left values there that were never collected.
        take_protected();
        self.in_progress.begin(row.number, row.line);
        self.fill(row);
        let mut planned = self.plan_filled(row).unwrap_or_else(Planned::Invalid);
        self.in_progress.end();
        // Redirected after rendering: a proof's text is its letter's, whoever reads it.
        if let (Some(proving), Planned::Delivery(delivery)) = (proving, &mut planned) {
            self.redirect(&proving.proof, delivery);
        }
        planned
    }

    /// Turns the letter rendered last into a proof, with a digest of its own.
    pub(super) fn redirect(&mut self, proof: &Proof, delivery: &mut Delivery) -> Withheld {
        let withheld = proof.redirect(&self.mailing.manifest().mailing, delivery);
        delivery.digest = letter_digest(&delivery.request, &delivery.files, &mut self.json);
        delivery.json = self.kept_json();
        withheld
    }

    /// The JSON of the letter digested last, to be sent; empty in pass 1, which sends nothing.
    fn kept_json(&mut self) -> Bytes {
        // In pass 1 the buffer is used again for the next row.
        if self.report.is_some() {
            std::mem::take(&mut self.json).into()
        } else {
            Bytes::new()
        }
    }

    fn fill(&mut self, row: &Row) {
        let templates = &self.mailing.templates;
        templates.fill(&mut self.scope, row.number, |column| row.get(column));
    }

    /// The key and the recipient of a row that gets a letter, without rendering the letter. `None` for rows that get none, or have a fault.
    pub(super) fn identify(&mut self, row: &Row) -> Option<(String, Recipient)> {
        take_protected();
        self.fill(row);
        self.identify_filled(row).ok()?.continue_value()
    }

    /// Decides in this order: `where`, the recipient, the exclusion list. Breaks with a row that is skipped.
    fn identify_filled(
        &self,
        row: &Row,
    ) -> Result<ControlFlow<Planned, (String, Recipient)>, Problems> {
        if !self.applies(row)? {
            // A row that does not apply may have no valid recipient; its key is then worked out without one.
            let name = self.mailing.row_key.map_or_else(
                || format!("line {}", row.line),
                |column| nfc(row.get(column)).into_owned(),
            );
            if !self.mailing.exclusion.is_empty() {
                // It still counts as the row of its entry in the list; otherwise the entry would be reported as one that meets no row.
                let recipient = self.recipient(row).ok();
                let exclusion = &self.mailing.exclusion;
                exclusion.covers(&name, recipient.as_ref(), None);
            }
            return Ok(ControlFlow::Break(self.skipped(row, name, "where")));
        }
        let recipient = self.recipient(row)?;
        let name = self.row_key(row, &recipient)?;
        let exclusion = &self.mailing.exclusion;
        if exclusion.covers(&name, Some(&recipient), Some(row.line)) {
            return Ok(ControlFlow::Break(self.skipped(row, name, "excluded")));
        }
        Ok(ControlFlow::Continue((name, recipient)))
    }

    fn plan_filled(&mut self, row: &Row) -> Result<Planned, Problems> {
        let (name, recipient) = match self.identify_filled(row)? {
            ControlFlow::Continue(identified) => identified,
            ControlFlow::Break(skipped) => return Ok(skipped),
        };
        // An excluded row is not rendered, so that faults in its values do not stop the mailing.
        let (correspondence, existing_attachments, files) = self.render(row)?;
        let key = delivery_key(
            &correspondence.resource_id,
            &self.mailing.manifest().mailing,
            &name,
        );
        let request = Request {
            correspondence,
            recipients: vec![recipient.urn()],
            existing_attachments,
            idempotent_key: Some(key),
        };
        let digest = letter_digest(&request, &files, &mut self.json);
        let mut delivery = Box::new(Delivery {
            row: row.number,
            line: row.line,
            name,
            recipient,
            key,
            request,
            files,
            digest,
            json: self.kept_json(),
        });
        delivery.enclose_only_in_a_form();
        Ok(Planned::Delivery(delivery))
    }

    /// Renders all parts even when one fails, so that one run reports all problems of a row.
    fn render(&mut self, row: &Row) -> Result<Rendered, Problems> {
        let (templates, letter) = (&self.mailing.templates, &self.mailing.letter);
        let mut wrong = Problems::new();
        let correspondence = templates.render(&letter.correspondence, &self.scope);
        let correspondence = self.rendered(row, correspondence, &mut wrong);
        let existing = templates.render::<Vec<WrittenId>>(&letter.existing, &self.scope);
        let existing = self.rendered(row, existing, &mut wrong);
        // Attachments are not a part of the compiled tree, because their files must be read as well.
        let files = self.attachments(row, &mut wrong);
        match (correspondence, existing) {
            (Some(correspondence), Some(existing)) if wrong.is_empty() => {
                let existing = existing.into_iter().map(|WrittenId(id)| id).collect();
                Ok((correspondence, existing, files))
            }
            _ => Err(wrong),
        }
    }

    /// What a template has rendered; `None` after errors, which are added to `wrong`.
    fn rendered<T>(&self, row: &Row, result: TemplateResult<T>, wrong: &mut Problems) -> Option<T> {
        unless_wrong(
            result.map_err(|errors| self.all_in_row(row, &errors)),
            wrong,
        )
    }

    fn text(&self, row: &Row, template: &Text) -> Result<String, Problems> {
        let text = self.mailing.templates.render_text(template, &self.scope);
        text.map_err(|errors| self.all_in_row(row, &errors))
    }

    /// Evaluates `where` for the row; true when the manifest has none.
    fn applies(&self, row: &Row) -> Result<bool, Problems> {
        let Some(applies) = &self.mailing.letter.applies else {
            return Ok(true);
        };
        let text = self.text(row, applies)?;
        parse_condition(&text).ok_or_else(|| {
            let place = self.place(row, applies.columns());
            Problem::error(place, "`where` is neither true nor false")
                .with_cause(format!("rendered {}", excerpt(text.trim())))
                .with_hint("compare, as in `{{ Land == 'NO' }}`")
                .into()
        })
    }

    /// Renders and reads the recipient; the problem of a wrong one shows it masked.
    fn recipient(&self, row: &Row) -> Result<Recipient, Problems> {
        let template = &self.mailing.letter.recipient;
        let text = self.text(row, template)?;
        Recipient::parse(&text).map_err(|error| {
            let place = self.place(row, template.columns());
            // Damage by a spreadsheet, as `1.07E+10`, is the cause; "not a recipient" would be its consequence.
            let damage = detect_damage(&text).map(|(damage, _)| damage);
            let damage = damage.filter(|_| error.is_unknown());
            let (message, hint) = match damage {
                Some(damage) => (
                    format!("the recipient {}", damage.predicate()),
                    damage.hint().to_owned(),
                ),
                None => (error.to_string(), error.hint()),
            };
            let cause = excerpt(&with_signs_named(&identifier::masked(&text)));
            Problem::error(place, message)
                .with_cause(cause)
                .with_hint(hint)
                .into()
        })
    }

    /// The row's own key: the value of the key column, else the recipient's URN.
    fn row_key(&self, row: &Row, recipient: &Recipient) -> Result<String, Problems> {
        let Some(column) = self.mailing.row_key else {
            return Ok(recipient.urn());
        };
        let name = row.get(column);
        if name.trim().is_empty() {
            let place = self.place(row, self.mailing.key_column());
            return Err(Problem::error(place, "the row's key is empty")
                .with_hint("every row needs a key of its own: fill the column, or choose another as `recipients.key`")
                .into());
        }
        // Normalised, because a file saved on a Mac writes the same key in other bytes, which would be another letter.
        Ok(nfc(name).into_owned())
    }

    /// Plans all attachments of a letter; goes on after an error, so that all missing files are found at once.
    fn attachments(&mut self, row: &Row, wrong: &mut Problems) -> Vec<Arc<PlannedFile>> {
        let plans = &self.mailing.letter.attachments;
        let mut files = Vec::with_capacity(plans.len());
        self.attached.clear();
        for (index, plan) in plans.iter().enumerate() {
            if let Some(file) = self.attachment(row, plan, wrong) {
                files.push(Arc::new(file));
                self.attached.push(index);
            }
        }
        files
    }

    /// One attachment of a letter; `None` when the letter does not have it.
    fn attachment(
        &self,
        row: &Row,
        plan: &AttachmentPlan,
        wrong: &mut Problems,
    ) -> Option<PlannedFile> {
        let (templates, scope) = (&self.mailing.templates, &self.scope);
        if !self.rendered(row, templates.holds(&plan.when, scope), wrong)? {
            return None;
        }
        // Both are rendered even when one fails, so that all faults of the entry are found at once.
        let name = self.rendered(row, templates.render_text(&plan.file, scope), wrong);
        let metadata = templates.render::<Attachment>(&plan.metadata, scope);
        let metadata = self.rendered(row, metadata, wrong)?;
        let name = name?;
        // An entry whose file and metadata all rendered to nothing is left out, as an empty item of any other list is.
        if name.is_empty() && metadata == Attachment::default() {
            return None;
        }
        // The file is read now: a missing one must be found before anything is sent.
        let file = self.mailing.files.inspect(&name);
        let missing = |why| wrong.push(self.missing_file(row, plan, &name, why));
        let mut planned = PlannedFile::new(file.map_err(missing).ok()?, metadata);
        let is_shared = |report: &CheckReport| report.files.is_shared(&planned);
        // A file in the letter's own request saves two requests and the wait for the malware scan, but only one letter can have it.
        planned.enclosed = !plan.is_shared()
            && planned.file.size <= FORM_FILE_LIMIT
            && !self.report.is_some_and(is_shared);
        Some(planned)
    }

    /// The problem for an attachment that cannot be used: at its row, or in the manifest when it is the same for all rows.
    fn missing_file(
        &self,
        row: &Row,
        plan: &AttachmentPlan,
        name: &str,
        wrong: Unusable,
    ) -> Problem {
        let columns = plan.file.columns();
        let hint = wrong.hint.unwrap_or_else(|| self.file_hint(plan, &columns));
        // The same file for all rows is the manifest's fault, and is reported once.
        let place = if plan.file.is_constant() {
            self.mailing.loaded.place(&format!("{}/file", plan.pointer))
        } else {
            self.place(row, columns)
        };
        Problem::error(place, format!("the attachment {}", wrong.why))
            .with_cause(excerpt(name))
            .with_hint(hint)
    }

    /// The hint for a missing attachment: in some rows it may not be meant to be there.
    fn file_hint(&self, plan: &AttachmentPlan, columns: &[&str]) -> String {
        let Some(column) = columns.first() else {
            return "the path is relative to the manifest's folder".to_owned();
        };
        let identifies = self.mailing.letter.recipient.columns().contains(column)
            || self.mailing.key_column() == Some(*column);
        let column = column_expression(column);
        match (plan.when.is_always_true(), identifies) {
            (false, _) => format!(
                "put the file there, or let `when` leave it out, as in `{{{{ {column} != '' }}}}`"
            ),
            (true, false) => format!(
                "put the file there; if not every letter has one, write `when: \"{{{{ {column} != '' }}}}\"` beside `file`, and leave the cell empty in rows without"
            ),
            // The key or recipient is never empty, so another column has to say which letters have the file.
            (true, true) => "put the file there; if not every letter has one, say so in a column of its own, and write `when: \"{{ Vedlegg == 'ja' }}\"` beside `file`".to_owned(),
        }
    }

    /// A row without a letter. It keeps its key, so that a letter sent by an earlier run is recognised.
    fn skipped(&self, row: &Row, name: String, reason: &'static str) -> Planned {
        let key = delivery_key(
            self.mailing.resource().unwrap_or_default(),
            &self.mailing.manifest().mailing,
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

    fn place<'c>(&self, row: &Row, columns: impl IntoIterator<Item = &'c str>) -> Place {
        self.mailing.row_place(row.number, row.line, columns)
    }

    fn all_in_row(&self, row: &Row, errors: &[TemplateError]) -> Problems {
        errors.iter().map(|error| self.in_row(row, error)).collect()
    }

    /// A template error in a row; the template's own place goes into the cause. Where the template itself is wrong, that is the place.
    fn in_row(&self, row: &Row, error: &TemplateError) -> Problem {
        let found = &error.place;
        if found.is_in_every_row {
            return in_manifest(&self.mailing.loaded, error);
        }
        let at = match &found.source {
            // An empty span at the beginning means that the place within the template is not known.
            Some(source) if found.span.end == 0 => source.path().display().to_string(),
            None => found.pointer.trim_start_matches('/').replace('/', "."),
            _ => in_manifest(&self.mailing.loaded, error).place.to_string(),
        };
        let cause = match &error.cause {
            Some(cause) => format!("in {at}: {cause}"),
            None => format!("in {at}"),
        };
        let columns = self.mailing.letter.correspondence.columns(&found.pointer);
        // A long text is fed by many columns, and naming them all would not help to find the fault.
        let columns = match columns.len() {
            0..=NAMED_COLUMNS => columns,
            _ => Vec::new(),
        };
        let place = self.place(row, columns);
        error.clone().with_cause(cause).at(place)
    }
}

/// The digest of a letter: of its request as JSON, which is left in `json`, and of its files.
fn letter_digest(request: &Request, files: &[Arc<PlannedFile>], json: &mut Vec<u8>) -> Digest {
    json.clear();
    json.reserve(USUAL_BODY);
    // Serialising fails only for maps whose keys are no texts, and a request has none.
    let _ = serde_json::to_writer(&mut *json, request);
    let mut digester = Digester::default();
    digester.part(json);
    for file in files {
        digester.part(&file.identity.0);
    }
    digester.finish()
}

/// Finds the rows with this key, rows that get no letter included. Without a key column a row's key is its recipient, in any
/// spelling.
pub(crate) fn rows_with_key(mailing: &Mailing, key: &str) -> Result<Selection, Problems> {
    let recipient = Recipient::parse(key).ok();
    let mut rows = mailing.open_rows()?;
    let mut planner = RowPlanner::new(mailing, None);
    let (mut row, mut found) = (Row::default(), Vec::new());
    while let Some(read) = rows.read(&mut row) {
        // Damaged rows are reported by the check.
        if read.is_err() {
            continue;
        }
        let matches = if let Some(column) = mailing.row_key {
            nfc(row.get(column).trim()) == nfc(key.trim())
        } else {
            planner.fill(&row);
            recipient.is_some() && planner.recipient(&row).ok() == recipient
        };
        if matches {
            found.push(row.number);
        }
    }
    Ok(Selection::from_rows(found))
}
