//! The choice of rows: the selection of the command line applied to the checked file.

use crate::plan::{CheckReport, RowChoice, RowFilter, Selection};
use crate::text::count;

use super::{CliError, Printer};

/// Chooses the wanted rows, and prints those among them that get no letter. A row number beyond the file is an error.
pub(crate) fn choose(
    check_report: &CheckReport,
    wanted: &RowFilter,
    is_settled: impl Fn(usize) -> bool,
    printer: Printer,
) -> Result<RowChoice, CliError> {
    let chosen = check_report.choose(wanted, is_settled);
    if !chosen.missing.is_empty() {
        return Err(CliError::usage(
            format!("not in the file: {}", rows(&chosen.missing)),
            format!(
                "it has {}; a range may be open at its end, as in {}-",
                count(check_report.rows, "row"),
                check_report.rows
            ),
        ));
    }
    let without = &chosen.without_letter;
    // Naming rows without any letter is a mistake; a whole file without letters is an ordinary result.
    if !wanted.rows.is_all() && chosen.covered == 0 {
        return Err(CliError::usage(
            format!("no letter for {}", rows(without)),
            "`where` or `exclude` in the manifest leaves them out on purpose",
        ));
    }
    if let Some(skipped @ 1..) = without.len() {
        printer.note(format_args!(
            "{} skipped, as the manifest says: {}",
            count(skipped, "row"),
            rows(without)
        ));
    }
    Ok(chosen)
}

/// Parses the value of `--limit`: a whole number from 1.
pub(crate) fn at_least_one(text: &str) -> Result<u64, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("must be a whole number from 1 on")
}

/// Formats a selection, as `row 5` or `rows 5, 10-20`.
pub(crate) fn rows(selection: &Selection) -> String {
    match selection.len() {
        Some(1) => format!("row {selection}"),
        _ => format!("rows {selection}"),
    }
}
