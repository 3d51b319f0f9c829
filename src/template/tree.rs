//! The compiled texts of a mailing, alone or as the tree that a JSON value compiles to.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::condition::parse_condition;
use super::uses::Uses;
use crate::diagnostic::Source;

/// A compiled JSON value, which is rendered for each row.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The JSON pointer of the value in the manifest.
    pub(super) pointer: String,
    pub(super) root: Node,
}

/// A node of a tree.
#[derive(Debug)]
pub(super) enum Node {
    /// A number or boolean; null for what is left out.
    Value(Value),
    Text(Text),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// A part that is included when the text renders to true.
    When(Text, Box<Self>),
}

impl Node {
    /// The leaves of the node, in the order of the manifest.
    fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Text(text) => text.leaf().into_iter().collect(),
            Self::List(nodes) => nodes.iter().flat_map(Self::leaves).collect(),
            Self::Map(members) => members.iter().flat_map(|(_, node)| node.leaves()).collect(),
            Self::When(condition, node) => {
                condition.leaf().into_iter().chain(node.leaves()).collect()
            }
        }
    }
}

/// A compiled text.
#[derive(Debug)]
pub(crate) enum Text {
    /// It is the same for all rows, and already rendered.
    Constant(String),
    Leaf(Box<Leaf>),
}

/// A text that is rendered for each row.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The JSON pointer of the text in the manifest.
    pub(super) pointer: String,
    /// The name of its template in the library.
    pub(super) name: String,
    pub(super) uses: Uses,
    /// The headers of the columns that it depends on.
    pub(super) columns: Vec<String>,
    /// For a template that consists of one column and nothing else: its name. Such a template needs no rendering.
    pub(super) only: Option<String>,
    /// The columns whose values the template shows unconditionally.
    pub(super) shown: Vec<Arc<ShownColumn>>,
    /// True when the template renders the path of a file, whose text is the leaf's.
    pub(super) is_path: bool,
}

/// A column that a template shows unconditionally, so that an empty value leaves a gap in the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownColumn {
    /// The JSON pointer of the value that is the template or names its file.
    pub pointer: String,
    /// The index of the column, from 0.
    pub column: usize,
    /// The text of the template, which has a path when it is a file of its own.
    pub source: Arc<Source>,
    /// The place of the column's name as a range of bytes in that text.
    pub span: Range<usize>,
}

impl Tree {
    /// The headers of the columns that the value at a JSON pointer depends on, including parts inside it and parts around it.
    pub(crate) fn columns(&self, pointer: &str) -> Vec<&str> {
        let mut columns = Vec::new();
        let is_near = |leaf: &&Leaf| is_in(&leaf.pointer, pointer) || is_in(pointer, &leaf.pointer);
        for leaf in self.root.leaves().into_iter().filter(is_near) {
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
        self.root.leaves().is_empty()
    }

    /// The text at a pointer that is rendered for each row.
    pub(super) fn leaf_at(&self, pointer: &str) -> Option<&Leaf> {
        let mut leaves = self.root.leaves().into_iter();
        leaves.find(|leaf| leaf.pointer == pointer)
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
        let pointers: Vec<_> = errors
            .iter()
            .map(|error| error.place.pointer.as_str())
            .collect();
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
