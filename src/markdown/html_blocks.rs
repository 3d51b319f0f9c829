//! The nodes of HTML as blocks and inlines, divided as `ReverseMarkdown` divides them.

use super::html::{Element, Node};

/// A block: an element that is one, or inlines that stand where a block could.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Element(&'a Element),
    Inlines(Vec<&'a Node>),
}

impl<'a> Block<'a> {
    /// The name of the block's element; that of a paragraph for inlines.
    pub(super) fn name(&self) -> &'a str {
        match self {
            Self::Element(element) => &element.name,
            Self::Inlines(_) => "p",
        }
    }
}

/// Divides nodes into blocks. The items of sections with footnotes are added to `footnotes` instead.
pub(super) fn blocks<'a>(nodes: &'a [Node], footnotes: &mut Vec<&'a Element>) -> Vec<Block<'a>> {
    let mut container = Container {
        blocks: Vec::new(),
        loose: Vec::new(),
        footnotes,
    };
    container.read(nodes);
    container.end_loose();
    container.blocks
}

/// The blocks of one container. Loose inlines are collected into a paragraph of their own, which the next block ends.
struct Container<'a, 'f> {
    blocks: Vec<Block<'a>>,
    loose: Vec<&'a Node>,
    footnotes: &'f mut Vec<&'a Element>,
}

impl<'a> Container<'a, '_> {
    fn end_loose(&mut self) {
        let loose = std::mem::take(&mut self.loose);
        if !loose.is_empty() {
            self.blocks.push(Block::Inlines(loose));
        }
    }

    fn push(&mut self, block: Block<'a>) {
        self.end_loose();
        self.blocks.push(block);
    }

    fn read(&mut self, nodes: &'a [Node]) {
        for node in nodes {
            match node {
                // Blank text is dropped wherever a block could stand, even between loose inlines, where it joins words.
                Node::Text(text) if text.trim().is_empty() => {}
                Node::Element(element) if !is_inline(element) => self.read_element(element),
                inline => self.loose.push(inline),
            }
        }
    }

    fn read_element(&mut self, element: &'a Element) {
        let children = &element.children;
        match element.name.as_str() {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "blockquote" | "ul" | "ol"
            | "pre" | "table" | "dl" => self.push(Block::Element(element)),
            "div" | "section" if element.attribute("class").contains("footnotes") => {
                element.descend(&mut |_, child| {
                    if child.name == "li" && !child.attribute("id").is_empty() {
                        self.footnotes.push(child);
                    }
                });
            }
            // A container without attributes is transparent; one with attributes ends the paragraph around it, and so does an item.
            "div" | "section"
                if element.attribute("class").is_empty() && element.attribute("id").is_empty() =>
            {
                self.read(children);
            }
            "div" | "section" | "li" | "dt" | "dd" => {
                for block in blocks(children, self.footnotes) {
                    self.push(block);
                }
            }
            // Check boxes are read with their list item.
            "input" => {}
            _ => self.read(children),
        }
    }
}

/// True for an element that is an inline of its own; of others only the children count.
fn is_inline(element: &Element) -> bool {
    match element.name.as_str() {
        "strong" | "b" | "em" | "i" | "cite" | "s" | "del" | "strike" | "sup" | "sub" | "code"
        | "br" => true,
        "span" => element.attribute("class").contains("math"),
        "a" => is_footnote_reference(element) || element.attributes.contains_key("href"),
        "img" => element.attributes.contains_key("src"),
        _ => false,
    }
}

/// True for the sign in the text that points to a footnote.
pub(super) fn is_footnote_reference(element: &Element) -> bool {
    element.name == "a" && element.attribute("class").contains("footnote-ref")
}

/// The content of an element that holds inlines only. Blocks inside it are reduced to their inlines.
pub(super) fn inlines(nodes: &[Node]) -> Vec<&Node> {
    let mut found = Vec::new();
    for node in nodes {
        match node {
            Node::Element(element) if is_back_reference(element) => {}
            Node::Element(element) if !is_inline(element) => {
                found.extend(inlines(&element.children));
            }
            inline => found.push(inline),
        }
    }
    found
}

fn is_back_reference(element: &Element) -> bool {
    element.name == "a" && element.attribute("class").contains("footnote-backref")
}
