//! Two formats written in one pass over the rows.

use std::io::{self, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::csv::CsvWriter;
use super::json::JsonWriter;
use super::{Report, ReportError};
use crate::journal::{RowRecord, RowSet};

/// The largest number of rows that have been read and not written.
const AHEAD: usize = 1024;

/// Writes the report in both formats, and reads every row once. A thread writes while the next rows are read, which takes as long as writing them.
pub(crate) fn csv_and_json(
    report: &Report,
    csv: &mut (dyn Write + Send),
    json: &mut (dyn Write + Send),
) -> Result<(), ReportError> {
    let (mut csv, mut json) = (CsvWriter::new(csv)?, JsonWriter::new(report, json)?);
    let (sender, lines) = sync_channel::<RowRecord>(AHEAD);
    let (csv, json) = thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for line in lines {
                csv.row(&line)?;
                json.row(&line)?;
            }
            Ok::<_, ReportError>((csv, json))
        });
        // Without a receiver the writer has ended with an error, which counts before this one.
        let read = report.snapshot.each(RowSet::All, |line| {
            let sent = sender.send(line);
            sent.map_err(|_| ReportError::from(io::Error::from(io::ErrorKind::BrokenPipe)))
        });
        drop(sender);
        let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        read.map(|()| written)
    })?;
    csv.finish(report)?;
    json.finish()
}
