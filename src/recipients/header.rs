//! The header: the names of the columns, and their faults.

use std::collections::HashMap;

use super::damage::{Damage, detect_damage};
use super::first_records::FirstRecords;
use super::read_error::{ReadError, read_error};
use super::row::Row;
use crate::correspondence::{InvalidRecipient, Recipient};
use crate::diagnostic::tidy;

/// Characters of a column's name; a longer one is a text, and would fill every message that names the column.
const NAME_LIMIT: usize = 1_000;

/// Returns the normalised names of the columns, without empty ones at the end, or all faults in them.
pub(super) fn column_names(
    row: &Row,
    first_records: &FirstRecords,
) -> Result<Vec<String>, Vec<ReadError>> {
    let mut names: Vec<String> = row.iter().map(|name| tidy(name).into_owned()).collect();
    // Spreadsheets often write empty columns behind the table.
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    // These two faults are reported alone: all others would only follow from them.
    if let Some(line) = first_records.header_below() {
        return Err(vec![read_error(
            format!(
                "this line is not the header: the names of the columns seem to stand on line {line}"
            ),
            "take out the lines above them: the first line must hold the names of the columns",
        )]);
    }
    if names.iter().any(|name| is_recipient(name)) {
        return Err(vec![read_error(
            "the first line is not a header: it holds an identity or organisation number",
            "put a line with the names of the columns above the rows",
        )]);
    }
    let mut wrong: Vec<_> = nameless(&names, first_records).into_iter().collect();
    wrong.extend(too_long(&names));
    let mut seen = HashMap::new();
    let fit = |name: &String| !name.is_empty() && !is_too_long(name);
    for (column, name) in (1..).zip(&names).filter(|(_, name)| fit(name)) {
        if let Some((Damage::WrongEncoding, probably)) = detect_damage(name) {
            let error = read_error(
                "the header was read in the wrong encoding before it was saved",
                "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}: its rows are damaged as well",
            );
            wrong.push(error.with_cause(format!("`{name}`, probably `{probably}`")));
        } else if let Some(first) = seen.insert(name.as_str(), column) {
            wrong.push(read_error(
                format!("columns {first} and {column} have the same name `{name}`"),
                "give each column a name of its own",
            ));
        }
    }
    if wrong.is_empty() {
        Ok(names)
    } else {
        Err(wrong)
    }
}

fn is_too_long(name: &str) -> bool {
    name.chars().nth(NAME_LIMIT).is_some()
}

fn too_long(names: &[String]) -> impl Iterator<Item = ReadError> {
    let long = (1..).zip(names).filter(|(_, name)| is_too_long(name));
    long.map(|(column, name)| {
        let hint = format!("the first line must hold the names of the columns, of at most {NAME_LIMIT} characters each");
        read_error(format!("the name of column {column} is too long"), hint)
            .with_cause(format!("it has {} characters", name.chars().count()))
    })
}

/// The fault of all columns without a name, in one message.
fn nameless(names: &[String], first_records: &FirstRecords) -> Option<ReadError> {
    let columns = || names.iter().enumerate().filter(|(_, name)| name.is_empty());
    let listed: Vec<_> = columns()
        .map(|(column, _)| (column + 1).to_string())
        .collect();
    let (last, before) = listed.split_last()?;
    let (which, have) = match before {
        [] => (format!("column {last}"), "has"),
        before => (format!("columns {} and {last}", before.join(", ")), "have"),
    };
    let value = columns().find_map(|(column, _)| Some((column, first_records.line_with(column)?)));
    Some(match value {
        Some((column, line)) => read_error(
            format!("{which} {have} no name"),
            "give it a name in the header, or take the column out",
        )
        .with_cause(format!(
            "a value stands in column {} on line {line}",
            column + 1
        )),
        None => read_error(
            format!("{which} {have} no name, and nothing stands in the rows there"),
            "take the empty columns out: the table begins further to the right",
        ),
    })
}

/// True for an identity or organisation number, also for one that a spreadsheet has damaged.
pub(super) fn is_recipient(name: &str) -> bool {
    matches!(
        Recipient::parse(name),
        Ok(_)
            | Err(InvalidRecipient::LostZero { .. }
                | InvalidRecipient::Separators
                | InvalidRecipient::ControlDigits
                | InvalidRecipient::Blanks { fits_without: true })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let row = Row::new(0, 1, values.iter().copied());
        let text = values.join(";");
        let first = FirstRecords::read(text.as_bytes(), true, b';', 0);
        column_names(&row, &first)
            .map_err(|wrong| wrong.into_iter().map(|wrong| wrong.message).collect())
    }

    #[test]
    fn a_name_that_is_a_text_is_refused_without_being_shown() {
        let long = "x".repeat(NAME_LIMIT + 1);
        assert_eq!(
            of(&["org", &long, &long]).unwrap_err(),
            [
                "the name of column 2 is too long",
                "the name of column 3 is too long"
            ]
        );
        assert!(of(&["org", &long[1..]]).is_ok());
    }

    #[test]
    fn names_are_trimmed_and_empty_columns_at_the_end_dropped() {
        assert_eq!(
            of(&[" Navn\u{A0}", "\u{FEFF}E-post\u{200B}", "", " "]),
            Ok(vec!["Navn".to_owned(), "E-post".to_owned()])
        );
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        assert_eq!(
            of(&["Navn", "", "Navn", "x"]),
            Err(vec![
                "column 2 has no name, and nothing stands in the rows there".to_owned(),
                "columns 1 and 3 have the same name `Navn`".to_owned()
            ])
        );
    }

    #[test]
    fn a_missing_header_is_noticed_and_its_number_not_shown() {
        let wrong = of(&["07827199405", "Kåre"]).unwrap_err();
        assert_eq!(wrong.len(), 1);
        assert!(!wrong[0].contains("078"));
    }
}
