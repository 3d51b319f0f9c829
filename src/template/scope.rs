//! The scope of a row: the values that templates can read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use tera::value::Key;
use tera::{Context, Map, Value};

use super::library::ShownColumn;
use super::names::{Meaning, Name, Names};
use super::uses::Uses;
use crate::correspondence::Language;

/// The values of one row, for the names that any template uses. One scope is filled again and again, so that its memory is reused.
#[derive(Default)]
pub(crate) struct Scope {
    pub(super) context: Context,
    pub(super) language: Language,
    /// The used columns that are blank in this row.
    blank: Vec<usize>,
    /// The places at which the letter shows one of them unconditionally, as far as it has been rendered.
    blanks_shown: RefCell<Vec<Arc<ShownColumn>>>,
}

impl Scope {
    /// Sets the language of the row's letter.
    pub(crate) fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    /// Replaces the row: its number, and `value` for the values of its columns. Only names in `uses` are filled, because files have more columns than letters use.
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
                // These are the same for all rows and are in Tera's global context.
                Meaning::Variable(_) | Meaning::Mailing | Meaning::RecipientName => continue,
            };
            self.context
                .insert_value(String::from(&*name.identifier), value);
        }
    }

    /// Returns the places at which the rendered letter shows a blank column inside other text (`Hei ,`), and clears them.
    pub(crate) fn take_blanks_shown(&self) -> Vec<Arc<ShownColumn>> {
        self.blanks_shown.take()
    }

    /// Records the blank columns that a template has shown. A text that rendered to nothing is left out of the letter, so it leaves no gap.
    pub(super) fn note_blanks(&self, shown: &[Arc<ShownColumn>], rendered: &str) {
        if self.blank.is_empty() || shown.is_empty() || rendered.trim_ascii().is_empty() {
            return;
        }
        let blank = shown
            .iter()
            .filter(|shown| self.blank.contains(&shown.column));
        self.blanks_shown.borrow_mut().extend(blank.cloned());
    }

    /// The context with `row` added, for a file that was chosen by this row and compiled after the scope was filled. All columns must be in the context by name.
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

/// A map of columns, each under its header, and under its ASCII name when that differs.
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
