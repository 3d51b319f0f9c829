//! One row of the recipients file.

use std::fmt;

use csv::StringRecord;

/// A row: its values, its number and its line. Read into again and again, so that its memory is reused.
#[derive(Default)]
pub struct Row {
    /// Its number, from 1: the first row after the header. Blank lines are not rows.
    pub number: u64,
    /// The line it begins on, from 1 (the header is usually line 1).
    pub line: u64,
    pub(super) width: usize,
    pub(super) record: StringRecord,
}

impl Row {
    /// A row of these values, for tests and previews.
    pub fn new<'a>(number: u64, line: u64, values: impl IntoIterator<Item = &'a str>) -> Self {
        let record: StringRecord = values.into_iter().collect();
        Self {
            number,
            line,
            width: record.len(),
            record,
        }
    }

    /// The value in a column (from 0), byte for byte as it is in the file; empty when there is no such column.
    pub fn get(&self, column: usize) -> &str {
        if column >= self.width {
            return "";
        }
        let value = self.record.get(column).unwrap_or_default();
        // Records end with a line feed; what is left of CR LF stands at the end of the last value.
        if column + 1 == self.record.len() {
            value.strip_suffix('\r').unwrap_or(value)
        } else {
            value
        }
    }

    /// How many bytes its values have.
    pub fn size(&self) -> usize {
        self.record.as_slice().len()
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.width).map(|column| self.get(column))
    }
}

/// Without the values, which are about a person.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("number", &self.number)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_column() {
        let row = Row::new(1, 2, ["Kåre", "", " x "]);
        assert_eq!(row.get(0), "Kåre");
        assert_eq!(row.get(2), " x ");
        assert_eq!(row.get(3), "");
        assert_eq!(row.iter().collect::<Vec<_>>(), ["Kåre", "", " x "]);
    }

    #[test]
    fn debug_shows_no_values() {
        assert!(!format!("{:?}", Row::new(1, 2, ["Kåre"])).contains("Kåre"));
    }
}
