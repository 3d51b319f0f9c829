//! Problems as JSON, for programs: complete and not grouped, as `schema/validation.schema.json` describes.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Place, Precedence, Problem, Severity};

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("severity", word(self.severity))?;
        if let Some(code) = self.code {
            map.serialize_entry("code", &code.to_string())?;
        }
        if let Some(precedence) = self.precedence {
            // `first` is true for `Only` too: it is what Altinn would answer with.
            map.serialize_entry("first", &(precedence != Precedence::Later))?;
        }
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("place", &self.place)?;
        if let Some(cause) = &self.cause {
            map.serialize_entry("cause", cause)?;
        }
        if let Some(hint) = &self.hint {
            map.serialize_entry("hint", hint)?;
        }
        map.end()
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::File(file) => map.serialize_entry("file", &file.display().to_string())?,
            Self::Source { source, span } => {
                let at = source.position(span.start);
                map.serialize_entry("file", &source.path().display().to_string())?;
                map.serialize_entry("line", &at.line)?;
                map.serialize_entry("column", &at.column)?;
            }
            Self::Row {
                file,
                row,
                line,
                columns,
            } => {
                map.serialize_entry("file", &file.display().to_string())?;
                map.serialize_entry("line", line)?;
                if let Some(row) = row {
                    map.serialize_entry("row", row)?;
                }
                map.serialize_entry("columns", columns)?;
            }
        }
        map.end()
    }
}

/// The word for a severity in JSON and in annotations.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{json, to_value};

    use super::*;
    use crate::diagnostic::{Code, Source};

    #[test]
    fn every_kind_of_place_is_told_in_full() {
        let row = Place::Row {
            file: "rows.csv".into(),
            row: Some(18),
            line: 19,
            columns: vec!["Navn".to_owned()],
        };
        let mut problem = Problem::error(row, "the title is not plain text")
            .with_code(Code::Altinn(1002))
            .with_cause("`# Hei`")
            .with_hint("remove the `#`");
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
