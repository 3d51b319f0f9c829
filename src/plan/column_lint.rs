//! The column lint: warns of cells that a spreadsheet or a clipboard has probably damaged. Some damage shows only when all rows of a column are known.

use std::collections::{BTreeMap, HashSet};

use super::Mailing;
use super::problems::PROBLEM_LIMIT;
use super::report_builder::ReportBuilder;
use crate::correspondence::identifier;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem, Severity, difference};
use crate::recipients::{
    Damage, Dialect, Row, detect_damage, is_date, month_of, serial_date, with_signs_named,
};

/// The fewest digits of keys that have a fixed length: shorter ones are running numbers, which grow.
const SHORTEST_KEY: usize = 6;
/// Keys of at least this many digits may have lost zeros too when some key begins with a zero, or when the shorter keys are not those of running numbers.
const SHORTEST_PADDED_KEY: usize = 4;
/// Members that are shown on one line, as JSON pointers.
const ONE_LINE: [&str; 8] = [
    "/correspondence/content/messageTitle",
    "/correspondence/sendersReference",
    "/correspondence/messageSender",
    "/correspondence/notification/emailSubject",
    "/correspondence/notification/reminderEmailSubject",
    "/correspondence/externalReferences",
    "/correspondence/replyOptions",
    "/correspondence/propertyList",
];
/// The most leading zeros a key may have lost; larger differences in length have other causes.
const LOST_ZEROS: usize = 3;

#[derive(Debug, Default)]
pub(super) struct ColumnLint {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    index: usize,
    header: String,
    kind: ColumnKind,
    /// A member of the letter that shows it on one line.
    one_line: Option<&'static str>,
    /// The texts that templates compare it with.
    compared: Vec<String>,
    suspects: Vec<SuspectCell>,
    /// Values that only look like the texts they are compared with. By themselves, so that many of them hide no damage.
    not_equal: Vec<SuspectCell>,
    dates: u64,
    filled: u64,
    /// Of the key column: dates, which may have been keys such as `1-2`.
    key_dates: Vec<SuspectCell>,
    /// Whole numbers in the range of a spreadsheet's day numbers, as `45000` for 2023-03-15.
    serials: Vec<SuspectCell>,
    /// Filled for the key column only.
    lengths: KeyLengths,
}

/// The content of a column, judged by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Key,
    Date,
    PostCode,
    Other,
}

/// A value that a spreadsheet or a clipboard has probably changed.
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
    /// A line break in a value that this member shows on one line.
    LineBreak(&'static str),
    /// A value that looks like this text, which templates compare it with, and is not equal to it.
    NotEqual(String),
    /// A key that is a date, and the text it may have been; empty when that is not known.
    KeyDate(String),
    Serial(String),
    PostCode,
    /// A key with blanks around it.
    Padded,
    /// A key that is this many digits shorter than the others.
    Short(usize),
}

