//! The tree of templates that a JSON value compiles to.

use serde_json::{Map, Number, Value};

use super::compiler::{Compiled, Compiler, Leaf};
use super::condition::{neither_true_nor_false, parse_condition};
use super::error::TemplateError;
use super::library::{Library, Template};
use crate::text::pointer_token;

/// A compiled JSON value, which is rendered for each row.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The JSON pointer of the value in the manifest.
    pub(super) pointer: String,
    pub(super) root: Node,
    pub(super) leaves: Vec<Leaf>,
}

/// A single compiled text, without a tree around it.
#[derive(Debug)]
pub(crate) enum Text {
    Constant(String),
    Leaf(Box<Leaf>),
}

/// A node of a tree. Parts that are left out for every row have no node.
#[derive(Debug)]
pub(super) enum Node {
    /// Left out for every row: a null, an empty text, or an object or list with absent parts only.
    Absent,
    Bool(bool),
    Number(Number),
    /// A text that is the same for all rows.
    Text(String),
    /// An index into [`Tree::leaves`].
    Leaf(usize),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// A part that is included when the leaf with this index renders to true.
    When(usize, Box<Self>),
}

impl Tree {
    /// The headers of the columns that the value at a JSON pointer depends on, including parts inside it and parts around it.
    pub(crate) fn columns(&self, pointer: &str) -> Vec<&str> {
        let mut columns = Vec::new();
        let leaves = self.leaves.iter();
        for leaf in
            leaves.filter(|leaf| is_in(&leaf.pointer, pointer) || is_in(pointer, &leaf.pointer))
        {
            for column in &leaf.columns {
                if !columns.contains(&column.as_str()) {
                    columns.push(column.as_str());
                }
            }
        }
        columns
    }

    /// True when a pointer is the tree's own or inside it.
    pub(crate) fn holds(&self, pointer: &str) -> bool {
        is_in(pointer, &self.pointer)
    }

    /// True when the value is the same for all rows.
    pub(crate) fn is_constant(&self) -> bool {
        self.leaves.is_empty()
    }
}

impl Text {
    /// The leaf, unless the text is the same for all rows.
    pub(super) fn leaf(&self) -> Option<&Leaf> {
        match self {
            Self::Constant(_) => None,
            Self::Leaf(leaf) => Some(leaf),
        }
    }

    /// The headers of the columns that it depends on.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let columns = self.leaf().map(|leaf| leaf.columns.iter());
        columns.into_iter().flatten().map(String::as_str).collect()
    }

    /// True when the text is the same for all rows.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// True for a condition that holds for every row.
    pub(crate) fn is_always_true(&self) -> bool {
        matches!(self, Self::Constant(text) if parse_condition(text) == Some(true))
    }
}

/// Compiles a value. The `Err` holds all errors.
pub(super) fn compile(
    compiler: &Compiler,
    library: &mut Library,
    pointer: &str,
    value: &Value,
) -> Result<Tree, Vec<TemplateError>> {
    let mut builder = Builder {
        compiler,
        library,
        pointer: pointer.to_owned(),
        leaves: Vec::new(),
        condition: None,
        errors: Vec::new(),
    };
    let root = builder.node(value);
    let Builder { leaves, errors, .. } = builder;
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Tree {
        pointer: pointer.to_owned(),
        root,
        leaves,
    })
}

pub(super) fn compile_text(
    compiler: &Compiler,
    library: &mut Library,
    pointer: &str,
    text: &str,
) -> Result<Text, Vec<TemplateError>> {
    let template = compiler.compile_inline(library, pointer, text, false);
    match template.map_err(|errors| at(errors, pointer))? {
        Compiled::Constant(text) => Ok(Text::Constant(text)),
        Compiled::Varying(template) => Ok(Text::Leaf(Box::new(compiler.leaf(pointer, template)))),
    }
}

/// Compiles the `when` of a part; a part without one is always included.
pub(super) fn compile_condition(
    compiler: &Compiler,
    library: &mut Library,
    pointer: &str,
    when: Option<&Value>,
) -> Result<Text, Vec<TemplateError>> {
    let Some(Value::String(text)) = when else {
        // The schema has refused everything but `true`, `false` and null.
        return Ok(Text::Constant(
            (when != Some(&Value::Bool(false))).to_string(),
        ));
    };
    let mut text = compile_text(compiler, library, pointer, text)?;
    match &mut text {
        Text::Leaf(leaf) => leaf.is_condition = true,
        Text::Constant(constant) if parse_condition(constant).is_none() => {
            return Err(vec![neither_true_nor_false(constant).at(pointer)]);
        }
        Text::Constant(_) => {}
    }
    Ok(text)
}

