//! What templates see of a row.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use tera::value::Key;
use tera::{Context, Map, Value};

use super::library::ShownColumn;
use super::names::{Meaning, Name, Names};
use super::uses::Uses;
use crate::correspondence::Language;

/// One row as templates see it: the names that any template uses. Fill it again and again, so that its memory is reused.
#[derive(Default)]
pub(crate) struct Scope {
    pub(super) context: Context,
    pub(super) language: Language,
    /// The columns in use that have nothing in this row.
    blank: Vec<usize>,
    /// Where the row's letter shows them all the same, as far as it has been rendered.
    blanks_shown: RefCell<Vec<Arc<ShownColumn>>>,
}

impl Scope {
    /// Sets the language that the row's letter is in.
    pub(crate) fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    pub(super) fn fill<'a>(
        &mut self,
        names: &Names,
        uses: &Uses,
        number: u64,
        value: impl Fn(usize) -> &'a str,
    ) {
        self.blank.clear();
        self.blanks_shown.get_mut().clear();
        for column in uses.all_columns(names) {
            if value(column).trim().is_empty() {
                self.blank.push(column);
            }
        }
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
    }

    /// Where the row's letter shows a column that has nothing in this row, in text that says something: `Hei ,`. Asked after the letter has been rendered; what
    /// was said once is not said again.
    pub(crate) fn take_blanks_shown(&self) -> Vec<Arc<ShownColumn>> {
        self.blanks_shown.take()
    }

    /// Notes the blank columns that a template has shown. A member of which nothing is left is left out, and shows nothing.
    pub(super) fn note_blanks(&self, shown: &[Arc<ShownColumn>], rendered: &[u8]) {
        if self.blank.is_empty() || shown.is_empty() || rendered.trim_ascii().is_empty() {
            return;
        }
        let blank = shown
            .iter()
            .filter(|shown| self.blank.contains(&shown.column));
        self.blanks_shown.borrow_mut().extend(blank.cloned());
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
