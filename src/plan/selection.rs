//! A selection of rows for a command, as `--rows` names them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::text::first_of;

/// Rows by their numbers: `5,10-20,30-`. The first row after the header is 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Ranges in ascending order with gaps between them, both ends included. `u64::MAX` as the last end means "to the end".
    ranges: Vec<RangeInclusive<u64>>,
}

/// The most ranges that are shown; the others are shown as `…`.
const NAMED: usize = 8;

impl Selection {
    pub(crate) fn all() -> Self {
        Self {
            ranges: vec![1..=u64::MAX],
        }
    }

    /// A selection of these rows, in any order.
    pub(crate) fn from_rows(rows: impl IntoIterator<Item = u64>) -> Self {
        Self::default().with(rows)
    }

    #[must_use]
    pub(crate) fn with(mut self, rows: impl IntoIterator<Item = u64>) -> Self {
        for row in rows {
            self.push(row);
        }
        self.merge_ranges()
    }

    /// True when no row is left out, however many there are.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::all()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(crate) fn contains(&self, row: u64) -> bool {
        // The ranges are sorted, and this is asked for every row.
        let after = self.ranges.partition_point(|range| *range.start() <= row);
        after
            .checked_sub(1)
            .and_then(|at| self.ranges.get(at))
            .is_some_and(|range| range.contains(&row))
    }

    /// The part of the selection up to row `last`, which is included.
    #[must_use]
    pub(crate) fn until(mut self, last: u64) -> Self {
        self.ranges.retain(|range| *range.start() <= last);
        if let Some(range) = self.ranges.last_mut() {
            *range = *range.start()..=last.min(*range.end());
        }
        self
    }

    /// The part of the selection beyond a file of `rows` rows. A range with an open end asks for nothing beyond the file, if it begins in the file.
    #[must_use]
    pub(crate) fn beyond(&self, rows: u64) -> Self {
        let is_beyond = |range: &&RangeInclusive<u64>| {
            *range.start() > rows || *range.end() > rows && *range.end() < u64::MAX
        };
        let ranges = self.ranges.iter().filter(is_beyond);
        let ranges = ranges.map(|range| (*range.start()).max(rows + 1)..=*range.end());
        Self {
            ranges: ranges.collect(),
        }
    }

    /// The number of rows; `None` when the selection has no end.
    pub(crate) fn len(&self) -> Option<u64> {
        self.ranges
            .iter()
            .map(|range| (*range.end() != u64::MAX).then(|| range.end() - range.start() + 1))
            .sum()
    }

    /// Adds a row behind all others. The row after the last one extends its range, so that a million rows in order are one range.
    pub(super) fn push(&mut self, row: u64) {
        match self.ranges.last_mut() {
            Some(range) if range.end().checked_add(1) == Some(row) => {
                *range = *range.start()..=row;
            }
            _ => self.ranges.push(row..=row),
        }
    }

    /// Sorts the ranges and joins those that touch or overlap.
    fn merge_ranges(mut self) -> Self {
        self.ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges {
            match merged.last_mut() {
                // Saturating: the open end is `u64::MAX`.
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self { ranges: merged }
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ranges: Result<_, _> = text.split(',').map(|part| range(part.trim())).collect();
        Ok(Self { ranges: ranges? }.merge_ranges())
    }
}

/// Parses `5`, `10-20` or `30-`.
fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    if text.is_empty() {
        return Err("a row is missing: name rows as in 5,10-20,30-".to_owned());
    }
    let row = |number: &str| {
        let number = number.trim();
        // `u64` would also take a `+`.
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let row: Option<u64> = number.parse().ok().filter(|_| digits);
        row.ok_or_else(|| {
            format!("`{text}` is neither a row nor a range: name rows as in 5,10-20,30-")
        })
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    // `30-` is open at its end.
    let is_open = last.trim().is_empty();
    let (first, last) = (row(first)?, if is_open { u64::MAX } else { row(last)? });
    if first == 0 || last == 0 {
        return Err("there is no row 0: the first row after the header is 1".to_owned());
    }
    if last < first {
        return Err(format!(
            "{first}-{last} ends before it begins: did you mean {last}-{first}?"
        ));
    }
    Ok(first..=last)
}

/// Writes the selection as people do; a long one is cut short.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: &RangeInclusive<u64>| match (*range.start(), *range.end()) {
            (first, u64::MAX) => format!("{first}-"),
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        let ranges: Vec<_> = self.ranges.iter().take(NAMED + 1).map(range).collect();
        f.write_str(&first_of(&ranges, NAMED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(text: &str) -> Selection {
        text.parse()
            .unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
    }

    #[test]
    fn some_rows_more_are_no_row_twice() {
        let selection: Selection = "3,5-".parse().unwrap();
        assert_eq!(selection.clone().with([4, 2, 9]).to_string(), "2-");
        assert_eq!(selection.clone().with([1, 3]).to_string(), "1, 3, 5-");
        assert_eq!(selection.with([]).to_string(), "3, 5-");
    }

    #[test]
    fn rows_and_ranges_are_read_in_any_order_and_may_overlap() {
        for (text, tidy) in [
            ("5", "5"),
            ("5,10-20", "5, 10-20"),
            ("10-20,5", "5, 10-20"),
            (" 5 , 10 - 20 ", "5, 10-20"),
            ("1-5,3-9,10", "1-10"),
            ("3-9,4", "3-9"),
            ("20-", "20-"),
            ("20-,25-30,1", "1, 20-"),
            ("7,7", "7"),
            ("1-", "1-"),
            ("18446744073709551615", "18446744073709551615-"),
        ] {
            assert_eq!(selection(text).to_string(), tidy, "{text}");
        }
        assert!(selection("1-").is_all());
        assert!(!selection("2-").is_all());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "a row is missing: name rows as in 5,10-20,30-"),
            ("5,,6", "a row is missing: name rows as in 5,10-20,30-"),
            ("5,", "a row is missing: name rows as in 5,10-20,30-"),
            (
                "five",
                "`five` is neither a row nor a range: name rows as in 5,10-20,30-",
            ),
            (
                "-5",
                "`-5` is neither a row nor a range: name rows as in 5,10-20,30-",
            ),
            (
                "1-2-3",
                "`1-2-3` is neither a row nor a range: name rows as in 5,10-20,30-",
            ),
            (
                "+5",
                "`+5` is neither a row nor a range: name rows as in 5,10-20,30-",
            ),
            (
                "99999999999999999999",
                "`99999999999999999999` is neither a row nor a range: name rows as in 5,10-20,30-",
            ),
            (
                "0-4",
                "there is no row 0: the first row after the header is 1",
            ),
            ("20-10", "20-10 ends before it begins: did you mean 10-20?"),
        ] {
            let wrong = text.parse::<Selection>().unwrap_err();
            assert_eq!(wrong, said, "{text}");
        }
    }

    #[test]
    fn a_row_is_in_it_or_not() {
        let selection = selection("5,10-20,30-");
        let inside = [5, 10, 15, 20, 30, 1_000_000];
        let outside = [0, 1, 4, 6, 9, 21, 29];
        assert!(inside.iter().all(|row| selection.contains(*row)));
        assert!(!outside.iter().any(|row| selection.contains(*row)));
        assert!(!Selection::from_rows([]).contains(1));
        assert_eq!(selection.len(), None);
        assert_eq!(selection.until(31).len(), Some(14));
    }

    #[test]
    fn a_selection_can_be_cut_off_and_asked_what_lies_beyond_the_file() {
        let chosen = selection("5,10-20,30-");
        assert_eq!(chosen.clone().until(12).to_string(), "5, 10-12");
        assert_eq!(chosen.clone().until(7).to_string(), "5");
        assert!(chosen.clone().until(4).is_empty());
        assert_eq!(chosen.clone().until(40).to_string(), "5, 10-20, 30-40");
        assert!(chosen.beyond(30).is_empty());
        assert_eq!(chosen.beyond(29).to_string(), "30-");
        assert_eq!(chosen.beyond(15).to_string(), "16-20, 30-");
        assert!(Selection::all().beyond(1).is_empty());
    }

    #[test]
    fn a_long_one_is_cut_short_for_people() {
        let odd = Selection::from_rows((0..100).map(|n| 2 * n + 1));
        assert_eq!(odd.to_string(), "1, 3, 5, 7, 9, 11, 13, 15, …");
        assert_eq!(Selection::from_rows([3, 1, 2]).to_string(), "1-3");
    }
}
