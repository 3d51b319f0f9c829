//! The uses of a template: its names, its columns of `row`, and the letter's language.

use std::collections::BTreeSet;

use super::names::{Meaning, Name, Names};

/// The inputs that a template depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// The names, as indexes into [`Names::all`].
    pub(super) names: BTreeSet<usize>,
    /// The columns that are read through `row`, by index.
    pub(super) row: BTreeSet<usize>,
    /// True when a filter writes in the letter's language.
    pub(super) language: bool,
}

impl Uses {
    /// Adds the uses of another template.
    pub(super) fn extend(&mut self, other: &Self) {
        self.names.extend(&other.names);
        self.row.extend(&other.row);
        self.language |= other.language;
    }

    /// Adds all names except `row`, which would copy every value a second time.
    pub(super) fn extend_to_all(&mut self, names: &Names) {
        let all = names.all.iter().enumerate();
        let all = all.filter(|(_, name)| name.meaning != Meaning::Row);
        self.names.extend(all.map(|(at, _)| at));
    }

    /// True when a used value differs between rows.
    pub(super) fn vary(&self, names: &Names) -> bool {
        let mut meanings = self.meanings(names);
        meanings.any(|name| {
            matches!(
                name.meaning,
                Meaning::Column(_) | Meaning::RowNumber | Meaning::Row
            )
        })
    }

    /// The headers of the used columns, by name or through `row`, in the order of the file.
    pub(super) fn columns(&self, names: &Names) -> Vec<String> {
        let used: BTreeSet<_> = self.all_columns(names).collect();
        let mut columns: Vec<_> = names
            .columns()
            .filter(|(column, _)| used.contains(column))
            .collect();
        columns.sort_by_key(|(column, _)| *column);
        let written = |(_, name): (usize, &Name)| name.written.to_string();
        columns.into_iter().map(written).collect()
    }

    /// The indexes of the columns that are used by name or through `row`; some appear twice.
    pub(super) fn all_columns<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = usize> + 'a {
        let by_name = self.names.iter().filter_map(|name| names.column_at(*name));
        by_name.chain(self.row.iter().copied())
    }

    /// True when `row` itself is used.
    pub(super) fn uses_row(&self, names: &Names) -> bool {
        self.meanings(names)
            .any(|name| name.meaning == Meaning::Row)
    }

    fn meanings<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = &'a Name> {
        self.names.iter().filter_map(|name| names.all.get(*name))
    }
}
