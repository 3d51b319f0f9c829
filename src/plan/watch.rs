//! Watches the columns for what spreadsheets do to them; some of it shows only beside the other rows.

use std::collections::HashSet;

use super::Mailing;
use super::report_builder::{PROBLEM_LIMIT, ReportBuilder};
use crate::correspondence::identifier;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem};
use crate::recipients::{Damage, Row, damage, is_date, serial_date};

/// How long a number is that may be a key with zeros in front: shorter ones are counted, and begin anywhere.
const SHORTEST_KEY: usize = 6;
/// How many zeros a key may have lost.
const LOST_ZEROS: usize = 3;

/// The columns of a file, as far as its rows have been read.
#[derive(Debug, Default)]
pub(super) struct Watch {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    index: usize,
    header: String,
    meaning: Meaning,
    suspects: Vec<Suspect>,
    /// How many dates there are.
    dates: u64,
    /// What is perhaps a date that has become a number.
    serials: Vec<Suspect>,
    /// For the key: the numbers by their lengths.
    lengths: Lengths,
}

/// What the name of a column says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Key,
    Date,
    PostCode,
    Other,
}

/// A value that is probably not what it was.
#[derive(Debug, Clone)]
struct Suspect {
    row: u64,
    line: u64,
    value: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Damaged(Damage, String),
    Serial(String),
    PostCode,
    /// A key with blanks around it.
    Padded,
    /// A key that is so much shorter than the others.
    Short(usize),
}

impl Watch {
    /// All columns but those that make the recipient, which is looked at more closely elsewhere.
    pub(super) fn new(mailing: &Mailing) -> Self {
        let recipient = mailing.letter.recipient.columns();
        let headers = mailing.headers().iter().enumerate();
        let columns = headers.filter(|(_, header)| !recipient.contains(&header.as_str()));
        let column = |(index, header): (usize, &String)| Column {
            index,
            header: header.clone(),
            meaning: if mailing.row_key == Some(index) {
                Meaning::Key
            } else {
                Meaning::of(header)
            },
            suspects: Vec::new(),
            dates: 0,
            serials: Vec::new(),
            lengths: Lengths::default(),
        };
        Self {
            columns: columns.map(column).collect(),
        }
    }

    /// One more row.
    pub(super) fn look(&mut self, row: &Row) {
        for column in &mut self.columns {
            let value = row.get(column.index);
            if !value.is_empty() {
                column.look(value, row);
            }
        }
    }
}

