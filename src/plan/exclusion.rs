//! The exclusion list: keys or recipients that get no letter. It is read and judged as the recipients file is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::key_spelling::as_spreadsheet_leaves_it;
use crate::correspondence::text::excerpt;
use crate::correspondence::{Recipient, identifier};
use crate::diagnostic::{Place, Problem, Problems, as_seen, has_errors};
use crate::recipients::{Damage, Options, Row, Rows, detect_damage};
use crate::secret::redact;
use crate::text::first_of;

/// The most entries without a row that one warning names.
const NAMED: usize = 5;

#[derive(Debug, Default)]
pub(super) struct Exclusion {
    file: PathBuf,
    /// The name of the column that is read; `None` for a list without a header.
    column: Option<String>,
    has_columns: bool,
    entries: Vec<Entry>,
    /// Indices of entries, by the URN of their recipient, and by the key as people see it.
    names: HashMap<String, usize>,
    /// Indices of entries that are no recipients, by what a spreadsheet leaves of the key.
    damaged_keys: HashMap<String, usize>,
}

/// An entry of the list. Several threads mark it while they render rows.
#[derive(Debug)]
struct Entry {
    text: String,
    line: u64,
    /// True for a value of the first line that may as well be the name of a column: a row that matches it shows that it is an entry.
    is_header: bool,
    is_met: AtomicBool,
    /// The first line of the recipients file whose key matches after a spreadsheet's changes; the largest number when there is none.
    near_line: AtomicU64,
}

impl Exclusion {
    /// Reads a list. With more than one column, the one with recipients or keys is chosen, and a warning names it. `names` are those of the columns that identify a
    /// row of the recipients file, `headers` those of all its columns.
    pub(super) fn load(
        path: &Path,
        display_path: &Path,
        names: &[&str],
        headers: &[String],
    ) -> Result<(Self, Problems), Problems> {
        let mut options = Options {
            bare_list: true,
            ..Options::default()
        };
        if Rows::open(path, display_path, &options)?.headers().len() == 1 {
            // In a list of one column a comma is a spreadsheet's decimal sign, unless every line ends with it.
            let mut set = options.clone();
            set.delimiter = Some("semicolon".to_owned());
            if Rows::open(path, display_path, &set).is_ok() {
                options = set;
            }
        }
        let open = || Rows::open(path, display_path, &options);
        // Opened twice: choosing the column may read all rows.
        let column = choose_column(open()?, names);
        let mut rows = open()?;
        let mut list = Self {
            file: display_path.to_owned(),
            column: rows.headers().get(column).cloned(),
            has_columns: rows.headers().len() > 1,
            ..Self::default()
        };
        let mut problems = Problems::new();
        if list.has_columns {
            let message = format!(
                "the exclusion list has {} columns: those in `{}` get no letter, the others are not looked at",
                rows.headers().len(),
                list.column.as_deref().unwrap_or_default()
            );
            problems.push(Problem::warning(Place::File(list.file.clone()), message).with_hint(
                "if the keys or recipients stand in another column, leave only that one in the file",
            ));
        }
        if let Some(line) = rows.header_line() {
            list.add_header(rows.headers(), line, headers);
        }
        let mut row = Row::default();
        while let Some(read) = rows.read(&mut row) {
            match read {
                Ok(()) => list.add(row.get(column), row.line, false),
                Err(problem) => problems.push(problem),
            }
        }
        // A list that was read in part would let letters go to people on it.
        if has_errors(&problems) {
            return Err(problems);
        }
        Ok((list, problems))
    }

    /// Adds the first line, unless it names a column of the recipients file: lists often have no header, and then it is an entry.
    fn add_header(&mut self, names: &[String], line: u64, known: &[String]) {
        let is_known = |name: &String| known.iter().any(|known| as_seen(known) == as_seen(name));
        if names.iter().any(is_known) {
            return;
        }
        for name in names {
            // With so many digits it is a key or a recipient, or meant as one: `2026-1`, `fnr 21824621702`.
            let digits = name.chars().filter(|c| c.is_numeric()).count();
            let is_header = self.has_columns || digits < 3;
            if !is_header {
                // Otherwise the name of a column would be an identity number.
                self.column = None;
            }
            self.add(name, line, is_header);
        }
    }

