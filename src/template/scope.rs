//! The scope of a row: the values that templates can read.

use std::cell::RefCell;
use std::sync::Arc;

use tera::value::Key;
use tera::{Context, Map, Value};

use super::names::{Meaning, Names};
use super::tree::ShownColumn;
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
        self.language = Language::default();
        for name in uses.all(names) {
            let value = match name.meaning {
                Meaning::Column(column) => {
                    let value = value(column);
                    if value.trim().is_empty() {
                        self.blank.push(column);
                    }
                    Value::normal_string(value)
                }
                Meaning::RowNumber => Value::from(number),
                // `Row` is made of the others below; the rest is the same for all rows, and in Tera's global context.
                _ => continue,
            };
            self.context
                .insert_value(String::from(&*name.identifier), value);
        }
        if uses.uses_row(names) {
            self.context.insert_value("row", self.row(names, uses));
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

    /// The context with `row` added, for a file that was chosen by this row and compiled after the scope was filled.
    pub(super) fn with_row(&self, names: &Names, uses: &Uses) -> Context {
        let mut context = self.context.clone();
        context.insert_value("row", self.row(names, uses));
        context
    }

    /// A map of columns, which are in the context by name: each under its header, and under its ASCII name when that differs.
    fn row(&self, names: &Names, uses: &Uses) -> Value {
        let mut map = Map::default();
        for name in uses.row.iter().filter_map(|name| names.all.get(*name)) {
            let value = self.context.get(&name.identifier);
            let value = value.cloned().unwrap_or_else(Value::undefined);
            if name.written != name.identifier {
                map.insert(Key::String(Arc::clone(&name.identifier)), value.clone());
            }
            map.insert(Key::String(Arc::clone(&name.written)), value);
        }
        Value::from(map)
    }
}
