//! Pass 1: every row is rendered and checked before anything may leave.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::checked_rows::check_rows;
use super::column_lint::ColumnLint;
use super::report_builder::ReportBuilder;
use super::{CheckReport, Delivery, Mailing, letter_text, unused};
use crate::diagnostic::{Place, Problem, Problems};

/// Renders and checks every row, on all processors. `now` is the time that dates are compared with. Every letter is passed to `each` on this thread, in row
/// order.
pub(crate) fn check(
    mailing: &Mailing,
    now: Timestamp,
    each: &mut dyn FnMut(&Delivery),
) -> Result<CheckReport, Problems> {
    let rows = mailing.open_rows()?;
    let mut report = ReportBuilder::new(mailing, mailing.found.clone(), now);
    let mut lint = ColumnLint::new(mailing);
    check_rows(mailing, rows, now, &mut |row, checked| {
        report.checked.rows += 1;
        match checked {
            Ok(checked) => {
                if report.add_row(row, checked, each) {
                    lint.observe(row);
                } else {
                    // A row that is skipped on purpose is no evidence of damage: no letter shows its values.
                    lint.observe_skipped(row);
                }
            }
            Err(problem) => report.push(problem.clone()),
        }
        report.stopped = report.problems.is_full();
        // With this many errors the manifest is wrong and not the rows, and the rest would say the same.
        if report.stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    if report.checked.rows == 0 {
        report.push(Problem::error(
            Place::File(mailing.rows_file()),
            "there are no rows: only a header, or nothing at all",
        ));
    }
    if report.checked.rows > 0 && report.checked.skipped == report.checked.rows {
        report.push(
            Problem::warning(
                Place::File(mailing.rows_file()),
                "no row becomes a letter: all of them are left out",
            )
            .with_hint("look at `recipients.where` and the exclusion list: texts are compared letter by letter, with upper and lower case"),
        );
    }
    mailing.find_duplicates(&mut report)?;
    mailing.find_repeated_files(&mut report)?;
    mailing.find_damage(lint, &mut report);
    unused::find(mailing, &mut report);
    mailing.find_placeholders(&mut report);
    // Entries that meet no row can only be named when every row has been compared with them.
    if !report.stopped {
        report.extend(mailing.exclusion.problems());
    }
    // What does not compile is not read as Markdown either.
    if mailing.is_whole {
        letter_text::check(mailing, &mut report);
    }
    report.finish()
}