    /// Adds an entry, unless it is blank or equal to one before.
    fn add(&mut self, text: &str, line: u64, is_header: bool) {
        let seen = as_seen(text);
        if seen.is_empty() {
            return;
        }
        let at = self.entries.len();
        // Recipients are compared as Altinn normalises them: `0192:…` and the URN are one.
        let urn = Recipient::parse(text.trim()).map(|recipient| recipient.urn());
        if self.names.contains_key(urn.as_ref().unwrap_or(&seen)) {
            return;
        }
        if let Ok(urn) = urn {
            self.names.insert(urn, at);
        } else {
            // A recipient has a checksum or a prefix: a damaged one is reported as damage. Any other text may be a damaged key.
            self.damaged_keys.insert(as_spreadsheet_leaves_it(text), at);
        }
        self.names.insert(seen, at);
        self.entries.push(Entry {
            text: text.to_owned(),
            line,
            is_header,
            is_met: AtomicBool::new(false),
            near_line: AtomicU64::new(u64::MAX),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns true when the row with this key or recipient is on the list, and marks the entries that matched. With a `line`, an entry that would match after
    /// a spreadsheet's changes is marked too.
    pub(super) fn covers(
        &self,
        key: &str,
        recipient: Option<&Recipient>,
        line: Option<u64>,
    ) -> bool {
        if self.is_empty() {
            return false;
        }
        // All are looked up, so that an entry counts as matched whichever way the row is identified. A slip in an address lets nobody off the list.
        let named = |recipient: &Recipient| self.names.get(&recipient.urn());
        let by_recipient = recipient.and_then(named);
        let probably = recipient.and_then(Recipient::probably);
        let by_address = probably.as_ref().and_then(named);
        let by_key = self.names.get(&as_seen(key));
        let found = [by_recipient, by_address, by_key].into_iter().flatten();
        let mut is_covered = false;
        for entry in found.filter_map(|at| self.entries.get(*at)) {
            entry.is_met.store(true, Ordering::Relaxed);
            is_covered = true;
        }
        if !is_covered
            && let Some(line) = line
            && let Some(entry) = self
                .damaged_keys
                .get(&as_spreadsheet_leaves_it(key))
                .and_then(|at| self.entries.get(*at))
        {
            // The lowest line wins, so that the message does not depend on which thread comes first.
            entry.near_line.fetch_min(line, Ordering::Relaxed);
        }
        is_covered
    }

    /// The problems of the entries. To be called after every row has been compared with the list.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (mut unmet, mut header) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            let near_line = entry.near_line.load(Ordering::Relaxed);
            let error =
                |message| Problem::error(self.place(entry), message).with_cause(entry.excerpt());
            if entry.is_met() {
                // Which of the line's values is an entry, and so which column holds the others, is not known.
                if entry.is_header && self.has_columns {
                    let message = "the first line of the exclusion list is not a header: it holds a key or recipient of the mailing";
                    let hint = "put a line with the names of the columns above it";
                    problems.push(error(message.to_owned()).with_hint(hint));
                }
            // A header resembles no key.
            } else if entry.is_header && near_line == u64::MAX {
                header.push(entry);
            // An entry that misses its row by a slip would send a letter to a person who must not get one: an error where a slip is likely, else a warning.
            } else if let Some((message, hint)) = entry.damage() {
                problems.push(error(message).with_hint(hint));
            } else if near_line < u64::MAX {
                let message = "the entry of the exclusion list is a key that is written otherwise in the recipients file: a spreadsheet has changed one of them";
                let cause = format!(
                    "{}, as the key on line {near_line} may have been",
                    entry.excerpt()
                );
                let hint =
                    "write it as it stands in the recipients file, and export the column as text";
                problems.push(error(message.to_owned()).with_cause(cause).with_hint(hint));
            } else {
                unmet.push(entry);
            }
        }
        // A first line that no row has matched may be an entry with a slip, which would exclude nobody.
        if let Some(first) = header.first()
            && !has_errors(&problems)
        {
            let values: Vec<_> = header.iter().map(|entry| entry.excerpt()).collect();
            let message = format!(
                "the first line, {}, is taken for the header, not for an entry",
                values.join(", ")
            );
            problems.push(Problem::warning(self.place(first), message).with_hint(
                "if it is an entry, write it as in the recipients file; if not, name the column as there",
            ));
        }
        // A header counts as an entry only when a row has matched it.
        let count = self
            .entries
            .iter()
            .filter(|entry| !entry.is_header || entry.is_met())
            .count();
        if !unmet.is_empty() {
            let (verb, entries) = match (unmet.len(), count) {
                (1, 1) => ("meets", "entry"),
                (1, _) => ("meets", "entries"),
                (_, _) => ("meet", "entries"),
            };
            let message = format!(
                "{} of {count} {entries} of the exclusion list {verb} no row",
                unmet.len()
            );
            let named = |entry: &&Entry| format!("line {}: {}", entry.line, entry.excerpt());
            let named: Vec<_> = unmet.iter().take(NAMED + 1).map(named).collect();
            problems.push(
                Problem::warning(Place::File(self.file.clone()), message)
                    .with_cause(first_of(&named, NAMED))
                    .with_hint("they exclude nobody here: look whether they are written as in the recipients file"),
            );
        }
        problems
    }

    fn place(&self, entry: &Entry) -> Place {
        let column = self.column.iter().filter(|_| !entry.is_header);
        Place::Row {
            file: self.file.clone(),
            row: None,
            line: entry.line,
            columns: column.cloned().collect(),
        }
    }
}

impl Entry {
    fn is_met(&self) -> bool {
        self.is_met.load(Ordering::Relaxed)
    }

