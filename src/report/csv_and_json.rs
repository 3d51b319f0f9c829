//! Two formats written in one pass over the rows, which takes as long as writing them.

use std::io::Write;

use super::csv::CsvWriter;
use super::json::JsonWriter;
use super::{Report, ReportError};

/// Writes the report in both formats, and reads every row once.
pub(crate) fn csv_and_json(
    report: &Report,
    csv: &mut dyn Write,
    json: &mut dyn Write,
) -> Result<(), ReportError> {
    let (mut csv, mut json) = (CsvWriter::new(csv)?, JsonWriter::new(report, json)?);
    for line in report.lines() {
        let line = line?;
        csv.row(&line)?;
        json.row(&line)?;
    }
    csv.finish()?;
    json.finish()
}
