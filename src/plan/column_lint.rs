//! Warns of cells that a spreadsheet or a clipboard has probably damaged. Some damage shows only when all rows of a column are known.

use std::collections::HashSet;

use super::Mailing;
use super::problems::PROBLEM_LIMIT;
use super::report_builder::ReportBuilder;
use crate::correspondence::identifier;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem};
use crate::recipients::{Damage, Row, detect_damage, is_date, serial_date};

/// Keys of fewer digits are running numbers, which have no fixed length.
const SHORTEST_KEY: usize = 6;
/// Leading zeros a key may have lost.
const LOST_ZEROS: usize = 3;

/// Evidence about each column, gathered row by row.
#[derive(Debug, Default)]
pub(super) struct ColumnLint {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    index: usize,
    header: String,
    kind: ColumnKind,
    suspects: Vec<SuspectCell>,
    dates: u64,
    /// Numbers that may be dates.
    serials: Vec<SuspectCell>,
    /// Filled for the key column only.
    lengths: KeyLengths,
}

/// What a column holds, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Key,
    Date,
    PostCode,
    Other,
}

/// A value that is probably not what it was.
#[derive(Debug, Clone)]
struct SuspectCell {
    row: u64,
    line: u64,
    value: String,
    suspicion: Suspicion,
}

#[derive(Debug, Clone)]
enum Suspicion {
    Damaged(Damage, String),
    Serial(String),
    PostCode,
    /// A key with blanks around it.
    Padded,
    /// A key that is so much shorter than the others.
    Short(usize),
}

impl ColumnLint {
    /// All columns but those of the recipient, which `Recipient::parse` judges.
    pub(super) fn new(mailing: &Mailing) -> Self {
        let recipient = mailing.letter.recipient.columns();
        let headers = mailing.headers().iter().enumerate();
        let columns = headers.filter(|(_, header)| !recipient.contains(&header.as_str()));
        let column = |(index, header): (usize, &String)| Column {
            index,
            header: header.clone(),
            kind: if mailing.row_key == Some(index) {
                ColumnKind::Key
            } else {
                ColumnKind::from_header(header)
            },
            suspects: Vec::new(),
            dates: 0,
            serials: Vec::new(),
            lengths: KeyLengths::default(),
        };
        Self {
            columns: columns.map(column).collect(),
        }
    }

    pub(super) fn observe(&mut self, row: &Row) {
        for column in &mut self.columns {
            let value = row.get(column.index);
            if !value.is_empty() {
                column.observe(value, row);
            }
        }
    }
}

impl Mailing {
    /// Warns of damage in the key and in the columns that templates use; no letter shows the others.
    pub(super) fn find_damage(&self, lint: ColumnLint, report: &mut ReportBuilder<'_>) {
        let used: HashSet<&str> = self.templates.used_names().collect();
        // Rows that were not rendered may choose template files that use any column.
        let unsure = report.stopped && self.templates.rows_choose_files();
        let columns = lint.columns.into_iter();
        for column in columns.filter(|column| {
            unsure || column.kind == ColumnKind::Key || used.contains(column.header.as_str())
        }) {
            let header = column.header.clone();
            for suspect in column.into_suspects() {
                let place = Place::Row {
                    file: self.rows_file(),
                    row: Some(suspect.row),
                    line: suspect.line,
                    columns: vec![header.clone()],
                };
                report.push(suspect.problem(place, &header));
            }
        }
    }
}

