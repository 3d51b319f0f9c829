//! The compilation of JSON values whose strings are templates.

use serde_json::{Map, Value};

use super::condition::read_condition;
use super::error::TemplateError;
use super::templates::Templates;
use super::tree::{Node, Text, Tree};
use crate::diagnostic::Source;
use crate::text::pointer_token;

impl Templates {
    /// Compiles a JSON value whose strings are templates and whose `{ "file": path }` objects are template files. `pointer` is the place of the value
    /// in the manifest. The `Err` holds all errors.
    pub(crate) fn compile(
        &mut self,
        pointer: &str,
        value: &Value,
    ) -> Result<Tree, Vec<TemplateError>> {
        let mut builder = Builder {
            templates: self,
            pointer: pointer.to_owned(),
            errors: Vec::new(),
        };
        let root = builder.node(value);
        let Builder {
            pointer, errors, ..
        } = builder;
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Tree { pointer, root })
    }

    pub(crate) fn compile_text(
        &mut self,
        pointer: &str,
        text: &str,
    ) -> Result<Text, Vec<TemplateError>> {
        self.compile_source(pointer, None, Source::new("", text), false)
    }

    /// Compiles the `when` of a part; a part without one is always included.
    pub(crate) fn compile_condition(
        &mut self,
        pointer: &str,
        when: Option<&Value>,
    ) -> Result<Text, Vec<TemplateError>> {
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
}

/// A part that is left out for every row.
const ABSENT: Node = Node::Constant(Value::Null);

struct Builder<'a> {
    templates: &'a mut Templates,
    pointer: String,
    errors: Vec<TemplateError>,
}

impl Builder<'_> {
    fn node(&mut self, value: &Value) -> Node {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Node::Constant(value.clone()),
            Value::String(text) => self.source(None, Source::new("", text)),
            Value::Array(items) => self.list(items),
            Value::Object(members) => match file(members) {
                Some(path) => self.file(path),
                None => self.map(members),
            },
        }
    }

    fn list(&mut self, items: &[Value]) -> Node {
        let nodes = items.iter().enumerate().map(|(at, item)| {
            self.inside(&at.to_string(), |builder| match item {
                // In a list an object with only `file` is an attachment and not the text of a file.
                Value::Object(members) => builder.map(members),
                item => builder.node(item),
            })
        });
        Node::List(nodes.collect())
    }

    /// Compiles an object. Its `when` is its condition and no member, unless the author chooses the keys.
    fn map(&mut self, members: &Map<String, Value>) -> Node {
        let own_keys = self.templates.rules.own_keys;
        let key = self.pointer.rsplit('/').next().unwrap_or_default();
        match members.get("when") {
            Some(when) if !own_keys.contains(&key) => self.conditional(when, members),
            _ => self.members(members.iter()),
        }
    }

    fn conditional(&mut self, when: &Value, members: &Map<String, Value>) -> Node {
        let others = members.iter().filter(|(key, _)| *key != "when");
        let condition = self.inside("when", |builder| {
            let condition = builder
                .templates
                .compile_condition(&builder.pointer, Some(when));
            builder.record(condition)
        });
        // A part that is never included is compiled too, so that its mistakes are reported.
        let node = self.members(others);
        match condition {
            Some(condition) if condition.is_always_true() => node,
            Some(condition @ Text::Leaf(_)) => Node::When(condition, Box::new(node)),
            Some(Text::Constant(_)) | None => ABSENT,
        }
    }

    fn members<'v>(&mut self, members: impl Iterator<Item = (&'v String, &'v Value)>) -> Node {
        let nodes = members.map(|(key, member)| {
            let node = self.inside(key, |builder| builder.node(member));
            (key.clone(), node)
        });
        Node::Map(nodes.collect())
    }

    fn file(&mut self, path: &str) -> Node {
        let path = self.templates.compile_text(&self.pointer, path);
        match self.record(path) {
            Some(Text::Constant(path)) => {
                let source = self.templates.read(&self.pointer, &path);
                let source = self.record(source);
                source.map_or(ABSENT, |source| self.source(Some(&path), source))
            }
            Some(Text::Leaf(mut path)) => {
                self.templates.let_rows_choose_files();
                path.is_path = true;
                Node::Leaf(path)
            }
            None => ABSENT,
        }
    }

    fn source(&mut self, path: Option<&str>, source: Source) -> Node {
        let is_markdown = self.templates.is_markdown(&self.pointer);
        let text = self
            .templates
            .compile_source(&self.pointer, path, source, is_markdown);
        match self.record(text) {
            Some(Text::Leaf(leaf)) => Node::Leaf(leaf),
            Some(Text::Constant(text)) if !text.is_empty() => Node::Constant(text.into()),
            // A member that is always empty is left out of the letter.
            Some(Text::Constant(_)) | None => ABSENT,
        }
    }

    fn record<T>(&mut self, result: Result<T, Vec<TemplateError>>) -> Option<T> {
        result.map_err(|errors| self.errors.extend(errors)).ok()
    }

    fn inside<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&pointer_token(key));
        let done = work(self);
        self.pointer.truncate(length);
        done
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
