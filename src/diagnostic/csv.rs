//! Problems as CSV, for spreadsheets: one line each, not grouped.

use std::io::{self, Write};

use super::{Problem, Problems};

const HEADER: [&str; 9] = [
    "file", "line", "row", "columns", "severity", "code", "message", "cause", "hint",
];

/// Writes every problem, with semicolons and a byte order mark: Norwegian spreadsheets open such a file in columns and with the right letters.
pub(crate) fn csv(problems: &Problems, out: &mut dyn Write) -> io::Result<()> {
    out.write_all("\u{feff}".as_bytes())?;
    // The order of columns and their names are what people's own tools rely on.
    let mut lines = ::csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(::csv::Terminator::CRLF)
        .from_writer(out);
    lines.write_record(HEADER)?;
    for problem in problems {
        lines.write_record(cells(problem).map(disarmed))?;
    }
    lines.flush()
}

/// The cells of a problem, in the order of [`HEADER`]; unknown ones are empty.
fn cells(problem: &Problem) -> [String; 9] {
    let at = problem.place.location();
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        at.file.clone(),
        number(at.line),
        number(at.row),
        at.columns(),
        problem.severity.word().to_owned(),
        problem
            .code
            .map(|code| code.to_string())
            .unwrap_or_default(),
        problem.message.clone(),
        text(&problem.cause),
        text(&problem.hint),
    ]
}

/// Puts an apostrophe in front of a cell that a spreadsheet would run as a formula: values come from the recipients file, which others may have filled in.
fn disarmed(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Place};

    #[test]
    fn every_problem_is_a_line_with_its_row() {
        let place = Place::Row {
            file: "rows.csv".into(),
            row: Some(2),
            line: 3,
            columns: vec!["Navn".to_owned(), "Sak".to_owned()],
        };
        let mut problem = Problem::error(place, "odd; very").with_cause("=1+1 \"x\"");
        problem.code = Some(Code::Altinn(1002));
        let mut out = Vec::new();
        csv(&problem.into(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\u{feff}file;line;row;columns;severity;code;message;cause;hint\r\n\
             rows.csv;3;2;Navn, Sak;error;1002;\"odd; very\";\"'=1+1 \"\"x\"\"\";\r\n"
        );
    }
}