impl ColumnLint {
    /// Watches all columns but those of the recipient, which `Recipient::parse` judges.
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
            one_line: one_line_member(mailing, header),
            compared: mailing.templates.compared_with(index),
            suspects: Vec::new(),
            not_equal: Vec::new(),
            dates: 0,
            filled: 0,
            key_dates: Vec::new(),
            serials: Vec::new(),
            lengths: KeyLengths::default(),
        };
        Self {
            columns: columns.map(column).collect(),
        }
    }

    /// Looks at a row without a letter: its condition may have failed because of a blank or a capital letter.
    pub(super) fn observe_skipped(&mut self, row: &Row) {
        for column in &mut self.columns {
            column.observe_comparisons(row.get(column.index), row);
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
    /// Reports damage in the key column and in columns that templates use. No letter shows the others, so their cells do not matter.
    pub(super) fn find_damage(&self, lint: ColumnLint, report: &mut ReportBuilder<'_>) {
        let used: HashSet<&str> = self.templates.used_names().collect();
        // Rows that were not rendered may choose template files that use any column.
        let unsure = report.stopped && self.templates.rows_choose_files();
        let columns = lint.columns.into_iter();
        for column in columns.filter(|column| {
            unsure || column.kind == ColumnKind::Key || used.contains(column.header.as_str())
        }) {
            let header = column.header.clone();
            // Each cell is a problem of its own: equal ones are grouped when they are shown.
            for suspect in column.into_suspects() {
                let place = self.row_place(suspect.row, suspect.line, [&header]);
                report.push(suspect.problem(place, &header, *self.dialect()));
            }
        }
    }
}

impl Column {
    /// Judges one cell that is not empty, by the kind of its column.
    fn observe(&mut self, value: &str, row: &Row) {
        let note = |suspects: &mut Vec<_>, suspicion| note_suspect(suspects, value, row, suspicion);
        if let Some((kind, probably)) = detect_damage(value) {
            note(&mut self.suspects, Suspicion::Damaged(kind, probably));
        }
        self.observe_comparisons(value, row);
        self.filled += 1;
        if let (Some(member), true) = (self.one_line, value.contains(['\n', '\r'])) {
            note(&mut self.suspects, Suspicion::LineBreak(member));
        }
        let starts_with_digit = value.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match self.kind {
            ColumnKind::Key => {
                if value.trim().len() != value.len() {
                    note(&mut self.suspects, Suspicion::Padded);
                }
                self.lengths.observe(value, row);
                // `jan.26` is a suspect by itself. A full date is one only if most other keys are no dates.
                if let Some(was) = before_it_was_a_month(value) {
                    note(&mut self.suspects, Suspicion::KeyDate(was));
                } else if is_date(value) {
                    note(&mut self.key_dates, Suspicion::KeyDate(String::new()));
                }
            }
            ColumnKind::PostCode => {
                if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()) {
                    note(&mut self.suspects, Suspicion::PostCode);
                }
            }
            ColumnKind::Date | ColumnKind::Other if starts_with_digit => {
                if let Some(day) = serial_date(value) {
                    note(&mut self.serials, Suspicion::Serial(day.to_string()));
                } else if is_date(value) {
                    self.dates += 1;
                }
            }
            ColumnKind::Date | ColumnKind::Other => {}
        }
    }

    /// Notes a value that looks like a text that it is compared with, and equals none.
    fn observe_comparisons(&mut self, value: &str, row: &Row) {
        if self.compared.iter().any(|text| text == value) {
            return;
        }
        let mut compared = self.compared.iter();
        if let Some(text) = compared.find(|text| difference(value, text).is_some()) {
            let suspicion = Suspicion::NotEqual(text.clone());
            note_suspect(&mut self.not_equal, value, row, suspicion);
        }
    }

    /// Returns all suspects in row order. To be called after the last row: some are suspects only beside the others.
    fn into_suspects(mut self) -> Vec<SuspectCell> {
        // A number of five digits is a day number only where the header or other cells say that dates are expected.
        if self.kind == ColumnKind::Date || self.dates > 0 {
            self.suspects.append(&mut self.serials);
        }
        self.suspects.extend(self.lengths.suspiciously_short());
        self.suspects.append(&mut self.not_equal);
        // Where at least half of the keys are dates, dates are the keys.
        if (self.key_dates.len() as u64) * 2 < self.filled {
            self.suspects.append(&mut self.key_dates);
        }
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
    /// Judges a column by the words of its header: `Forfallsdato`, `dueDate`, `Svarfrist`, `Postnr.`.
    fn from_header(header: &str) -> Self {
        let mut spaced = String::with_capacity(2 * header.len());
        for letter in header.chars() {
            // `dueDate` is two words: a capital after a small letter begins one.
            if letter.is_uppercase() && spaced.ends_with(char::is_lowercase) {
                spaced.push(' ');
            }
            spaced.push(letter);
        }
        let spaced = spaced.to_lowercase();
        let mut words = spaced.split(|letter: char| !letter.is_alphanumeric());
        let date = |word: &str| {
            matches!(word, "date" | "deadline" | "forfall")
                || word.ends_with("dato")
                || word.ends_with("frist")
        };
        let post_code =
            |word: &str| matches!(word, "postnr" | "postnummer" | "postkode" | "postcode");
        if words.clone().any(date) {
            Self::Date
        } else if words.any(post_code) {
            Self::PostCode
        } else {
            Self::Other
        }
    }
}

/// The numeric keys of the key column.
#[derive(Debug, Default)]
struct KeyLengths {
    /// How many have a number of digits, and the first of them.
    by_length: BTreeMap<usize, (u64, Vec<SuspectCell>)>,
    /// The number of keys that are not numbers.
    others: u64,
    /// True when a key begins with a zero: then zeros have not been lost everywhere, and keys are meant to have them.
    any_leading_zero: bool,
}

impl KeyLengths {
    /// Counts one key. More than 20 digits are no number that could have lost zeros.
    fn observe(&mut self, value: &str, row: &Row) {
        if value.len() > 20 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            self.others += 1;
            return;
        }
        self.any_leading_zero |= value.starts_with('0');
        let (count, suspects) = self.by_length.entry(value.len()).or_default();
        *count += 1;
        note_suspect(suspects, value, row, Suspicion::Short(0));
    }

    /// Returns the keys that are shorter than most others, when those all have one length. Running numbers grow longer too, but in file order: they are left out.
    fn suspiciously_short(mut self) -> Vec<SuspectCell> {
        let Some((longest, (whole, first_whole))) = self.by_length.pop_last() else {
            return Vec::new();
        };
        let shorter = self.by_length;
        let count: u64 = shorter.values().map(|(count, _)| count).sum();
        // Without a leading zero anywhere, only a clear minority is suspicious.
        let is_minority = count > 0 && (count * 2 < whole || self.any_leading_zero);
        let shortest = shorter.keys().next().copied();
        let is_near = shortest.is_some_and(|shortest| longest - shortest <= LOST_ZEROS);
        // Running numbers pass through every length: keys of one digit, and none that are just shorter than the longest, are something else.
        let has_next_length = shorter.contains_key(&(longest - 1));
        let is_odd = self.any_leading_zero || shortest == Some(1) && !has_next_length;
        // Running numbers: every short key stands before the first long one.
        let mut suspects: Vec<_> = shorter
            .into_values()
            .flat_map(|(_, suspects)| suspects)
            .collect();
        let first_whole = first_whole.first().map(|key| key.row);
        let in_order = suspects.iter().all(|short| Some(short.row) < first_whole);
        let long_enough = longest >= SHORTEST_KEY || longest >= SHORTEST_PADDED_KEY && is_odd;
        if self.others > 0 || !long_enough || !is_minority || !is_near || in_order && !is_odd {
            return Vec::new();
        }
        for short in &mut suspects {
            short.suspicion = Suspicion::Short(longest - short.value.len());
        }
        suspects
    }
}

