//! Problems as GitHub's workflow commands, which GitHub shows at their lines.

use std::fmt::Write as _;

use super::Problems;
use super::group::{Group, groups};

/// One line for each problem, `::error file=…,line=…,col=…,title=…::…`; equal problems of many rows are one, because GitHub shows only ten of a kind.
pub(crate) fn annotations(problems: &Problems) -> String {
    let groups = groups(problems);
    groups
        .iter()
        .map(|group| annotation(group) + "\n")
        .collect()
}

fn annotation(group: &Group<'_>) -> String {
    let problem = group.first;
    let at = problem.place.location();
    let mut line = format!(
        "::{} file={}",
        problem.severity.word(),
        escape_property(&at.file)
    );
    // Writing to a text cannot fail.
    if let Some(number) = at.line {
        let _ = write!(line, ",line={number}");
    }
    if let Some(column) = at.column {
        let _ = write!(line, ",col={column}");
    }
    let title = match problem.code {
        Some(code) => format!("massebrev: Altinn {code}"),
        None => "massebrev".to_owned(),
    };
    let mut said = group.headline();
    // GitHub shows no columns of a CSV: they go into the text.
    match at.columns() {
        columns if columns.is_empty() => {}
        columns => {
            let _ = write!(said, "\ncolumn {columns}");
        }
    }
    let cause = match problem.row_line() {
        // The cause shown is that of the first row of the group.
        Some(line) if group.all.len() > 1 => format!("line {line}"),
        _ => "cause".to_owned(),
    };
    for (name, text) in [
        (cause.as_str(), problem.cause.as_deref()),
        ("hint", group.hint()),
        ("note", group.precedence().as_deref()),
    ] {
        if let Some(text) = text {
            let _ = write!(said, "\n{name}: {text}");
        }
    }
    let _ = write!(
        line,
        ",title={}::{}",
        escape_property(&title),
        escape_message(&said)
    );
    line
}

/// Escapes a message: line breaks would end the command, and `%` begins an escape.
fn escape_message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property, in which `:` and `,` are separators too.
fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::{Code, Place, Problem, Source};

    #[test]
    fn what_would_end_a_property_or_a_line_is_escaped() {
        let source = Arc::new(Source::new("a:b,c%\r.yaml", "x: 1\n"));
        let place = Place::Source { span: 3..4, source };
        let problem = Problem::error(place, "100 %: a,b\r\n::error::x").with_hint("a\nb");
        assert_eq!(
            annotations(&problem.into()),
            "::error file=a%3Ab%2Cc%25%0D.yaml,line=1,col=4,title=massebrev::\
             100 %25: a,b%0D%0A::error::x%0Ahint: a%0Ab\n"
        );
    }

    #[test]
    fn rows_with_the_same_problem_are_one_annotation() {
        let row = |line| {
            let place = Place::Row {
                file: "rows.csv".into(),
                row: Some(line - 1),
                line,
                columns: vec!["Navn".to_owned()],
            };
            Problem {
                code: Some(Code::Altinn(1002)),
                ..Problem::warning(place, "odd")
            }
        };
        let mut problems: Problems = (2..5).map(row).collect();
        problems.push(Problem::error(Place::File("rows.csv".into()), "empty"));
        assert_eq!(
            annotations(&problems),
            "::warning file=rows.csv,line=2,title=massebrev%3A Altinn 1002::odd (3 rows, first at line 2)%0Acolumn Navn\n\
             ::error file=rows.csv,title=massebrev::empty\n"
        );
        assert_eq!(annotations(&Problems::new()), "");
    }
}
