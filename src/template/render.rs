//! Rows rendered: trees, texts and conditions for one scope.

use std::sync::{Arc, PoisonError};

use serde::de::DeserializeOwned;

use super::budget::Terms;
use super::condition::{Applies, Condition, applies, neither};
use super::error::TemplateError;
use super::leaf::{Compiled, Leaf, Origin};
use super::names::Meaning;
use super::program::{Form, Program};
use super::scope::Scope;
use super::templates::{File, Templates, not_text};
use super::tree::{Text, Tree};
use super::{rendered, tree};

/// How many template files with paths from rows are kept compiled.
const FILES_KEPT: usize = 1000;

impl Templates {
    /// Renders a tree for a row, straight into a typed value. Members and items that render to nothing are left out; texts are kept byte for byte;
    /// other types are read from what is rendered. Gives everything that is wrong.
    pub fn render<T: DeserializeOwned>(
        &self,
        tree: &Tree,
        scope: &Scope,
    ) -> Result<T, Vec<TemplateError>> {
        let mut text = Vec::with_capacity(tree.size());
        let mut ends = Vec::with_capacity(tree.leaves.len());
        let mut errors = Vec::new();
        for leaf in &tree.leaves {
            if leaf
                .condition
                .is_none_or(|condition| holds(&text, &ends, condition))
            {
                let start = text.len();
                let rendered = self.leaf(leaf, scope, &mut text);
                let checked = rendered.and_then(|()| check_condition(leaf, &text[start..]));
                if let Err(wrong) = checked {
                    errors.extend(wrong);
                    text.truncate(start);
                }
            }
            ends.push(text.len());
        }
        tree.remember(text.len());
        let text = String::from_utf8(text).map_err(|_| vec![not_text()])?;
        let read = rendered::read(tree, &text, &ends);
        if errors.is_empty() {
            return read;
        }
        errors.extend(read.err().into_iter().flatten());
        Err(errors)
    }

    /// Whether a part is there for a row.
    pub fn holds(&self, condition: &Condition, scope: &Scope) -> Result<bool, Vec<TemplateError>> {
        let text = match &condition.0 {
            Applies::Always => return Ok(true),
            Applies::Never => return Ok(false),
            Applies::Sometimes(text) => text,
        };
        let rendered = self.render_text(text, scope)?;
        applies(&rendered).ok_or_else(|| {
            let error = neither(&rendered);
            vec![match &text.0 {
                tree::Content::Leaf(leaf) => error.at(&leaf.pointer),
                tree::Content::Constant(_) => error,
            }]
        })
    }

    /// Renders one text for a row. Gives everything that is wrong.
    pub fn render_text(&self, text: &Text, scope: &Scope) -> Result<String, Vec<TemplateError>> {
        match &text.0 {
            tree::Content::Constant(text) => Ok(text.clone()),
            tree::Content::Leaf(leaf) => {
                let mut text = Vec::new();
                self.leaf(leaf, scope, &mut text)?;
                String::from_utf8(text).map_err(|_| vec![not_text()])
            }
        }
    }

    pub(super) fn terms(&self, scope: &Scope) -> Terms {
        Terms {
            weight: 0,
            longest: scope.longest.max(self.longest),
            language: scope.language,
        }
    }

    /// Renders a leaf to the end of `text`.
    fn leaf(
        &self,
        leaf: &Leaf,
        scope: &Scope,
        text: &mut Vec<u8>,
    ) -> Result<(), Vec<TemplateError>> {
        let start = text.len();
        let rendered = match &leaf.origin {
            Origin::Template(program) => self.template(program, scope, text),
            Origin::File(path) => self.file_of_row(path, leaf.is_markdown, scope, text),
        };
        rendered.map_err(|errors| {
            text.truncate(start);
            errors
                .into_iter()
                .map(|error| error.at(&leaf.pointer))
                .collect()
        })
    }

    fn template(
        &self,
        program: &Program,
        scope: &Scope,
        text: &mut Vec<u8>,
    ) -> Result<(), Vec<TemplateError>> {
        let only = program.only.and_then(|name| self.names.all.get(name));
        // Most short templates are one column: its value is there already.
        if let Some(value) = only.and_then(|name| scope.context.get(&name.identifier)?.as_str()) {
            text.extend_from_slice(value.as_bytes());
            return Ok(());
        }
        program
            .render(&scope.context, self.terms(scope), text)
            .map_err(|error| vec![*error])
    }

    fn file_of_row(
        &self,
        path: &Program,
        is_markdown: bool,
        scope: &Scope,
        text: &mut Vec<u8>,
    ) -> Result<(), Vec<TemplateError>> {
        let mut name = Vec::new();
        self.template(path, scope, &mut name)?;
        let name = String::from_utf8(name).map_err(|_| vec![not_text()])?;
        match &*self.kept(name, is_markdown) {
            Err(errors) => Err(errors.clone()),
            Ok(Compiled::Constant(constant)) => {
                text.extend_from_slice(constant.as_bytes());
                Ok(())
            }
            Ok(Compiled::Varying(program)) => {
                let speaks_of_row = program
                    .uses
                    .meanings(&self.names)
                    .any(|name| name.meaning == Meaning::Row);
                if speaks_of_row {
                    let context = scope.with_row(&self.names, &program.uses);
                    program
                        .render(&context, self.terms(scope), text)
                        .map_err(|error| vec![*error])
                } else {
                    self.template(program, scope, text)
                }
            }
        }
    }

    /// A file whose path comes from a row: compiled on first use.
    fn kept(&self, path: String, is_markdown: bool) -> File {
        let [plain, markdown] = &self.files;
        let kept = if is_markdown { markdown } else { plain };
        let form = Form {
            is_file: true,
            is_markdown,
        };
        let files = kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&path) {
            return Arc::clone(file);
        }
        drop(files);
        let file = Arc::new(self.file(&path, form));
        let mut files = kept.write().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_KEPT {
            files.clear();
        }
        files.insert(path, Arc::clone(&file));
        file
    }
}

/// Whether the condition at a place, which has been rendered, holds.
fn holds(text: &[u8], ends: &[usize], condition: usize) -> bool {
    let end = |leaf: usize| ends.get(leaf).copied().unwrap_or(0);
    let start = condition.checked_sub(1).map_or(0, end);
    let rendered = text.get(start..end(condition)).unwrap_or_default();
    let rendered = std::str::from_utf8(rendered).unwrap_or_default();
    applies(rendered) == Some(true)
}

/// Refuses a condition that is neither true nor false.
fn check_condition(leaf: &Leaf, rendered: &[u8]) -> Result<(), Vec<TemplateError>> {
    if !leaf.is_condition {
        return Ok(());
    }
    let rendered = String::from_utf8_lossy(rendered);
    match applies(&rendered) {
        Some(_) => Ok(()),
        None => Err(vec![neither(&rendered).at(&leaf.pointer)]),
    }
}
