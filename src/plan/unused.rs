//! Warnings of columns and variables that nothing uses: often a template names another one by mistake.

use std::collections::HashSet;

use super::Mailing;
use super::report_builder::ReportBuilder;
use crate::diagnostic::{Place, Problem};
use crate::text::{first_of, pointer_token};

/// The most columns and the most variables that are named.
const NAMED: usize = 20;

/// Warns of unused columns and variables. Only when every row was rendered: rows choose their template files, and one that was not read may use anything.
pub(super) fn find(mailing: &Mailing, report: &mut ReportBuilder<'_>) {
    let checked = &report.checked;
    let all = checked.letters > 0 && checked.letters + checked.skipped == checked.rows;
    let unsure = report.stopped && mailing.templates.rows_choose_files();
    if !mailing.is_whole || !all || unsure {
        return;
    }
    let used: HashSet<&str> = mailing.templates.used_names().collect();
    let key = mailing.manifest().recipients.key.as_deref();
    let headers = mailing.headers().iter().map(String::as_str);
    // The key column identifies rows and need not stand in the letter.
    let columns: Vec<_> = headers
        .filter(|header| !used.contains(header) && Some(*header) != key)
        .map(|header| format!("`{header}`"))
        .collect();
    // One warning for all columns: a register's export often has dozens that a letter does not need.
    if !columns.is_empty() {
        let place = Place::File(mailing.rows_file());
        let message = match columns.len() {
            1 => "a column that nothing uses".to_owned(),
            count => format!("{count} columns that nothing uses"),
        };
        let problem = Problem::warning(place, message).with_cause(first_of(&columns, NAMED));
        report.push(
            problem.with_hint("letters do not show what stands there: take it out, or use it"),
        );
    }
    let variables = mailing.manifest().variables.keys();
    let unused: Vec<_> = variables
        .filter(|variable| !used.contains(variable.as_str()))
        .collect();
    for variable in unused.iter().take(NAMED) {
        let pointer = pointer_token(variable);
        let place = mailing
            .loaded
            .place_of_key(&format!("/variables/{pointer}"));
        let message = format!("no template uses the variable `{variable}`");
        report.push(Problem::warning(place, message));
    }
    if let Some(more) = unused.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let place = mailing.loaded.place_of_key("/variables");
        let message = format!("{more} more variables that no template uses");
        report.push(Problem::warning(place, message));
    }
}
