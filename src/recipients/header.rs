//! The first row: the names of the columns.

use std::collections::HashMap;

use super::row::Row;

/// What is wrong with a header, without its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeaderDefect {
    pub(super) message: String,
    pub(super) hint: &'static str,
}

/// The columns' names, trimmed, without empty columns at the end; or all that is wrong with them.
pub(super) fn column_names(row: &Row) -> Result<Vec<String>, Vec<HeaderDefect>> {
    let mut names: Vec<String> = row.iter().map(|name| trimmed(name).to_owned()).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    if names.iter().any(|name| is_number(name)) {
        return Err(vec![HeaderDefect {
            message: "the first line is not a header: it holds an identity or organisation number"
                .to_owned(),
            hint: "put a line with the names of the columns above the rows",
        }]);
    }
    let mut wrong = Vec::new();
    let mut seen = HashMap::new();
    for (column, name) in (1..).zip(&names) {
        if name.is_empty() {
            wrong.push(HeaderDefect {
                message: format!("column {column} has no name"),
                hint: "give it a name in the header, or take the column out",
            });
        } else if let Some(first) = seen.insert(name.as_str(), column) {
            wrong.push(HeaderDefect {
                message: format!("columns {first} and {column} have the same name `{name}`"),
                hint: "give each column a name of its own",
            });
        }
    }
    if wrong.is_empty() {
        Ok(names)
    } else {
        Err(wrong)
    }
}

/// Without what cannot be seen at either end: blanks of every kind, no-break and zero-width ones included.
fn trimmed(name: &str) -> &str {
    name.trim_matches(is_invisible)
}

/// Whether a character is a blank of some kind.
pub(super) fn is_invisible(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

fn is_number(name: &str) -> bool {
    matches!(name.len(), 9 | 11) && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Vec<String>, Vec<String>> {
        column_names(&Row::new(0, 1, values.iter().copied()))
            .map_err(|wrong| wrong.into_iter().map(|wrong| wrong.message).collect())
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
                "column 2 has no name".to_owned(),
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
