//! HTML read into the document model, as `ReverseMarkdown` reads it.

use super::document::{Block, Inline, Item, Row};
use super::html::{Element, Node};

/// Reads the tree of HTML into blocks, and collects the footnotes apart.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) footnotes: Vec<(String, Vec<Block>)>,
}

/// The blocks of one container. Loose inline content is collected into a paragraph of its own, which the next block ends.
#[derive(Debug, Default)]
struct Container {
    blocks: Vec<Block>,
    loose: Vec<Inline>,
}

impl Container {
    fn end_loose(&mut self) {
        let mut loose = std::mem::take(&mut self.loose);
        if let Some(Inline::Text(text)) = loose.last_mut() {
            text.truncate(text.trim_end_matches([' ', '\t', '\r', '\n']).len());
        }
        if !loose.is_empty() {
            self.blocks.push(Block::Paragraph(loose));
        }
    }

    fn push(&mut self, block: Block) {
        self.end_loose();
        self.blocks.push(block);
    }
}

impl Reader {
    pub(super) fn blocks(&mut self, nodes: &[Node]) -> Vec<Block> {
        let mut container = Container::default();
        self.read_into(nodes, &mut container);
        container.end_loose();
        container.blocks
    }

    fn read_into(&mut self, nodes: &[Node], container: &mut Container) {
        for node in nodes {
            match node {
                // Blank text is dropped wherever a block could stand, even between loose inline elements, where it joins words.
                Node::Text(text) if text.trim().is_empty() => {}
                Node::Text(text) => container.loose.push(Inline::Text(text.clone())),
                Node::Element(element) => self.read_element(element, container),
            }
        }
    }