struct Builder<'a> {
    compiler: &'a Compiler,
    library: &'a mut Library,
    pointer: String,
    leaves: Vec<Leaf>,
    /// The index of the leaf that is the condition of the current part.
    condition: Option<usize>,
    errors: Vec<TemplateError>,
}

impl Builder<'_> {
    fn node(&mut self, value: &Value) -> Node {
        match value {
            Value::Null => Node::Absent,
            Value::Bool(value) => Node::Bool(*value),
            Value::Number(number) => Node::Number(number.clone()),
            Value::String(text) => self.text(text),
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
        // Absent items keep their places, so that the indexes in errors are those of the manifest.
        let nodes: Vec<_> = nodes.collect();
        let is_absent = |node: &Node| matches!(node, Node::Absent);
        if !nodes.is_empty() && nodes.iter().all(is_absent) {
            return Node::Absent;
        }
        Node::List(nodes)
    }

    /// Compiles an object. Its `when` is its condition and no member, unless the author chooses the keys.
    fn map(&mut self, members: &Map<String, Value>) -> Node {
        let own_keys = self.compiler.rules.own_keys;
        let key = self.pointer.rsplit('/').next().unwrap_or_default();
        match members.get("when") {
            Some(when) if !own_keys.contains(&key) => self.conditional(when, members),
            _ => self.members(members.iter()),
        }
    }

    fn conditional(&mut self, when: &Value, members: &Map<String, Value>) -> Node {
        let others = members.iter().filter(|(key, _)| *key != "when");
        let (outer, before) = (self.condition, self.leaves.len());
        let condition = self.inside("when", |builder| builder.condition(when));
        match condition {
            Some(condition) if condition.is_always_true() => self.members(others),
            Some(Text::Leaf(leaf)) => {
                self.push(*leaf);
                self.condition = Some(before);
                let node = self.members(others);
                self.condition = outer;
                match node {
                    Node::Absent => Node::Absent,
                    node => Node::When(before, Box::new(node)),
                }
            }
            // A part that is never included is compiled too, so that its mistakes are reported, and then dropped.
            Some(Text::Constant(_)) | None => {
                self.members(others);
                self.leaves.truncate(before);
                Node::Absent
            }
        }
    }

    fn condition(&mut self, when: &Value) -> Option<Text> {
        compile_condition(self.compiler, self.library, &self.pointer, Some(when))
            .map_err(|errors| self.errors.extend(errors))
            .ok()
    }

    fn members<'v>(&mut self, members: impl Iterator<Item = (&'v String, &'v Value)>) -> Node {
        let mut is_empty = true;
        let mut nodes = Vec::new();
        for (key, member) in members {
            is_empty = false;
            match self.inside(key, |builder| builder.node(member)) {
                Node::Absent => {}
                node => nodes.push((key.clone(), node)),
            }
        }
        if nodes.is_empty() && !is_empty {
            return Node::Absent;
        }
        Node::Map(nodes)
    }

    fn is_markdown(&self) -> bool {
        let markdown = self.compiler.rules.markdown;
        markdown.contains(&self.pointer.as_str())
    }

    fn text(&mut self, text: &str) -> Node {
        let is_markdown = self.is_markdown();
        let text = self
            .compiler
            .compile_inline(self.library, &self.pointer, text, is_markdown);
        self.compiled(text)
    }

    fn file(&mut self, path: &str) -> Node {
        let path = self
            .compiler
            .compile_inline(self.library, &self.pointer, path, false);
        let path = match path {
            Ok(Compiled::Constant(path)) => path,
            Ok(Compiled::Varying(template)) => return self.leaf(template, true),
            Err(errors) => return self.wrong(errors),
        };
        let is_markdown = self.is_markdown();
        let text = self
            .compiler
            .compile_file(self.library, &self.pointer, &path, is_markdown);
        self.compiled(text)
    }

    fn compiled(&mut self, compiled: Result<Compiled, Vec<TemplateError>>) -> Node {
        match compiled {
            // A member that is always empty is left out of the letter.
            Ok(Compiled::Constant(text)) if text.is_empty() => Node::Absent,
            Ok(Compiled::Constant(text)) => Node::Text(text),
            Ok(Compiled::Varying(template)) => self.leaf(template, false),
            Err(errors) => self.wrong(errors),
        }
    }

    fn leaf(&mut self, template: Box<Template>, is_path: bool) -> Node {
        let is_markdown = self.is_markdown();
        self.push(Leaf {
            is_path,
            is_markdown,
            ..self.compiler.leaf(&self.pointer, template)
        })
    }

    fn push(&mut self, leaf: Leaf) -> Node {
        let condition = self.condition;
        self.leaves.push(Leaf { condition, ..leaf });
        Node::Leaf(self.leaves.len() - 1)
    }

    fn wrong(&mut self, errors: Vec<TemplateError>) -> Node {
        self.errors.extend(at(errors, &self.pointer));
        Node::Absent
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

fn at(errors: Vec<TemplateError>, pointer: &str) -> Vec<TemplateError> {
    errors.into_iter().map(|error| error.at(pointer)).collect()
}

/// True when `pointer` is `whole` or inside it.
fn is_in(pointer: &str, whole: &str) -> bool {
    pointer
        .strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::templates::tests::Bench;

    #[test]
    fn what_renders_to_nothing_is_left_out() {
        let mut bench = Bench::new(&["a", "b"], &json!({"c": ""}), &[("empty.md", "")]);
        let tree = bench.tree(&json!({
            "a": "{{ a }}",
            "null": null,
            "empty": "",
            "constant": "{{ c }}",
            "file": {"file": "empty.md"},
            "list": ["{{ a }}", "{{ b }}", null, ""],
            "object": {"a": "{{ a }}", "inner": {"a": "{{ a }}"}},
            "nothing": {"x": null, "y": [""]},
            "kept": {"list": [], "object": {}, "false": false, "zero": 0, "blank": " "}
        }));
        let kept = json!({"list": [], "object": {}, "false": false, "zero": 0, "blank": " "});
        let value: Value = bench.render(&tree, &["", "y"]).unwrap();
        assert_eq!(value, json!({"list": ["y"], "kept": kept}));
        let value: Value = bench.render(&tree, &["", ""]).unwrap();
        assert_eq!(value, json!({"kept": kept}));
        let value: Value = bench.render(&tree, &["x", ""]).unwrap();
        assert_eq!(
            value,
            json!({"a": "x", "list": ["x"], "object": {"a": "x", "inner": {"a": "x"}}, "kept": kept})
        );
    }

    #[test]
    fn a_lone_file_is_a_text_as_a_member_and_an_attachment_in_a_list() {
        let mut bench = Bench::new(&["a"], &json!({}), &[("t.md", "T\n")]);
        let tree = bench.tree(&json!({
            "body": {"file": "t.md"},
            "attachments": [{"file": "{{ a }}.pdf"}, {"file": "t.pdf", "ref": "{{ a }}"}]
        }));
        let value: Value = bench.render(&tree, &["1"]).unwrap();
        assert_eq!(
            value,
            json!({
                "body": "T\n",
                "attachments": [{"file": "1.pdf"}, {"file": "t.pdf", "ref": "1"}]
            })
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_pointer() {
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let value =
            json!({"a/b": ["{{ x }}", {"~": "{{ a"}], "c": {"file": "no.md"}, "d": "{{ a }}"});
        let errors = bench.templates.compile("/root", &value).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/root/a~1b/0", "/root/a~1b/1/~0", "/root/c"]);
    }

    #[test]
    fn columns_are_known_for_a_value_what_is_in_it_and_what_it_is_in() {
        let mut bench = Bench::new(&["a", "b"], &json!({}), &[]);
        let tree =
            bench.tree(&json!({"x": {"y": "{{ a }}", "z": "{{ a }}{{ b }}"}, "xx": "{{ b }}"}));
        assert_eq!(tree.columns("/root/x"), ["a", "b"]);
        assert_eq!(tree.columns("/root/x/y"), ["a"]);
        assert_eq!(tree.columns("/root/x/y/deeper"), ["a"]);
        assert_eq!(tree.columns("/root/xx"), ["b"]);
        assert!(tree.columns("/root/none").is_empty());
        assert!(bench.tree(&json!({"x": [1, null, "t"]})).is_constant());
    }
}
