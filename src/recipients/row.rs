//! One row of the recipients file.

use std::fmt;

/// A row with its values, its number and its line. One row is filled again and again, so that its memory is reused.
#[derive(Default)]
pub(crate) struct Row {
    /// The number, from 1 for the first row after the header. Blank lines are not counted.
    pub number: u64,
    /// The line that the row begins on, from 1.
    pub line: u64,
    /// The number of values that belong to columns; further ones are empty.
    pub(super) width: usize,
    pub(super) text: String,
    /// The end of each value in `text`.
    pub(super) ends: Vec<usize>,
}

impl Row {
    /// The value in `column` (from 0), as in the file but without enclosing quotation marks; empty when there is no such column.
    pub(crate) fn get(&self, column: usize) -> &str {
        if column >= self.width {
            return "";
        }
        let begin = match column.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        let end = self.ends.get(column).copied().unwrap_or_default();
        self.text.get(begin..end).unwrap_or_default()
    }

    pub(crate) fn size(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.width).map(|column| self.get(column))
    }
}

/// Leaves out the values, which are personal data.
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

    impl Row {
        pub(crate) fn new<'a>(
            number: u64,
            line: u64,
            values: impl IntoIterator<Item = &'a str>,
        ) -> Self {
            let mut row = Self {
                number,
                line,
                ..Self::default()
            };
            for value in values {
                row.text.push_str(value);
                row.ends.push(row.text.len());
            }
            row.width = row.ends.len();
            row
        }
    }

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
