//! The conversion of HTML to Markdown by Altinn's server (`ReverseMarkdown` 6, its default writer). Its missing escapes and collapsed blanks decide what readers see,
//! so its peculiarities are copied here, also those that look like faults.

use super::html::{Element, Node};
use std::fmt::Write as _;

/// An inline of the document model between HTML and Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inline {
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
enum Block {
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
struct Item {
    checked: Option<bool>,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    is_header: bool,
    /// For each cell the marker of the delimiter row that aligns it, and its content.
    cells: Vec<(&'static str, Vec<Block>)>,
}

/// Converts a tree to Markdown.
pub(super) fn markdown(nodes: &[Node]) -> String {
    let mut reader = Reader::default();
    let blocks = reader.blocks(nodes);
    let mut writer = Writer::default();
    writer.blocks(&blocks);
    for (key, blocks) in &reader.footnotes {
        // A footnote becomes a single line.
        let text = writer.captured(|writer| writer.item_blocks(blocks, true));
        let text = text.replace('\n', " ");
        let _ = write!(writer.out, "\n\n[^{key}]: {}", text.trim());
    }
    writer.out.trim_matches('\n').to_owned()
}

/// Reads the tree of HTML into blocks, and collects the footnotes apart.
#[derive(Debug, Default)]
struct Reader {
    footnotes: Vec<(String, Vec<Block>)>,
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
    fn blocks(&mut self, nodes: &[Node]) -> Vec<Block> {
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

/// Writes the blocks of the document model as Markdown.
#[derive(Debug, Default)]
struct Writer {
    out: String,
    in_cell: bool,
    in_link_text: bool,
    strong: usize,
    emphasis: usize,
    /// The number of lists of the same kind directly before the current block. Its marker must differ from theirs, or the lists would merge.
    adjacent_lists: usize,
}

impl Writer {
    /// Returns the text that `write` adds to the output, and removes it again. The earlier output stays visible to `write`, because it decides on blanks.
    fn captured(&mut self, write: impl FnOnce(&mut Self)) -> String {
        let start = self.out.len();
        write(self);
        self.out.split_off(start)
    }

    fn blocks(&mut self, blocks: &[Block]) {
        let mut run = 0;
        let mut previous: Option<&Block> = None;
        for block in blocks {
            if previous.is_some() {
                self.out.push_str("\n\n");
            }
            let is_adjacent = matches!(
                (previous, block),
                (Some(Block::List { start: a, .. }), Block::List { start: b, .. }) if a.is_some() == b.is_some()
            );
            run = if is_adjacent { run + 1 } else { 0 };
            self.adjacent_lists = run;
            self.block(block);
            previous = Some(block);
        }
    }

    fn item_blocks(&mut self, blocks: &[Block], is_tight: bool) {
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                let apart = !is_tight || matches!(block, Block::Paragraph(_));
                self.out.push_str(if apart { "\n\n" } else { "\n" });
            }
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(inlines) => {
                self.inlines(inlines);
                self.trim_end();
            }
            Block::Heading(_, inlines) if self.in_cell => self.inlines(inlines),
            Block::Heading(level, inlines) => {
                self.out.push_str(&"#".repeat(*level));
                self.out.push(' ');
                let text = self.captured(|writer| writer.inlines(inlines));
                let lines: Vec<_> = text.split('\n').collect();
                let (first, rest) = lines.split_first().unwrap_or((&"", &[]));
                let mut text = (*first).to_owned();
                for line in rest {
                    text.truncate(text.trim_end().len());
                    text.push(' ');
                    text.push_str(line.trim_start());
                }
                // Number signs at the end would be taken for the closing sequence of the heading.
                let body = text.trim_end_matches('#');
                let closing = "\\#".repeat(text.len() - body.len());
                let _ = write!(self.out, "{body}{closing}");
                self.trim_end();
            }
            Block::Rule => self.out.push_str("***"),
            Block::Quote(blocks) => {
                let text = self.captured(|writer| writer.blocks(blocks));
                let lines = text.split('\n').map(|line| match line {
                    "" => ">".to_owned(),
                    line => format!("> {line}"),
                });
                let quoted = lines.collect::<Vec<_>>().join("\n");
                self.out.push_str(&quoted);
            }
            Block::List {
                start,
                is_tight,
                items,
            } => self.list(*start, *is_tight, items),
            Block::Code { language, text } => {
                // The fence must be longer than any run of backticks inside.
                let fence = "`".repeat(longest_run(text, '`').saturating_add(1).max(3));
                let end = if text.ends_with('\n') { "" } else { "\n" };
                let _ = write!(self.out, "{fence}{language}\n{text}{end}{fence}");
            }
            Block::Table(rows) => self.table(rows),
            Block::Definitions(items) => {
                for (at, (is_term, blocks)) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push('\n');
                    }
                    let text = self.captured(|writer| writer.item_blocks(blocks, true));
                    let text = text.replace('\n', " ");
                    // Markdown has no definition lists: terms become bullets and explanations bullets below them.
                    let lead = if *is_term { "- " } else { "    - " };
                    let _ = write!(self.out, "{lead}{}", text.trim());
                }
            }
        }
    }

