//! Places as every format tells them: a file, and what else is known.

use serde::{Serialize, Serializer};

use super::Place;
use super::source::Position;

#[derive(Default, Serialize)]
pub(super) struct Location<'p> {
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<u64>,
    /// The columns of a row, which may be none; `None` for other places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<&'p [String]>,
}

impl Place {
    pub(super) fn location(&self) -> Location<'_> {
        let mut at = Location::default();
        let file = match self {
            Self::File(file) => file,
            Self::Source { source, span } => {
                let Position { line, column } = source.position(span.start);
                (at.line, at.column) = (Some(line as u64), Some(column));
                source.path()
            }
            Self::Row {
                file,
                row,
                line,
                columns,
            } => {
                (at.line, at.row, at.columns) = (Some(*line), *row, Some(columns.as_slice()));
                file
            }
        };
        at.file = file.display().to_string();
        at
    }
}

impl Location<'_> {
    /// The names of the columns, in one text; empty when there are none.
    pub(super) fn columns(&self) -> String {
        self.columns.unwrap_or_default().join(", ")
    }
}

/// As `schema/validation.schema.json` describes it.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.location().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{json, to_value};

    use super::*;
    use crate::diagnostic::{Code, Precedence, Problem, Source};

    #[test]
    fn every_kind_of_place_is_told_in_full() {
        let row = Place::Row {
            file: "rows.csv".into(),
            row: Some(18),
            line: 19,
            columns: vec!["Navn".to_owned()],
        };
        let mut problem = Problem::error(row, "the title is not plain text")
            .with_cause("`# Hei`")
            .with_hint("remove the `#`");
        problem.code = Some(Code::Altinn(1002));
        problem.precedence = Some(Precedence::Later);
        assert_eq!(
            to_value(&problem).unwrap(),
            json!({
                "severity": "error",
                "code": "1002",
                "first": false,
                "message": "the title is not plain text",
                "place": { "file": "rows.csv", "line": 19, "row": 18, "columns": ["Navn"] },
                "cause": "`# Hei`",
                "hint": "remove the `#`"
            })
        );
        let source = Arc::new(Source::new("a.yaml", "å: 1\nb: 2\n"));
        let place = Place::Source {
            span: 9..10,
            source,
        };
        assert_eq!(
            to_value(Problem::warning(place, "odd")).unwrap(),
            json!({
                "severity": "warning",
                "message": "odd",
                "place": { "file": "a.yaml", "line": 2, "column": 4 }
            })
        );
        let file = to_value(Place::File("a.csv".into())).unwrap();
        assert_eq!(file, json!({ "file": "a.csv" }));
    }
}