    fn excerpt(&self) -> String {
        excerpt(&identifier::masked(&self.text))
    }

    /// The damage that keeps the entry from being a recipient or a key: message and hint. `None` when it can be a key.
    fn damage(&self) -> Option<(String, String)> {
        if let Some((damage, _)) = detect_damage(&self.text)
            && !matches!(damage, Damage::NullWord)
        {
            return Some((
                format!("the entry of the exclusion list {}", damage.predicate()),
                damage.hint().to_owned(),
            ));
        }
        // A key may be any text. Only a text that was clearly meant as a recipient is judged as one.
        let error = Recipient::parse(self.text.trim()).err()?;
        if error.is_meant() {
            return Some((
                format!("the entry of the exclusion list cannot be read: {error}"),
                error.hint(),
            ));
        }
        let holds_person = matches!(redact(&self.text), Cow::Owned(_));
        holds_person.then(|| {
            (
                "the entry of the exclusion list has more than an identity number".to_owned(),
                "leave the number alone on its line: with anything beside it nobody is excluded"
                    .to_owned(),
            )
        })
    }
}

/// The index of the column with recipients or keys: the first of `names` that there is, else the one in which most values are meant as recipients.
fn choose_column(mut rows: Rows, names: &[&str]) -> usize {
    let headers: Vec<_> = rows
        .headers()
        .iter()
        .map(|header| as_seen(header))
        .collect();
    if headers.len() < 2 {
        return 0;
    }
    let position = |name: &&str| headers.iter().position(|header| *header == as_seen(name));
    if let Some(column) = names.iter().find_map(position) {
        return column;
    }
    let mut counts = vec![0_u64; headers.len()];
    let mut row = Row::default();
    while let Some(read) = rows.read(&mut row) {
        for (count, value) in counts.iter_mut().zip(row.iter()).filter(|_| read.is_ok()) {
            // A recipient with a mistake in it still shows what the column holds.
            let refused = Recipient::parse(value).err();
            *count += u64::from(refused.is_none_or(|error| error.is_meant()));
        }
    }
    // The leftmost of several columns with the same count; the first column when there are no recipients at all.
    let counts = counts.iter().enumerate().rev();
    counts
        .max_by_key(|(_, count)| **count)
        .map_or(0, |(column, _)| column)
}
