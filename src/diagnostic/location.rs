//! Places as every format tells them: a file, and what else is known.

use serde::Serialize;

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
