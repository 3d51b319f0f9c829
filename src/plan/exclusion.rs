//! The people never to send to.

use std::collections::HashSet;
use std::path::Path;

use crate::correspondence::Recipient;
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::{Options, Row, Rows};

/// The keys and recipients in an `exclude` file.
#[derive(Debug, Default)]
pub(super) struct Exclusion(HashSet<String>);

impl Exclusion {
    /// Reads the first column of a recipients-like file; its header may have any name, and may itself be an entry.
    pub(super) fn load(path: &Path, shown: &Path) -> Result<Self, Problems> {
        let mut rows = Rows::open(path, shown, &Options::default())?;
        let mut entries = HashSet::new();
        entries.extend(rows.headers().first().map(|header| normal(header)));
        let mut row = Row::default();
        let mut problems = Problems::new();
        while let Some(read) = rows.read(&mut row) {
            match read {
                Ok(()) if row.get(0).trim().is_empty() => {}
                Ok(()) => {
                    entries.insert(normal(row.get(0)));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        if entries.is_empty() {
            let place = Place::File(shown.to_owned());
            return Err(Problem::error(place, "the list of exclusions is empty").into());
        }
        Ok(Self(entries))
    }

    /// Whether the row with this key or this recipient is on the list.
    pub(super) fn covers(&self, row_key: &str, recipient: &Recipient) -> bool {
        !self.0.is_empty() && (self.0.contains(row_key.trim()) || self.0.contains(&recipient.urn()))
    }
}

/// Recipients are compared in Altinn's spelling, whatever spelling the list uses.
fn normal(entry: &str) -> String {
    let entry = entry.trim();
    Recipient::parse(entry).map_or_else(|_| entry.to_owned(), |recipient| recipient.urn())
}
