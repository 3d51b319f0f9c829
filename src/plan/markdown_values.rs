//! Warnings of values in a row that look like Markdown and are therefore written with character references.

use super::Mailing;
use crate::correspondence::text::excerpt;
use crate::diagnostic::Problem;
use crate::recipients::Row;
use crate::template::take_protected;

/// Returns warnings of the row's values that were written with character references. To be called on the thread that has rendered its letter, because the
/// list of these values is the thread's own.
pub(super) fn check_values(mailing: &Mailing, row: &Row) -> Vec<Problem> {
    let values = take_protected().into_iter();
    values
        .map(|value| value_warning(mailing, row, &value))
        .collect()
}

fn value_warning(mailing: &Mailing, row: &Row, value: &str) -> Problem {
    let headers = mailing.headers().iter().enumerate();
    let columns = headers.filter(|(at, _)| {
        let cell = row.get(*at).trim();
        // The value may be made of several cells. Cells of one or two characters occur in any text by chance.
        !cell.is_empty() && (cell == value.trim() || value.contains(cell) && cell.len() > 2)
    });
    let place = mailing.row_place(row.number, row.line, columns.map(|(_, header)| header));
    Problem::warning(place, "a value that Markdown takes for a heading, a list, a link or another mark")
        .with_cause(format!("`{}`", excerpt(value)))
        .with_hint(
            "its sign goes as a character reference, and Altinn's inbox shows it as it stands in the column; a program that shows the letter unread shows \
             `&#35;` for `#`: put text before it in the letter, or change the value",
        )
}
