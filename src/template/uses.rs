//! The uses of a template: its names, its columns of `row`, and the letter's language.

use std::collections::BTreeSet;

use super::names::{Meaning, Name, Names};

/// The inputs that a template depends on. Names are indexes into [`Names::all`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// The names, columns of `row` among them.
    pub(super) names: BTreeSet<usize>,
    /// The columns that are read through `row`.
    pub(super) row: BTreeSet<usize>,
    /// The columns that are compared with texts, each with the text.
    pub(super) compared: BTreeSet<(usize, String)>,
    /// True when a filter writes in the letter's language.
    pub(super) language: bool,
}

impl Uses {
    /// Adds the uses of another template.
    pub(super) fn extend(&mut self, other: &Self) {
        self.names.extend(&other.names);
        self.row.extend(&other.row);
        self.compared.extend(other.compared.iter().cloned());
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
        self.all(names).any(|name| {
            matches!(
                name.meaning,
                Meaning::Column(_) | Meaning::RowNumber | Meaning::Row
            )
        })
    }

    /// The headers of the used columns, in the order of the file.
    pub(super) fn columns(&self, names: &Names) -> Vec<String> {
        let columns = self.all(names).filter(|name| name.column().is_some());
        columns.map(|name| name.written.to_string()).collect()
    }

    /// True when `row` itself is used.
    pub(super) fn uses_row(&self, names: &Names) -> bool {
        self.all(names).any(|name| name.meaning == Meaning::Row)
    }

    /// The used names, in the order of [`Names::all`].
    pub(super) fn all<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = &'a Name> {
        self.names.iter().filter_map(|name| names.all.get(*name))
    }
}
