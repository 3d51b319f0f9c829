//! Warnings of empty cells that a letter shows: `Hei ,`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Mailing;
use super::mailing::place_in_template;
use super::report_builder::ReportBuilder;
use crate::diagnostic::Problem;
use crate::recipients::Row;
use crate::template::{ShownColumn, column_expression};

/// The most places in templates that one warning names.
const PLACES: usize = 3;

impl Mailing {
    /// Warns of the columns that a row's letter shows although they are empty, unless that is allowed.
    pub(super) fn gather_blanks(
        &self,
        row: &Row,
        blanks: &[Arc<ShownColumn>],
        report: &mut ReportBuilder<'_>,
    ) {
        let mut by_column: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        // A template may show one column in many places: one warning for each column of the row.
        let blanks = blanks.iter();
        for shown in blanks.filter(|shown| !self.allow_empty.contains(&shown.column)) {
            let file = shown.source.path().to_owned();
            let place = (shown.pointer.clone(), file, shown.span.start);
            // The text of a place needs a search through the source, and millions of rows share a few places.
            let place = report.shown_at.entry(place);
            let place = place.or_insert_with(|| {
                place_in_template(&self.loaded, &shown.pointer, &shown.source, &shown.span)
                    .to_string()
            });
            let place = place.clone();
            let places = by_column.entry(shown.column).or_default();
            if places.len() < PLACES && !places.contains(&place) {
                places.push(place);
            }
        }
        for (column, places) in by_column {
            let header = &self.headers()[column];
            let place = self.row_place(row.number, row.line, [header]);
            let expression = column_expression(header);
            report.push(
                Problem::warning(place, format!("`{header}` is empty, and the letter shows it"))
                    .with_cause(format!("shown by {}", places.join(", ")))
                    .with_hint(format!(
                        "fill the cell in, ask first (`{{% if {expression} %}}\u{2026}{{% endif %}}`), or say that it may be so: `allowEmpty: [{header}]` under `recipients`"
                    )),
            );
        }
    }
}
