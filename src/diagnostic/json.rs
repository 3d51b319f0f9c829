//! Problems as JSON, for programs: complete and not grouped, as `schema/validation.schema.json` describes.

use serde::ser::{Serialize, Serializer};

use super::{Code, Place, Precedence};

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Precedence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `first` is true for `Only` too: it is what Altinn would answer with.
        serializer.serialize_bool(*self != Self::Later)
    }
}

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
    use crate::diagnostic::{Problem, Source};

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
