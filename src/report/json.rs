//! The whole report as a JSON document for programs. Members may be added; any other change raises its version.

use std::io::Write;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::{Map, Value, json};

use super::format::exact;
use super::{Report, ReportError};
use crate::journal::{RowRecord, RowSet};

const VERSION: u32 = 1;

/// Writes the report: mailing, counts, groups, and last every row of the journal.
pub(crate) fn json(report: &Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let mut json = JsonWriter::new(report, out)?;
    report.snapshot.each(RowSet::All, |line| json.row(&line))?;
    json.finish()
}

/// Writes a report, its rows one by one.
pub(super) struct JsonWriter<W> {
    out: W,
    /// A row before it is written: serialising makes many small pieces.
    row: Vec<u8>,
    /// The bytes between the last row and the next.
    separator: &'static [u8],
}

impl<W: Write> JsonWriter<W> {
    pub(super) fn new(report: &Report, mut out: W) -> Result<Self, ReportError> {
        let head = head(report).to_string();
        // Rows are streamed before the closing brace, so that a million of them need no memory.
        out.write_all(head.strip_suffix('}').unwrap_or(&head).as_bytes())?;
        out.write_all(b",\"rows\":[")?;
        Ok(Self {
            out,
            row: Vec::new(),
            separator: b"\n",
        })
    }

    pub(super) fn row(&mut self, line: &RowRecord) -> Result<(), ReportError> {
        self.row.clear();
        self.row.extend_from_slice(self.separator);
        self.separator = b",\n";
        serde_json::to_writer(&mut self.row, &RowView(line))?;
        Ok(self.out.write_all(&self.row)?)
    }

    pub(super) fn finish(mut self) -> Result<(), ReportError> {
        self.out.write_all(b"\n]}\n")?;
        Ok(self.out.flush()?)
    }
}

/// All of the report but its rows.
fn head(report: &Report) -> Value {
    let header = &report.snapshot.header;
    let counts = report.counts.iter();
    let counts: Map<_, _> = counts
        .map(|(state, count)| (state.name().to_owned(), count.into()))
        .collect();
    let run = report.run.as_ref().map(|run| {
        let ended = run.ended.as_ref();
        json!({
            "rows": run.rows,
            "earlier": run.earlier,
            "started": exact(run.started_at),
            "ended": ended.map(|ended| exact(ended.at)),
            "ending": ended.map(|ended| &ended.how),
            "reason": ended.and_then(|ended| ended.reason.as_ref()),
        })
    });
    json!({
        "version": VERSION,
        "mailing": header.mailing,
        "environment": header.environment,
        "resource": header.resource,
        "manifest": header.manifest,
        "plan": report.run.as_ref().map(|run| &run.plan),
        "began": exact(report.snapshot.began),
        "run": run,
        "rows_total": report.rows_total(),
        "adds_up": report.adds_up(),
        "counts": counts,
        "groups": &report.groups,
    })
}

/// A row as JSON has it, and the page.
pub(super) struct RowView<'a>(pub(super) &'a RowRecord);

impl Serialize for RowView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.0;
        let mut row = serializer.serialize_struct("Row", 14)?;
        row.serialize_field("line", &line.line)?;
        row.serialize_field("row", &line.row)?;
        row.serialize_field("name", &line.name)?;
        row.serialize_field("recipient", &line.recipient)?;
        row.serialize_field("state", &line.state)?;
        row.serialize_field("correspondence_id", &line.correspondence)?;
        row.serialize_field("idempotency_key", &line.key)?;
        row.serialize_field("attempts", &line.attempts)?;
        row.serialize_field("http_status", &line.status)?;
        row.serialize_field("code", &line.code)?;
        row.serialize_field("message", &line.message)?;
        row.serialize_field("trace", &line.trace)?;
        row.serialize_field("first_sent", &line.first_at.map(exact))?;
        row.serialize_field("last_changed", &exact(line.last_at))?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Report, json as write};
    use crate::report::run::tests::{empty, every_state};

    #[tokio::test]
    async fn it_is_one_document_that_parses() {
        let (_folder, journal) = every_state().await;
        let report = Report::from_journal(&journal).unwrap();
        let mut written = Vec::new();
        write(&report, &mut written).unwrap();
        let value: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["mailing"], "vat-2026");
        assert_eq!(value["plan"], "sha256:4be9");
        assert_eq!(value["adds_up"], true);
        assert_eq!(value["rows_total"], 12);
        assert_eq!(value["counts"]["already-sent"], 1);
        assert_eq!(value["counts"]["pending"], 1);
        assert_eq!(value["run"]["ending"], "finished");
        assert_eq!(value["groups"][0]["first_lines"], json!([5, 6]));
        assert_eq!(value["rows"].as_array().unwrap().len(), 9);
        let failed = &value["rows"][5];
        assert_eq!(failed["name"], "<b>&\"'");
        assert_eq!(failed["state"], "failed");
        assert_eq!(failed["http_status"], 400);
    }

    #[test]
    fn an_empty_journal_is_a_document_too() {
        let (_folder, journal) = empty("empty");
        let report = Report::from_journal(&journal).unwrap();
        let mut written = Vec::new();
        write(&report, &mut written).unwrap();
        let value: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(value["rows"], json!([]));
        assert_eq!(value["run"], Value::Null);
    }
}