impl SuspectCell {
    /// The problem for a suspect cell, with the value it probably had. Values are masked: any column may hold identity numbers.
    fn problem(self, place: Place, header: &str, dialect: Dialect) -> Problem {
        const AS_TEXT: &str = "a spreadsheet has changed it: export the column as text";
        let probably = |value: &str| {
            let (was, is) = (
                with_signs_named(&identifier::masked(&self.value)),
                identifier::masked(value),
            );
            match value {
                "" => excerpt(&was),
                _ => format!("{}, probably {}", excerpt(&was), excerpt(&is)),
            }
        };
        let is_other_encoding =
            |damage| damage == Damage::WrongEncoding && dialect.is_single_byte();
        let severity = match self.suspicion {
            Suspicion::Damaged(damage, _) if damage.is_error() || is_other_encoding(damage) => {
                Severity::Error
            }
            _ => Severity::Warning,
        };
        let (message, cause, hint) = match &self.suspicion {
            Suspicion::Damaged(damage, text) if is_other_encoding(*damage) => (
                format!(
                    "`{header}` is UTF-8, and the file is read as {}",
                    dialect.encoding()
                ),
                probably(text),
                "the file is in two encodings, or `encoding` is wrong: save it as \u{ab}CSV UTF-8\u{bb}, each part before they are joined",
            ),
            Suspicion::Damaged(damage, value) => (
                format!("`{header}` {}", damage.predicate()),
                probably(value),
                damage.hint(),
            ),
            Suspicion::LineBreak(member) => (
                format!("`{header}` has a line break, and `{member}` is one line"),
                probably(""),
                "remove it, or write `{{ … | replace(from=\"\\n\", to=\" \") }}` in the template",
            ),
            Suspicion::NotEqual(text) => (
                format!("`{header}` is not `{text}`, which it is compared with, but looks like it"),
                probably("") + ": " + difference(&self.value, text).unwrap_or_default(),
                "write the cells alike, or compare without upper case and blanks: `{% if … | trim | lower == \"ja\" %}`",
            ),
            Suspicion::KeyDate(was) => (
                format!("the key `{header}` is a date beside others that are none"),
                if was.is_empty() {
                    probably("")
                } else {
                    format!("{}, perhaps {}", excerpt(&self.value), excerpt(was))
                },
                AS_TEXT,
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
        Problem::new(severity, place, message)
            .with_cause(cause)
            .with_hint(hint)
    }
}

/// A member that shows a column on one line, by its name.
fn one_line_member(mailing: &Mailing, header: &str) -> Option<&'static str> {
    let correspondence = &mailing.letter.correspondence;
    let shows = |pointer: &&&str| correspondence.columns(pointer).contains(&header);
    ONE_LINE.iter().find(shows)?.rsplit('/').next()
}

/// The text that a key may have been before a spreadsheet made `jan.26` or `01.feb` of it.
fn before_it_was_a_month(key: &str) -> Option<String> {
    let mut parts = key
        .split(['.', '-', '/', ' '])
        .filter(|part| !part.is_empty());
    let (first, second) = (parts.next()?, parts.next()?);
    let number = |text: &str| text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() {
        return None;
    }
    // Two digits may be a year or, in `01.feb`, a day. A number in front of the month was the first part of the key.
    match (month_of(first), month_of(second)) {
        (Some(month), None) if second.len() == 2 && number(second) => {
            Some(format!("20{second}/{month}"))
        }
        (Some(month), None) if number(second) => Some(format!("{second}/{month}")),
        (None, Some(month)) if number(first) => {
            Some(format!("{}/{month}", first.trim_start_matches('0')))
        }
        _ => None,
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
    fn one_digit_beside_four_is_a_key_that_has_lost_zeros() {
        assert_eq!(short(&["1", "0002", "0003"]), [1]);
        assert_eq!(short(&["1", "0002"]), [1]);
        assert_eq!(short(&["4711", "7", "2310", "5512"]), [2]);
        assert_eq!(short(&["0", "1", "2", "10", "11"]), [0; 0]);
        assert_eq!(
            short(&["4711", "98", "2310", "712", "5512", "6001", "9"]),
            [0; 0]
        );
    }

    #[test]
    fn keys_that_a_spreadsheet_has_made_dates_of_are_told_with_what_they_were() {
        let before = |key: &str| before_it_was_a_month(key);
        assert_eq!(before("jan.26").as_deref(), Some("2026/1"));
        assert_eq!(before("Dec-26").as_deref(), Some("2026/12"));
        assert_eq!(before("01.feb").as_deref(), Some("1/2"));
        assert_eq!(before("1. mai").as_deref(), Some("1/5"));
        for key in ["2026/1", "mai", "sak-26", "jan.26.1", ""] {
            assert_eq!(before(key), None, "{key}");
        }
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
