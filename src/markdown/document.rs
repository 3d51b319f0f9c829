//! The document model between HTML and Markdown: what `ReverseMarkdown` makes of a tree before it writes it.

/// An inline of the document model between HTML and Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Strong(Vec<Self>),
    Emphasis(Vec<Self>),
    Strike(Vec<Self>),
    Superscript(Vec<Self>),
    Subscript(Vec<Self>),
    Link {
        url: String,
        title: String,
        text: Vec<Self>,
    },
    Image {
        url: String,
        title: String,
        alt: String,
    },
    Code(String),
    Break,
    Footnote(String),
    Math(String),
}

/// A block of the document model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    Heading(usize, Vec<Inline>),
    Rule,
    Quote(Vec<Self>),
    List {
        start: Option<i64>,
        is_tight: bool,
        items: Vec<Item>,
    },
    Code {
        language: String,
        text: String,
    },
    Table(Vec<Row>),
    Definitions(Vec<(bool, Vec<Self>)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) checked: Option<bool>,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) is_header: bool,
    /// For each cell the marker of the delimiter row that aligns it, and its content.
    pub(super) cells: Vec<(&'static str, Vec<Block>)>,
}