impl Column {
    fn observe(&mut self, value: &str, row: &Row) {
        if let Some((kind, probably)) = detect_damage(value) {
            let suspicion = Suspicion::Damaged(kind, probably);
            note_suspect(&mut self.suspects, value, row, suspicion);
        }
        let starts_with_digit = value.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match self.kind {
            ColumnKind::Key => {
                if value.trim().len() != value.len() {
                    note_suspect(&mut self.suspects, value, row, Suspicion::Padded);
                }
                self.lengths.observe(value, row);
            }
            ColumnKind::PostCode => {
                if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()) {
                    note_suspect(&mut self.suspects, value, row, Suspicion::PostCode);
                }
            }
            ColumnKind::Date | ColumnKind::Other if starts_with_digit => {
                if let Some(day) = serial_date(value) {
                    let suspicion = Suspicion::Serial(day.to_string());
                    note_suspect(&mut self.serials, value, row, suspicion);
                } else if is_date(value) {
                    self.dates += 1;
                }
            }
            ColumnKind::Date | ColumnKind::Other => {}
        }
    }

    /// All suspects, in row order, now that every row is known.
    fn into_suspects(mut self) -> Vec<SuspectCell> {
        // Five digits are a date only where dates are expected.
        if self.kind == ColumnKind::Date || self.dates > 0 {
            self.suspects.append(&mut self.serials);
        }
        self.suspects.extend(self.lengths.suspiciously_short());
        self.suspects.sort_by_key(|suspect| suspect.row);
        self.suspects
    }
}

fn note_suspect(suspects: &mut Vec<SuspectCell>, value: &str, row: &Row, suspicion: Suspicion) {
    // More examples than this are never shown.
    if suspects.len() < PROBLEM_LIMIT {
        suspects.push(SuspectCell {
            row: row.number,
            line: row.line,
            value: value.to_owned(),
            suspicion,
        });
    }
}

impl ColumnKind {
    /// By the words of a header: `Forfallsdato`, `dueDate`, `Svarfrist`, `Postnr.`.
    fn from_header(header: &str) -> Self {
        let mut words = vec![String::new()];
        let mut previous = ' ';
        for letter in header.chars() {
            if !letter.is_alphanumeric() || letter.is_uppercase() && previous.is_lowercase() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(
                    letter
                        .to_lowercase()
                        .filter(|letter| letter.is_alphanumeric()),
                );
            }
            previous = letter;
        }
        let date = |word: &String| {
            matches!(word.as_str(), "date" | "deadline" | "forfall")
                || word.ends_with("dato")
                || word.ends_with("frist")
        };
        let post_code = |word: &String| {
            matches!(
                word.as_str(),
                "postnr" | "postnummer" | "postkode" | "postcode"
            )
        };
        if words.iter().any(date) {
            Self::Date
        } else if words.iter().any(post_code) {
            Self::PostCode
        } else {
            Self::Other
        }
    }
}

/// Numeric keys, by their number of digits.
#[derive(Debug, Default)]
struct KeyLengths {
    by_length: Vec<KeysOfLength>,
    /// Keys that are not numbers.
    others: u64,
    zeros: bool,
}

#[derive(Debug, Default, Clone)]
struct KeysOfLength {
    count: u64,
    first: u64,
    suspects: Vec<SuspectCell>,
}

impl KeyLengths {
    fn observe(&mut self, value: &str, row: &Row) {
        if value.len() > 20 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            self.others += 1;
            return;
        }
        self.zeros |= value.starts_with('0');
        if self.by_length.len() <= value.len() {
            self.by_length
                .resize(value.len() + 1, KeysOfLength::default());
        }
        let Some(length) = self.by_length.get_mut(value.len()) else {
            return;
        };
        if length.count == 0 {
            length.first = row.number;
        }
        length.count += 1;
        note_suspect(&mut length.suspects, value, row, Suspicion::Short(0));
    }

    /// Keys that are shorter than the many others, which all have one length. Running numbers also grow longer, but in file order: they are left out.
    fn suspiciously_short(&self) -> Vec<SuspectCell> {
        let longest = self.by_length.len().saturating_sub(1);
        let Some((whole, shorter)) = self.by_length.split_last() else {
            return Vec::new();
        };
        let count: u64 = shorter.iter().map(|length| length.count).sum();
        let few = count > 0 && count * 2 < whole.count;
        let least = shorter.iter().position(|length| length.count > 0);
        let near = least.is_some_and(|least| longest - least <= LOST_ZEROS);
        let suspects: Vec<_> = shorter
            .iter()
            .flat_map(|length| length.suspects.iter().cloned())
            .collect();
        let in_order = suspects.iter().all(|short| short.row < whole.first);
        if self.others > 0 || longest < SHORTEST_KEY || !few || !near || in_order && !self.zeros {
            return Vec::new();
        }
        let short = |short: SuspectCell| SuspectCell {
            suspicion: Suspicion::Short(longest - short.value.len()),
            ..short
        };
        suspects.into_iter().map(short).collect()
    }
}

