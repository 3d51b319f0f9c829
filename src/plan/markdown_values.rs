//! Warnings of values in a row that look like Markdown and are therefore written with character references, and of those that are HTML in an e-mail.

use super::{Delivery, Mailing};
use crate::correspondence::text::excerpt;
use crate::correspondence::{EmailContentType, Notification};
use crate::diagnostic::Problem;
use crate::recipients::Row;
use crate::template::{column_expression, take_protected};

/// Returns warnings of the row's values that were written with character references, or stand in HTML. To be called on the thread that has rendered its letter,
/// because the list of these values is the thread's own.
pub(super) fn check_values(mailing: &Mailing, row: &Row, delivery: &Delivery) -> Vec<Problem> {
    let values = take_protected().into_iter();
    let markdown = values.map(|value| value_warning(mailing, row, &value));
    markdown
        .chain(html_warnings(mailing, row, delivery))
        .collect()
}

/// Warnings of values with `<` or `&` that an e-mail in HTML has as they stand: only the letter's own Markdown is escaped by itself.
fn html_warnings(mailing: &Mailing, row: &Row, delivery: &Delivery) -> Vec<Problem> {
    let notification = delivery.request.correspondence.notification.iter();
    let bodies = notification.flat_map(Notification::email_bodies);
    let bodies = bodies.filter(|(.., kind)| *kind == EmailContentType::Html);
    let mut found = Vec::new();
    for (name, text, _) in bodies {
        let pointer = format!("/correspondence/notification/{name}");
        for column in mailing.letter.correspondence.columns(&pointer) {
            let at = mailing.headers().iter().position(|header| header == column);
            let cell = at.map_or("", |at| row.get(at).trim());
            if cell.contains(['<', '&']) && text.contains(cell) {
                let place = mailing.row_place(row.number, row.line, [column]);
                let expression = column_expression(column);
                found.push(
                    Problem::warning(
                        place,
                        format!(
                            "the value is HTML in `{name}`: `<` and `&` are not shown as they stand"
                        ),
                    )
                    .with_cause(excerpt(cell))
                    .with_hint(format!("write `{{{{ {expression} | escape_html }}}}`")),
                );
            }
        }
    }
    found
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