impl Mailing {
    /// Warns of damage in the columns that templates use and in the key; nobody sees the others.
    pub(super) fn find_damage(&self, watch: Watch, report: &mut ReportBuilder) {
        let used: HashSet<&str> = self.templates.used_names().collect();
        // The files of rows that nobody has looked at may use any of them.
        let unsure = report.stopped && self.templates.rows_choose_files();
        let columns = watch.columns.into_iter();
        for column in columns.filter(|column| {
            unsure || column.meaning == Meaning::Key || used.contains(column.header.as_str())
        }) {
            let header = column.header.clone();
            for suspect in column.found() {
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
    fn look(&mut self, value: &str, row: &Row) {
        if let Some((kind, probably)) = damage(value) {
            let what = What::Damaged(kind, probably);
            suspect(&mut self.suspects, value, row, what);
        }
        let starts_with_digit = value.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match self.meaning {
            Meaning::Key => {
                if value.trim().len() != value.len() {
                    suspect(&mut self.suspects, value, row, What::Padded);
                }
                self.lengths.look(value, row);
            }
            Meaning::PostCode => {
                if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()) {
                    suspect(&mut self.suspects, value, row, What::PostCode);
                }
            }
            Meaning::Date | Meaning::Other if starts_with_digit => {
                if let Some(day) = serial_date(value) {
                    let what = What::Serial(day.to_string());
                    suspect(&mut self.serials, value, row, what);
                } else if is_date(value) {
                    self.dates += 1;
                }
            }
            Meaning::Date | Meaning::Other => {}
        }
    }

    /// Everything that is suspect now that all rows are known.
    fn found(mut self) -> Vec<Suspect> {
        // Five digits are a date only where dates are expected.
        if self.meaning == Meaning::Date || self.dates > 0 {
            self.suspects.append(&mut self.serials);
        }
        self.suspects.extend(self.lengths.short());
        self.suspects.sort_by_key(|suspect| suspect.row);
        self.suspects
    }
}

fn suspect(suspects: &mut Vec<Suspect>, value: &str, row: &Row, what: What) {
    // Past this nobody is helped by another one.
    if suspects.len() < PROBLEM_LIMIT {
        suspects.push(Suspect {
            row: row.number,
            line: row.line,
            value: value.to_owned(),
            what,
        });
    }
}

impl Meaning {
    /// Goes by the words in a header: `Forfallsdato`, `dueDate`, `Svarfrist`, `Postnr.`.
    fn of(header: &str) -> Self {
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

/// Keys that are numbers, by how long they are.
#[derive(Debug, Default)]
struct Lengths {
    by_length: Vec<Length>,
    /// Keys that are no numbers.
    others: u64,
    /// Whether a key begins with a zero.
    zeros: bool,
}

#[derive(Debug, Default, Clone)]
struct Length {
    count: u64,
    first: u64,
    suspects: Vec<Suspect>,
}

impl Lengths {
    fn look(&mut self, value: &str, row: &Row) {
        if value.len() > 20 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            self.others += 1;
            return;
        }
        self.zeros |= value.starts_with('0');
        if self.by_length.len() <= value.len() {
            self.by_length.resize(value.len() + 1, Length::default());
        }
        let Some(length) = self.by_length.get_mut(value.len()) else {
            return;
        };
        if length.count == 0 {
            length.first = row.number;
        }
        length.count += 1;
        suspect(&mut length.suspects, value, row, What::Short(0));
    }

    /// The keys that are shorter than all others, which have one length. Keys that were counted up to more digits come in their order, and are left alone.
    fn short(&self) -> Vec<Suspect> {
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
        let short = |short: Suspect| Suspect {
            what: What::Short(longest - short.value.len()),
            ..short
        };
        suspects.into_iter().map(short).collect()
    }
}

impl Suspect {
    fn problem(self, place: Place, header: &str) -> Problem {
        const AS_TEXT: &str = "a spreadsheet has changed it: export the column as text";
        let probably = |value: &str| {
            let (was, is) = (identifier::masked(&self.value), identifier::masked(value));
            format!("{}, probably {}", excerpt(&was), excerpt(&is))
        };
        let (message, cause, hint) = match &self.what {
            What::Damaged(Damage::ScientificNotation, number) => (
                format!("`{header}` is a number in scientific notation"),
                probably(number),
                "a spreadsheet has rounded it, and digits may be lost: export the column as text again",
            ),
            What::Damaged(Damage::InvisibleBlanks, visible) => (
                format!("`{header}` has blanks that do not show"),
                probably(visible),
                "remove them: they came with a copy from a page or a document",
            ),
            What::Damaged(Damage::WrongEncoding, text) => (
                format!("`{header}` was read in the wrong encoding before it was saved"),
                probably(text),
                "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}",
            ),
            What::Serial(day) => (
                format!("`{header}` is a number where dates stand"),
                probably(day),
                AS_TEXT,
            ),
            What::PostCode => (
                format!("`{header}` has lost its leading zero"),
                probably(&format!("0{}", self.value)),
                AS_TEXT,
            ),
            What::Padded => (
                format!("the key `{header}` has blanks around it"),
                probably(self.value.trim()),
                "remove them: with and without they are two keys, and two letters",
            ),
            What::Short(zeros) => (
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
            assert_eq!(Meaning::of(header), Meaning::Date, "{header}");
        }
        for header in ["Postnr.", "postnummer", "Post code, Postcode"] {
            assert_eq!(Meaning::of(header), Meaning::PostCode, "{header}");
        }
        for header in [
            "",
            "Candidate",
            "update",
            "Beløp",
            "Datonummerert",
            "Poststed",
        ] {
            assert_eq!(Meaning::of(header), Meaning::Other, "{header}");
        }
    }

    /// The rows (from 1) of the keys that have probably lost zeros.
    fn short(keys: &[&str]) -> Vec<u64> {
        let mut lengths = Lengths::default();
        for (key, number) in keys.iter().zip(1..) {
            lengths.look(key, &Row::new(number, number + 1, [*key]));
        }
        lengths.short().iter().map(|short| short.row).collect()
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