    fn list(&mut self, start: Option<i64>, is_tight: bool, items: &[Item]) {
        let run = std::mem::take(&mut self.adjacent_lists);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push_str(if is_tight { "\n" } else { "\n\n" });
            }
            let marker = match start {
                Some(start) => {
                    // Neighbouring lists alternate their markers, as the converter does to keep them apart.
                    let delimiter = if run % 2 == 1 { ')' } else { '.' };
                    format!(
                        "{}{delimiter} ",
                        start.saturating_add(i64::try_from(at).unwrap_or(i64::MAX))
                    )
                }
                None => format!("{} ", ['-', '*', '+'][run % 3]),
            };
            let indent = " ".repeat(marker.len());
            let checkbox = match item.checked {
                Some(true) => "[x] ",
                Some(false) => "[ ] ",
                None => "",
            };
            // Lines after the first are indented as far as the marker is wide.
            let text = self.captured(|writer| writer.item_blocks(&item.blocks, is_tight));
            let _ = write!(self.out, "{marker}{checkbox}");
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.out.push('\n');
                    if !line.is_empty() {
                        self.out.push_str(&indent);
                    }
                }
                self.out.push_str(line);
            }
        }
    }

    fn table(&mut self, rows: &[Row]) {
        let Some(columns) = rows.iter().map(|row| row.cells.len()).max() else {
            return;
        };
        // Markdown requires a header row: the first row serves when there is none.
        let header = rows.iter().position(|row| row.is_header).unwrap_or(0);
        self.row(&rows[header], columns);
        self.out.push_str("\n|");
        for column in 0..columns {
            let marker = rows[header].cells.get(column).map_or("---", |cell| cell.0);
            let _ = write!(self.out, " {marker} |");
        }
        for (at, row) in rows.iter().enumerate() {
            if at != header {
                self.out.push('\n');
                self.row(row, columns);
            }
        }
    }

    fn row(&mut self, row: &Row, columns: usize) {
        self.out.push('|');
        for column in 0..columns {
            let text = row.cells.get(column).map(|cell| self.cell(&cell.1));
            let _ = write!(self.out, " {} |", text.unwrap_or_default());
        }
    }

    fn cell(&mut self, blocks: &[Block]) -> String {
        let was = std::mem::replace(&mut self.in_cell, true);
        let text = self.captured(|writer| {
            for (at, block) in blocks.iter().enumerate() {
                if at > 0 {
                    writer.out.push_str("\n\n");
                }
                writer.block(block);
            }
        });
        self.in_cell = was;
        let lines: Vec<_> = text
            .split('\n')
            .map(|line| line.trim_matches(' '))
            .collect();
        let text = lines.join("\n");
        text.trim_matches(['\n', ' '])
            .replace('\n', "<br>")
            .replace('|', "\\|")
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        let mut previous: Option<&Inline> = None;
        for inline in inlines {
            // A blank keeps the delimiters of neighbouring inlines from merging.
            if matches!(
                (previous, inline),
                (Some(Inline::Strong(_)), Inline::Strong(_))
                    | (Some(Inline::Emphasis(_)), Inline::Emphasis(_))
            ) {
                self.out.push(' ');
            }
            self.inline(inline);
            previous = Some(inline);
        }
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.text(text),
            // Strong inside strong has no further effect.
            Inline::Strong(inner) if self.strong > 0 => self.inlines(inner),
            Inline::Strong(inner) => {
                self.strong += 1;
                self.wrapped("**", inner);
                self.strong -= 1;
            }
            Inline::Emphasis(inner) if self.emphasis > 0 => self.inlines(inner),
            Inline::Emphasis(inner) => {
                self.emphasis += 1;
                self.wrapped("*", inner);
                self.emphasis -= 1;
            }
            Inline::Strike(inner) => self.wrapped("~~", inner),
            Inline::Superscript(inner) => self.wrapped("^", inner),
            Inline::Subscript(inner) => {
                self.out.push_str("<sub>");
                self.inlines(inner);
                self.out.push_str("</sub>");
            }
            Inline::Link { url, title, text } => {
                let was = std::mem::replace(&mut self.in_link_text, true);
                let text = self.captured(|writer| writer.inlines(text));
                self.in_link_text = was;
                let url = url
                    .replace(' ', "%20")
                    .replace('(', "%28")
                    .replace(')', "%29");
                let _ = write!(self.out, "[{}]({url}{})", text.trim(), in_quotes(title));
            }
            Inline::Image { url, title, alt } => {
                let alt = alt
                    .replace('\\', "\\\\")
                    .replace('[', "\\[")
                    .replace(']', "\\]");
                let url = if url.contains([' ', '\n']) {
                    format!("<{url}>")
                } else {
                    url.replace('(', "\\(").replace(')', "\\)")
                };
                let _ = write!(self.out, "![{alt}]({url}{})", in_quotes(title));
            }
            Inline::Code(code) => {
                let fence = "`".repeat(longest_run(code, '`') + 1);
                let needs_pad = code.starts_with(['`', ' ']) || code.ends_with(['`', ' ']);
                let pad = if needs_pad && !code.trim().is_empty() {
                    " "
                } else {
                    ""
                };
                let _ = write!(self.out, "{fence}{pad}{code}{pad}{fence}");
            }
            Inline::Break => self.out.push_str("  \n"),
            Inline::Footnote(key) => {
                let _ = write!(self.out, "[^{key}]");
            }
            Inline::Math(text) => self.out.push_str(text),
        }
    }

    /// Writes delimiters around content. Blanks at its ends go outside them, because Markdown does not accept `** text **`.
    fn wrapped(&mut self, delimiter: &str, inner: &[Inline]) {
        let text = self.captured(|writer| inner.iter().for_each(|inline| writer.inline(inline)));
        let blanks = [' ', '\t', '\r', '\n'];
        let core = text.trim_matches(blanks);
        if core.is_empty() {
            self.out.push_str(&text);
            return;
        }
        // Of the blanks at each end one is kept, and of line breaks none, as the converter does.
        let leading = &text[..text.len() - text.trim_start_matches(blanks).len()];
        let trailing = &text[text.trim_end_matches(blanks).len()..];
        let blank = |blanks: &str| {
            if blanks.is_empty() || blanks.contains('\n') {
                ""
            } else {
                " "
            }
        };
        let _ = write!(
            self.out,
            "{}{delimiter}{core}{delimiter}{}",
            blank(leading),
            blank(trailing)
        );
    }

    /// Writes text. Blanks collapse, and only `*`, `_`, `<` and `>` are escaped, which is why no other escape of the sender reaches the reader.
    fn text(&mut self, text: &str) {
        let mut collapsed = String::with_capacity(text.len());
        for c in text.chars() {
            if self.in_cell && c == '\n' {
                collapsed.push('\n');
            } else if !c.is_whitespace() {
                collapsed.push(c);
            } else if !collapsed.ends_with(' ') {
                collapsed.push(' ');
            }
        }
        let is_at_blank = self.out.is_empty() || self.out.ends_with([' ', '\n']);
        let text = match collapsed.strip_prefix(' ') {
            Some(rest) if is_at_blank => rest,
            _ => &collapsed,
        };
        // Between backticks nothing is escaped, even where they are no code.
        let mut in_backticks = false;
        for c in text.chars() {
            match c {
                '[' | ']' if self.in_link_text => self.out.extend(['\\', c]),
                _ if self.in_link_text => self.out.push(c),
                '`' => {
                    in_backticks = !in_backticks;
                    self.out.push(c);
                }
                _ if in_backticks => self.out.push(c),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '*' | '_' => self.out.extend(['\\', c]),
                _ => self.out.push(c),
            }
        }
    }

    fn trim_end(&mut self) {
        self.out
            .truncate(self.out.trim_end_matches([' ', '\n']).len());
    }
}

fn in_quotes(title: &str) -> String {
    if title.is_empty() {
        return String::new();
    }
    format!(" \"{}\"", title.replace('"', "\\\""))
}

fn longest_run(text: &str, sign: char) -> usize {
    let runs = text.split(|c| c != sign);
    runs.map(str::len).max().unwrap_or_default()
}
