//! Letters that share a recipient, or a file where nearly every letter has one of its own. Pass 1 counts them by hashes of 8 bytes; the rows are read again to name the
//! first of them.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::ops::ControlFlow;

use super::digest::keep_repeated;
use super::planner::RowPlanner;
use super::report_builder::ReportBuilder;
use super::{Mailing, Planned};
use crate::correspondence::identifier::masked;
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::Row;

/// The most letters that one warning names, beside the first of each group; and the most groups.
const NAMED: usize = 5;

/// Letters that share one thing: `what` it is, and the letters by line and key.
struct Group {
    hash: u64,
    what: String,
    letters: Vec<String>,
}

impl Mailing {
    /// Warns of recipients who get several letters. `repeated` has the hash of each letter past a recipient's first, sorted.
    pub(super) fn find_repeated_recipients(
        &self,
        repeated: &[u64],
        report: &mut ReportBuilder<'_>,
    ) -> Result<(), Problems> {
        let message = match repeated.len() {
            0 => return Ok(()),
            1 => "1 letter goes to a recipient who gets another one too".to_owned(),
            count => format!("{count} letters go to a recipient who gets another one too"),
        };
        let warning = self.shared_warning(message, repeated, |planner, row| {
            let (name, recipient) = planner.identify(row)?;
            let hash = report.recipient_hash(&recipient);
            let is_repeated = repeated.binary_search(&hash).is_ok();
            is_repeated.then(|| (hash, recipient.masked(), name))
        })?;
        // With keys of their own, several letters to one recipient may be meant.
        report.push(warning.with_hint("each row has a key of its own, so all of them are sent"));
        Ok(())
    }

    /// Warns of files that several letters have, where nearly every letter has one of its own.
    pub(super) fn find_repeated_files(
        &self,
        report: &mut ReportBuilder<'_>,
    ) -> Result<(), Problems> {
        for (entry, names) in std::mem::take(&mut report.own_files)
            .into_iter()
            .enumerate()
        {
            let names = names.unwrap_or_default();
            let letters = names.len();
            let mut repeated: Vec<_> = names.iter().map(|(hash, _)| *hash).collect();
            keep_repeated(&mut repeated);
            // Few files for many letters are shared on purpose.
            if repeated.is_empty() || repeated.len() * 3 > letters {
                continue;
            }
            let is_named = |(hash, _): &&(u64, u64)| repeated.binary_search(hash).is_ok();
            let rows: HashSet<u64> = names.iter().filter(is_named).map(|(_, row)| *row).collect();
            let message = match repeated.len() {
                1 => "1 letter has a file that another one has too, though nearly every letter has one of its own".to_owned(),
                count => format!("{count} letters have a file that another one has too, though nearly every letter has one of its own"),
            };
            let warning = self.shared_warning(message, &repeated, |planner, row| {
                // Planning a letter reads its files.
                if !rows.contains(&row.number) {
                    return None;
                }
                let Planned::Delivery(delivery) = planner.plan(row) else {
                    return None;
                };
                let at = planner.attached.iter().position(|at| *at == entry)?;
                let path = &delivery.files.get(at)?.file.path;
                let hash = report.hashing.hash_one(path);
                let name = path.strip_prefix(&self.loaded.folder).unwrap_or(path);
                let is_repeated = repeated.binary_search(&hash).is_ok();
                let what = || excerpt(&name.to_string_lossy());
                is_repeated.then(|| (hash, what(), delivery.name.clone()))
            })?;
            let plan = self.letter.attachments.get(entry);
            let columns = plan.map(|plan| plan.file.columns().join("`, `"));
            report.push(warning.with_hint(format!(
                "a file that is meant for one recipient would go to another: look at `{}`",
                columns.unwrap_or_default()
            )));
        }
        Ok(())
    }

    /// Reads the rows again until enough letters are found that share something: `key` gives its hash, its name, and the row's key. The warning stands at the file:
    /// which of the rows is wrong is not known.
    fn shared_warning(
        &self,
        message: String,
        repeated: &[u64],
        key: impl Fn(&mut RowPlanner<'_>, &Row) -> Option<(u64, String, String)>,
    ) -> Result<Problem, Problems> {
        let mut groups: Vec<Group> = Vec::new();
        // The number of letters that are not the first of their group.
        let mut found = 0;
        self.read_again(|planner, row| {
            if let Some((hash, what, name)) = key(planner, row) {
                let letter = format!("line {}: {}", row.line, excerpt(&masked(&name)));
                if let Some(group) = groups.iter_mut().find(|group| group.hash == hash) {
                    group.letters.push(letter);
                    found += 1;
                // Memory does not grow with the file: what would be one group more is left out.
                } else if groups.len() < NAMED {
                    let letters = vec![letter];
                    groups.push(Group {
                        hash,
                        what,
                        letters,
                    });
                }
            }
            if found < NAMED {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let groups = groups.iter().filter(|group| group.letters.len() > 1);
        let groups = groups.map(|group| format!("{} on {}", group.what, group.letters.join(", ")));
        let more = if repeated.len() > found {
            ", \u{2026}"
        } else {
            ""
        };
        let cause = groups.collect::<Vec<_>>().join("; ") + more;
        Ok(Problem::warning(Place::File(self.rows_file()), message).with_cause(cause))
    }

    /// Reads the rows again and passes each to `each`, until it breaks.
    pub(super) fn read_again(
        &self,
        mut each: impl FnMut(&mut RowPlanner<'_>, &Row) -> ControlFlow<()>,
    ) -> Result<(), Problems> {
        let mut rows = self.open_rows()?;
        let (mut row, mut planner) = (Row::default(), RowPlanner::new(self, None));
        while let Some(read) = rows.read(&mut row) {
            if read.is_ok() && each(&mut planner, &row).is_break() {
                break;
            }
        }
        Ok(())
    }
}
