//! The compilation of JSON values whose strings are templates.

use serde_json::{Map, Value};

use super::condition::read_condition;
use super::error::TemplateResult;
use super::templates::Templates;
use super::tree::{Node, Text, Tree};
use crate::diagnostic::Source;
use crate::text::pointer_token;

impl Templates {
    /// Compiles a JSON value whose strings are templates and whose `{ "file": path }` objects are template files. `pointer` is the place of the value
    /// in the manifest.
    pub(crate) fn compile(&mut self, pointer: &str, value: &Value) -> TemplateResult<Tree> {
        let root = self.node(pointer, value)?;
        let pointer = pointer.to_owned();
        Ok(Tree { pointer, root })
    }

    pub(crate) fn compile_text(&mut self, pointer: &str, text: &str) -> TemplateResult<Text> {
        self.compile_source(pointer, None, Source::new("", text), false)
    }

    /// Compiles the `when` of a part; a part without one is always included.
    pub(crate) fn compile_condition(
        &mut self,
        pointer: &str,
        when: Option<&Value>,
    ) -> TemplateResult<Text> {
        let text = match when {
            None | Some(Value::Null) => "true".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let condition = self.compile_text(pointer, &text)?;
        if let Text::Constant(text) = &condition {
            read_condition(text, pointer)?;
        }
        Ok(condition)
    }

    fn node(&mut self, pointer: &str, value: &Value) -> TemplateResult<Node> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Node::Value(value.clone())),
            Value::String(text) => {
                let (source, is_markdown) = (Source::new("", text), self.is_markdown(pointer));
                let text = self.compile_source(pointer, None, source, is_markdown)?;
                Ok(Node::Text(text))
            }
            Value::Array(items) => self.list(pointer, items),
            Value::Object(members) => match file(members) {
                Some(path) => self.file(pointer, path),
                None => self.map(pointer, members),
            },
        }
    }

    fn list(&mut self, pointer: &str, items: &[Value]) -> TemplateResult<Node> {
        let nodes = items.iter().enumerate().map(|(at, item)| {
            let pointer = format!("{pointer}/{at}");
            match item {
                // In a list an object with only `file` is an attachment and not the text of a file.
                Value::Object(members) => self.map(&pointer, members),
                item => self.node(&pointer, item),
            }
        });
        Ok(Node::List(collect(nodes)?))
    }

    /// Compiles an object. Its `when` is its condition and no member, unless the author chooses the keys.
    fn map(&mut self, pointer: &str, members: &Map<String, Value>) -> TemplateResult<Node> {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        match members.get("when") {
            Some(when) if !self.rules.own_keys.contains(&key) => {
                self.conditional(pointer, when, members)
            }
            _ => self.members(pointer, members.iter()),
        }
    }

    fn conditional(
        &mut self,
        pointer: &str,
        when: &Value,
        members: &Map<String, Value>,
    ) -> TemplateResult<Node> {
        let others = members.iter().filter(|(key, _)| *key != "when");
        let condition = self.compile_condition(&format!("{pointer}/when"), Some(when));
        // A part that is never included is compiled too, so that its mistakes are reported.
        match (condition, self.members(pointer, others)) {
            (Ok(condition @ Text::Leaf(_)), Ok(node)) => Ok(Node::When(condition, Box::new(node))),
            (Ok(condition), Ok(node)) if condition.is_always_true() => Ok(node),
            (Ok(_), Ok(_)) => Ok(Node::Value(Value::Null)),
            (condition, node) => {
                let errors = [condition.err(), node.err()];
                Err(errors.into_iter().flatten().flatten().collect())
            }
        }
    }

    fn members<'v>(
        &mut self,
        pointer: &str,
        members: impl Iterator<Item = (&'v String, &'v Value)>,
    ) -> TemplateResult<Node> {
        let nodes = members.map(|(key, member)| {
            let node = self.node(&format!("{pointer}/{}", pointer_token(key)), member)?;
            Ok((key.clone(), node))
        });
        Ok(Node::Map(collect(nodes)?))
    }

    fn file(&mut self, pointer: &str, path: &str) -> TemplateResult<Node> {
        match self.compile_text(pointer, path)? {
            Text::Constant(path) => {
                let (source, is_markdown) = (self.read(pointer, &path)?, self.is_markdown(pointer));
                let text = self.compile_source(pointer, Some(&path), source, is_markdown)?;
                Ok(Node::Text(text))
            }
            Text::Leaf(mut path) => {
                self.let_rows_choose_files();
                path.is_path = true;
                Ok(Node::Text(Text::Leaf(path)))
            }
        }
    }
}

/// Collects results; the `Err` holds the errors of all.
fn collect<T>(results: impl Iterator<Item = TemplateResult<T>>) -> TemplateResult<Vec<T>> {
    let mut errors = Vec::new();
    let done = results.filter_map(|result| result.map_err(|wrong| errors.extend(wrong)).ok());
    let done = done.collect();
    if errors.is_empty() {
        Ok(done)
    } else {
        Err(errors)
    }
}

/// The path in an object `{ "file": path }`, which stands for the text of a file.
fn file(members: &Map<String, Value>) -> Option<&str> {
    if members.len() == 1 {
        members.get("file")?.as_str()
    } else {
        None
    }
}