impl SuspectCell {
    fn problem(self, place: Place, header: &str) -> Problem {
        const AS_TEXT: &str = "a spreadsheet has changed it: export the column as text";
        let probably = |value: &str| {
            let (was, is) = (identifier::masked(&self.value), identifier::masked(value));
            format!("{}, probably {}", excerpt(&was), excerpt(&is))
        };
        let (message, cause, hint) = match &self.suspicion {
            Suspicion::Damaged(Damage::ScientificNotation, number) => (
                format!("`{header}` is a number in scientific notation"),
                probably(number),
                "a spreadsheet has rounded it, and digits may be lost: export the column as text again",
            ),
            Suspicion::Damaged(Damage::InvisibleBlanks, visible) => (
                format!("`{header}` has blanks that do not show"),
                probably(visible),
                "remove them: they came with a copy from a page or a document",
            ),
            Suspicion::Damaged(Damage::WrongEncoding, text) => (
                format!("`{header}` was read in the wrong encoding before it was saved"),
                probably(text),
                "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}",
            ),
            Suspicion::Serial(day) => (
                format!("`{header}` is a number where dates stand"),
                probably(day),
                AS_TEXT,
            ),
            Suspicion::PostCode => (
                format!("`{header}` has lost its leading zero"),
                probably(&format!("0{}", self.value)),
                AS_TEXT,
            ),
            Suspicion::Padded => (
                format!("the key `{header}` has blanks around it"),
                probably(self.value.trim()),
                "remove them: with and without they are two keys, and two letters",
            ),
            Suspicion::Short(zeros) => (
                format!(
                    "the key `{header}` is shorter than the others: it may have lost leading zeros"
                ),
                probably(&format!("{}{}", "0".repeat(*zeros), self.value)),
                AS_TEXT,
            ),
        };
        Problem::warning(place, message)
            .with_cause(cause)
            .with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_stands_in_their_columns() {
        for header in [
            "Dato",
            "Forfallsdato",
            "due date",
            "dueDate",
            "Svarfrist",
            "FRIST",
            "svar_frist",
        ] {
            assert_eq!(
                ColumnKind::from_header(header),
                ColumnKind::Date,
                "{header}"
            );
        }
        for header in ["Postnr.", "postnummer", "Post code, Postcode"] {
            assert_eq!(
                ColumnKind::from_header(header),
                ColumnKind::PostCode,
                "{header}"
            );
        }
        for header in [
            "",
            "Candidate",
            "update",
            "Beløp",
            "Datonummerert",
            "Poststed",
        ] {
            assert_eq!(
                ColumnKind::from_header(header),
                ColumnKind::Other,
                "{header}"
            );
        }
    }

    /// The rows (from 1) of the keys that have probably lost zeros.
    fn short(keys: &[&str]) -> Vec<u64> {
        let mut lengths = KeyLengths::default();
        for (key, number) in keys.iter().zip(1..) {
            lengths.observe(key, &Row::new(number, number + 1, [*key]));
        }
        lengths
            .suspiciously_short()
            .iter()
            .map(|short| short.row)
            .collect()
    }

    #[test]
    fn keys_that_are_shorter_than_all_others_have_lost_zeros() {
        assert_eq!(short(&["202600", "31260", "412600", "552600"]), [2]);
        assert_eq!(short(&["1260", "012600", "412600", "552600"]), [1]);
    }

    #[test]
    fn keys_of_many_lengths_are_left_alone() {
        for keys in [
            &[][..],
            &["123456"],
            // Counted up.
            &[
                "99998", "99999", "100000", "100001", "100002", "100003", "100004",
            ],
            // Too short to be padded.
            &["123", "45", "678", "901"],
            // Half of them.
            &["123456", "12345", "123457", "12346"],
            &["123456", "1", "123457", "123458"],
            &["123456", "12345", "A23457", "123458"],
        ] {
            assert_eq!(short(keys), [0; 0], "{keys:?}");
        }
    }
}