    fn read_element(&mut self, element: &Element, container: &mut Container) {
        let children = &element.children;
        match element.name.as_str() {
            "p" => container.push(Block::Paragraph(self.inlines(children))),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = usize::from(element.name.as_bytes()[1] - b'0');
                container.push(Block::Heading(level, self.inlines(children)));
            }
            "hr" => container.push(Block::Rule),
            "blockquote" => {
                let blocks = self.blocks(children);
                container.push(Block::Quote(blocks));
            }
            "ul" | "ol" => {
                let list = self.list(element);
                container.push(list);
            }
            "li" | "dt" | "dd" => {
                let blocks = self.blocks(children);
                for block in blocks {
                    container.push(block);
                }
            }
            "pre" => container.push(code_block(element)),
            "table" => {
                let table = self.table(element);
                container.push(table);
            }
            "dl" => {
                let definitions = self.definitions(element);
                container.push(definitions);
            }
            "div" | "section" if element.attribute("class").contains("footnotes") => {
                self.read_footnotes(element);
            }
            "div" | "section" => {
                // A container without attributes is transparent; one with attributes ends the paragraph around it.
                if element.attribute("class").is_empty() && element.attribute("id").is_empty() {
                    self.read_into(children, container);
                } else {
                    let blocks = self.blocks(children);
                    for block in blocks {
                        container.push(block);
                    }
                }
            }
            "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" => self.read_into(children, container),
            // Check boxes are read with their list item.
            "input" => {}
            _ => match self.inline(element) {
                Some(inline) => container.loose.push(inline),
                None => self.read_into(children, container),
            },
        }
    }

    /// The content of an element that holds inlines only. Blocks inside it are reduced to their inlines.
    fn inlines(&mut self, nodes: &[Node]) -> Vec<Inline> {
        let mut inlines = Vec::new();
        for node in nodes {
            match node {
                Node::Text(text) => inlines.push(Inline::Text(text.clone())),
                Node::Element(element) if is_back_reference(element) => {}
                Node::Element(element) => match self.inline(element) {
                    Some(inline) => inlines.push(inline),
                    None => inlines.extend(self.inlines(&element.children)),
                },
            }
        }
        inlines
    }

    /// Reads an inline element; `None` when only its children count.
    fn inline(&mut self, element: &Element) -> Option<Inline> {
        let class = element.attribute("class");
        Some(match element.name.as_str() {
            "strong" | "b" => Inline::Strong(self.inlines(&element.children)),
            "em" | "i" | "cite" => Inline::Emphasis(self.inlines(&element.children)),
            "s" | "del" | "strike" => Inline::Strike(self.inlines(&element.children)),
            "sup" => Inline::Superscript(self.inlines(&element.children)),
            "sub" => Inline::Subscript(self.inlines(&element.children)),
            "span" if class.contains("math") => Inline::Math(element.text()),
            "code" => Inline::Code(element.text()),
            "br" => Inline::Break,
            "a" if class.contains("footnote-ref") => Inline::Footnote(
                element
                    .attribute("href")
                    .trim_start_matches("#fn-")
                    .to_owned(),
            ),
            "a" if element.attributes.contains_key("href") => Inline::Link {
                url: element.attribute("href").to_owned(),
                title: element.attribute("title").to_owned(),
                text: self.inlines(&element.children),
            },
            "img" if element.attributes.contains_key("src") => Inline::Image {
                url: element.attribute("src").to_owned(),
                title: element.attribute("title").to_owned(),
                alt: element.attribute("alt").to_owned(),
            },
            _ => return None,
        })
    }

    fn list(&mut self, element: &Element) -> Block {
        let is_item = |child: &Node| matches!(child, Node::Element(item) if item.name == "li");
        let has_paragraph = |child: &Node| match child {
            Node::Element(item) => item
                .children
                .iter()
                .any(|inner| matches!(inner, Node::Element(inner) if inner.name == "p")),
            Node::Text(_) => false,
        };
        let children = &element.children;
        // A list is loose as soon as one item holds a paragraph.
        let is_tight = !children
            .iter()
            .any(|child| is_item(child) && has_paragraph(child));
        let items = children.iter().filter(|child| is_item(child));
        let items = items.filter_map(|child| match child {
            Node::Element(item) => Some(self.item(item)),
            Node::Text(_) => None,
        });
        let start = || element.attribute("start").parse().unwrap_or(1);
        Block::List {
            start: (element.name == "ol").then(start),
            is_tight,
            items: items.collect(),
        }
    }

    fn item(&mut self, element: &Element) -> Item {
        let first = element.children.iter().find_map(|child| match child {
            Node::Element(child) => Some(child),
            Node::Text(_) => None,
        });
        let checked = first
            .filter(|first| first.name == "input" && first.attribute("type") == "checkbox")
            .map(|first| first.attributes.contains_key("checked"));
        Item {
            checked,
            blocks: self.blocks(&element.children),
        }
    }

    fn table(&mut self, element: &Element) -> Block {
        let mut rows = Vec::new();
        let mut found = Vec::new();
        element.descend(&mut |parent, child| {
            if child.name == "tr" {
                found.push((parent.name == "thead", child));
            }
        });
        for (in_head, row) in found {
            let cells: Vec<&Element> = row
                .children
                .iter()
                .filter_map(|child| match child {
                    Node::Element(cell) if matches!(cell.name.as_str(), "td" | "th") => Some(cell),
                    _ => None,
                })
                .collect();
            if !cells.is_empty() {
                rows.push(Row {
                    is_header: in_head || cells.iter().all(|cell| cell.name == "th"),
                    cells: cells
                        .iter()
                        .map(|cell| (alignment(cell), self.blocks(&cell.children)))
                        .collect(),
                });
            }
        }
        Block::Table(rows)
    }

    fn definitions(&mut self, element: &Element) -> Block {
        let mut items = Vec::new();
        for child in &element.children {
            if let Node::Element(child) = child
                && matches!(child.name.as_str(), "dt" | "dd")
            {
                items.push((child.name == "dt", self.blocks(&child.children)));
            }
        }
        Block::Definitions(items)
    }

    fn read_footnotes(&mut self, section: &Element) {
        let mut found = Vec::new();
        section.descend(&mut |_, child| {
            if child.name == "li" && !child.attribute("id").is_empty() {
                found.push(child);
            }
        });
        for note in found {
            let key = note.attribute("id").trim_start_matches("fn-").to_owned();
            let blocks = self.blocks(&note.children);
            self.footnotes.push((key, blocks));
        }
    }
}

fn is_back_reference(element: &Element) -> bool {
    element.name == "a" && element.attribute("class").contains("footnote-backref")
}

fn code_block(element: &Element) -> Block {
    let code = element.children.iter().find_map(|child| match child {
        Node::Element(code) if code.name == "code" => Some(code),
        _ => None,
    });
    let code = code.unwrap_or(element);
    let class = code.attribute("class");
    let language = class
        .split(' ')
        .find_map(|word| word.strip_prefix("language-"));
    Block::Code {
        language: language.unwrap_or_default().to_owned(),
        text: code.text(),
    }
}

fn alignment(cell: &Element) -> &'static str {
    let style = cell.attribute("style").replace(' ', "");
    let by_style = style
        .split_once("text-align:")
        .map_or("", |(_, align)| align);
    let align = match cell.attribute("align") {
        "" => by_style,
        align => align,
    };
    match align {
        align if align.starts_with("center") => ":---:",
        align if align.starts_with("right") => "---:",
        align if align.starts_with("left") => ":---",
        _ => "---",
    }
}
