//! Two formats written at the same time, from one pass over the rows.

use std::io::Write;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::csv::CsvWriter;
use super::json::JsonWriter;
use super::{Report, ReportError};
use crate::journal::RowRecord;

/// Rows that are handed to both threads at once.
type Group = Arc<Vec<RowRecord>>;

/// The largest number of rows in a group.
const AT_ONCE: usize = 256;

/// Number of groups that may wait for a thread.
const AHEAD: usize = 4;

/// Writes the report in both formats, each on a thread of its own: writing a row takes as long as reading it.
pub(crate) fn csv_and_json(
    report: &Report,
    csv: &mut (dyn Write + Send),
    json: &mut (dyn Write + Send),
) -> Result<(), ReportError> {
    thread::scope(|scope| {
        let mut json = JsonWriter::new(report, json)?;
        let (to_csv, groups) = sync_channel(AHEAD);
        let csv = thread::Builder::new().spawn_scoped(scope, move || {
            let mut csv = CsvWriter::new(csv)?;
            each(groups, |line| csv.row(line))?;
            csv.finish()
        })?;
        let (to_json, groups) = sync_channel(AHEAD);
        let json = thread::Builder::new().spawn_scoped(scope, move || {
            each(groups, |line| json.row(line))?;
            json.finish()
        })?;
        let mut lines = report.lines();
        loop {
            let group = lines.by_ref().take(AT_ONCE);
            let group: Group = Arc::new(group.collect::<Result<_, _>>()?);
            // A thread that has failed takes no more.
            let failed = to_csv.send(Arc::clone(&group)).is_err();
            if group.is_empty() || failed || to_json.send(group).is_err() {
                break;
            }
        }
        drop((to_csv, to_json));
        [csv, json]
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Calls `row` for the rows of all groups.
fn each(
    groups: Receiver<Group>,
    mut row: impl FnMut(&RowRecord) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    groups
        .into_iter()
        .try_for_each(|group| group.iter().try_for_each(&mut row))
}
