//! What templates see of a row.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use tera::value::Key;
use tera::{Context, Map, Value};

use super::language::Language;
use super::names::{Meaning, Name, Names};

/// One row as templates see it: the names that any template uses. Fill it again and again, so that its memory is reused.
#[derive(Default)]
pub struct Scope {
    pub(super) context: Context,
    /// How long its longest value is, in bytes.
    pub(super) longest: usize,
    pub(super) language: Language,
}

/// What templates speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Names, as places in [`Names::all`].
    pub(super) names: BTreeSet<usize>,
    /// Columns in `row`.
    pub(super) row: BTreeSet<usize>,
    /// Whether something is written in the letter's language.
    pub(super) language: bool,
}

impl Scope {
    /// Says which language the row's letter is in.
    pub fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    /// Puts a row in the place of the one before.
    pub(super) fn fill<'a>(
        &mut self,
        names: &Names,
        uses: &Uses,
        number: u64,
        value: impl Fn(usize) -> &'a str,
    ) {
        let longest = Cell::new(0);
        let value = |column| {
            let value = value(column);
            longest.set(longest.get().max(value.len()));
            value
        };
        for name in uses.names.iter().filter_map(|name| names.all.get(*name)) {
            let value = match name.meaning {
                Meaning::Column(column) => Value::normal_string(value(column)),
                Meaning::RowNumber => Value::from(number),
                Meaning::Row => columns(names, &uses.row, |column, _| {
                    Value::normal_string(value(column))
                }),
                // The same for all rows, and there already.
                Meaning::Variable(_) | Meaning::Mailing | Meaning::RecipientName => continue,
            };
            self.context
                .insert_value(String::from(&*name.identifier), value);
        }
        self.longest = longest.get();
    }

    /// The same with `row`, for a template that came too late to be counted in. Every column must be there by its name.
    pub(super) fn with_row(&self, names: &Names, uses: &Uses) -> Context {
        let mut context = self.context.clone();
        let row = columns(names, &uses.row, |_, name| {
            let value = self.context.get(&name.identifier);
            value.cloned().unwrap_or_else(Value::undefined)
        });
        context.insert_value("row", row);
        context
    }
}

/// Without the values, which are about a person.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl Uses {
    /// Adds what another template speaks of.
    pub(super) fn extend(&mut self, other: &Self) {
        self.names.extend(&other.names);
        self.row.extend(&other.row);
        self.language |= other.language;
    }

    /// Adds all that there is, except `row`.
    pub(super) fn extend_to_all(&mut self, names: &Names) {
        let all = names.all.iter().enumerate();
        let all = all.filter(|(_, name)| name.meaning != Meaning::Row);
        self.names.extend(all.map(|(at, _)| at));
    }

    /// Whether it is different from row to row.
    pub(super) fn vary(&self, names: &Names) -> bool {
        let mut meanings = self.meanings(names);
        meanings.any(|name| {
            matches!(
                name.meaning,
                Meaning::Column(_) | Meaning::RowNumber | Meaning::Row
            )
        })
    }

    /// The headers of the columns spoken of, by name or in `row`, in the order of the file.
    pub(super) fn columns(&self, names: &Names) -> Vec<String> {
        let direct = self.meanings(names).filter_map(|name| match name.meaning {
            Meaning::Column(column) => Some(column),
            _ => None,
        });
        let used: BTreeSet<_> = direct.chain(self.row.iter().copied()).collect();
        let mut columns: Vec<_> = names
            .columns()
            .filter(|(column, _)| used.contains(column))
            .collect();
        columns.sort_by_key(|(column, _)| *column);
        let written = |(_, name): (usize, &Name)| name.written.to_string();
        columns.into_iter().map(written).collect()
    }

    pub(super) fn meanings<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = &'a Name> {
        self.names.iter().filter_map(|name| names.all.get(*name))
    }
}

/// A map of columns: each by its header, and by its name when that is another.
fn columns(names: &Names, used: &BTreeSet<usize>, value: impl Fn(usize, &Name) -> Value) -> Value {
    let mut map = Map::default();
    for (column, name) in names.columns().filter(|(column, _)| used.contains(column)) {
        let value = value(column, name);
        if name.written != name.identifier {
            map.insert(Key::String(Arc::clone(&name.identifier)), value.clone());
        }
        map.insert(Key::String(Arc::clone(&name.written)), value);
    }
    Value::from(map)
}
