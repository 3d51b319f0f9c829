//! The conversion of HTML to Markdown by Altinn's server (`ReverseMarkdown` 6, its default writer). Its missing escapes and collapsed blanks decide what readers see,
//! so its peculiarities are copied here, also those that look like faults.

use std::fmt::Write as _;

use super::html::{Element, Node, text};
use super::html_blocks::{Block, blocks, inlines, is_footnote_reference};

pub(super) fn markdown(nodes: &[Node]) -> String {
    let mut writer = Writer::default();
    writer.blocks(nodes);
    let mut at = 0;
    while let Some(note) = writer.footnotes.get(at).copied() {
        let key = note.attribute("id").trim_start_matches("fn-");
        let text = writer.one_line(&note.children);
        let _ = write!(writer.out, "\n\n[^{key}]: {text}");
        at += 1;
    }
    writer.out.trim_matches('\n').to_owned()
}

#[derive(Debug, Default)]
struct Writer<'a> {
    out: String,
    /// The start of the text that is being captured; what stands before it is not trimmed.
    start: usize,
    in_cell: bool,
    in_link_text: bool,
    strong: usize,
    emphasis: usize,
    /// The number of lists of the same kind directly before the current block. Its marker must differ from theirs, or the lists would merge.
    adjacent_lists: usize,
    /// The footnotes met so far, which are written at the end.
    footnotes: Vec<&'a Element>,
}

impl<'a> Writer<'a> {
    /// Returns the text that `write` adds to the output, and removes it again. The earlier output stays visible to `write`, because it decides on blanks.
    fn captured(&mut self, write: impl FnOnce(&mut Self)) -> String {
        let before = std::mem::replace(&mut self.start, self.out.len());
        write(self);
        let text = self.out.split_off(self.start);
        self.start = before;
        text
    }

    fn blocks(&mut self, nodes: &'a [Node]) {
        let (mut run, mut previous) = (0, "");
        for (at, block) in blocks(nodes, &mut self.footnotes).into_iter().enumerate() {
            if at > 0 {
                self.separate("\n\n");
            }
            let name = block.name();
            let is_adjacent = matches!(name, "ul" | "ol") && name == previous;
            run = if is_adjacent { run + 1 } else { 0 };
            self.adjacent_lists = run;
            self.block(&block);
            previous = name;
        }
    }

    fn item_blocks(&mut self, nodes: &'a [Node], is_tight: bool) {
        for (at, block) in blocks(nodes, &mut self.footnotes).into_iter().enumerate() {
            if at > 0 {
                let apart = !is_tight || block.name() == "p";
                self.separate(if apart { "\n\n" } else { "\n" });
            }
            self.block(&block);
        }
    }

    /// Separates the next block from those before it, unless these are empty.
    fn separate(&mut self, separator: &str) {
        if self.out.len() > self.start {
            self.out.push_str(separator);
        }
    }

    /// The blocks of a footnote, a term or an explanation, which become a single line.
    fn one_line(&mut self, nodes: &'a [Node]) -> String {
        let text = self.captured(|writer| writer.item_blocks(nodes, true));
        text.replace('\n', " ").trim().to_owned()
    }

    fn block(&mut self, block: &Block<'a>) {
        let element = match block {
            Block::Inlines(inlines) => return self.paragraph(inlines),
            Block::Element(element) => *element,
        };
        let children = &element.children;
        match element.name.as_str() {
            "hr" => self.out.push_str("***"),
            "blockquote" => {
                let text = self.captured(|writer| writer.blocks(children));
                let lines = text.split('\n').map(|line| match line {
                    "" => ">".to_owned(),
                    line => format!("> {line}"),
                });
                let quoted = lines.collect::<Vec<_>>().join("\n");
                self.out.push_str(&quoted);
            }
            "ul" | "ol" => self.list(element),
            "pre" => self.code_block(element),
            "table" => self.table(element),
            "dl" => self.definitions(element),
            "p" => self.paragraph(&inlines(children)),
            _ if self.in_cell => self.inlines(&inlines(children)),
            heading => self.heading(heading, &inlines(children)),
        }
    }

    fn paragraph(&mut self, inlines: &[&'a Node]) {
        self.inlines(inlines);
        self.trim_end();
    }

    /// Writes a heading; the name of its element, `h1` to `h6`, has its level.
    fn heading(&mut self, name: &str, inlines: &[&'a Node]) {
        let level = usize::from(name.as_bytes()[1] - b'0');
        self.out.push_str(&"#".repeat(level));
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

    fn code_block(&mut self, element: &Element) {
        let code = element.elements().find(|child| child.name == "code");
        let code = code.unwrap_or(element);
        let mut classes = code.attribute("class").split(' ');
        let language = classes.find_map(|word| word.strip_prefix("language-"));
        let (language, text) = (language.unwrap_or_default(), text(&code.children));
        // The fence must be longer than any run of backticks inside.
        let fence = "`".repeat(longest_run(&text, '`').saturating_add(1).max(3));
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let _ = write!(self.out, "{fence}{language}\n{text}{end}{fence}");
    }

    /// Markdown has no definition lists: terms become bullets and explanations bullets below them.
    fn definitions(&mut self, element: &'a Element) {
        let is_one = |child: &&Element| matches!(child.name.as_str(), "dt" | "dd");
        for (at, child) in element.elements().filter(is_one).enumerate() {
            if at > 0 {
                self.out.push('\n');
            }
            let text = self.one_line(&child.children);
            let lead = if child.name == "dt" { "- " } else { "    - " };
            let _ = write!(self.out, "{lead}{text}");
        }
    }

    fn list(&mut self, element: &'a Element) {
        let run = std::mem::take(&mut self.adjacent_lists);
        let items = || element.elements().filter(|child| child.name == "li");
        // A list is loose as soon as one item holds a paragraph.
        let is_tight = !items().any(|item| item.elements().any(|child| child.name == "p"));
        let start: i64 = element.attribute("start").parse().unwrap_or(1);
        for (at, item) in items().enumerate() {
            if at > 0 {
                self.out.push_str(if is_tight { "\n" } else { "\n\n" });
            }
            let marker = if element.name == "ol" {
                // Neighbouring lists alternate their markers, as the converter does to keep them apart.
                let delimiter = if run % 2 == 1 { ')' } else { '.' };
                let number = start.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
                format!("{number}{delimiter} ")
            } else {
                format!("{} ", ['-', '*', '+'][run % 3])
            };
            let indent = " ".repeat(marker.len());
            let checkbox = match item.elements().next() {
                Some(first) if first.name != "input" || first.attribute("type") != "checkbox" => "",
                Some(first) if first.attributes.contains_key("checked") => "[x] ",
                Some(_) => "[ ] ",
                None => "",
            };
            // Lines after the first are indented as far as the marker is wide.
            let text = self.captured(|writer| writer.item_blocks(&item.children, is_tight));
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

    fn table(&mut self, element: &'a Element) {
        let mut rows = Vec::new();
        let mut header = None;
        element.descend(&mut |parent, child| {
            let is_cell = |cell: &&Element| matches!(cell.name.as_str(), "td" | "th");
            let cells: Vec<_> = child.elements().filter(is_cell).collect();
            if child.name == "tr" && !cells.is_empty() {
                if parent.name == "thead" || cells.iter().all(|cell| cell.name == "th") {
                    header.get_or_insert(rows.len());
                }
                rows.push(cells);
            }
        });
        let Some(columns) = rows.iter().map(Vec::len).max() else {
            return;
        };
        // Markdown requires a header row: the first row serves when there is none.
        let header = header.unwrap_or(0);
        self.row(&rows[header], columns);
        self.out.push_str("\n|");
        for column in 0..columns {
            let marker = rows[header]
                .get(column)
                .map_or("---", |cell| alignment(cell));
            let _ = write!(self.out, " {marker} |");
        }
        for (at, row) in rows.iter().enumerate() {
            if at != header {
                self.out.push('\n');
                self.row(row, columns);
            }
        }
    }

    fn row(&mut self, cells: &[&'a Element], columns: usize) {
        self.out.push('|');
        for column in 0..columns {
            let text = cells.get(column).map(|cell| self.cell(&cell.children));
            let _ = write!(self.out, " {} |", text.unwrap_or_default());
        }
    }

    fn cell(&mut self, nodes: &'a [Node]) -> String {
        let was = std::mem::replace(&mut self.in_cell, true);
        let text = self.captured(|writer| writer.item_blocks(nodes, false));
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

    fn inlines(&mut self, inlines: &[&'a Node]) {
        let mut previous = "";
        for inline in inlines {
            let delimiter = delimiter(inline);
            // A blank keeps the delimiters of neighbouring inlines from merging.
            if matches!(delimiter, "**" | "*") && delimiter == previous {
                self.out.push(' ');
            }
            self.inline(inline);
            previous = delimiter;
        }
    }

    fn inline(&mut self, inline: &'a Node) {
        let element = match inline {
            Node::Text(text) => return self.text(text),
            Node::Element(element) => element,
        };
        let inner = inlines(&element.children);
        match (delimiter(inline), element.name.as_str()) {
            // Strong inside strong has no further effect, nor emphasis inside emphasis.
            ("**", _) if self.strong > 0 => self.inlines(&inner),
            ("*", _) if self.emphasis > 0 => self.inlines(&inner),
            ("**", _) => {
                self.strong += 1;
                self.wrapped("**", &inner);
                self.strong -= 1;
            }
            ("*", _) => {
                self.emphasis += 1;
                self.wrapped("*", &inner);
                self.emphasis -= 1;
            }
            (delimiter @ ("~~" | "^"), _) => self.wrapped(delimiter, &inner),
            (_, "sub") => {
                self.out.push_str("<sub>");
                self.inlines(&inner);
                self.out.push_str("</sub>");
            }
            // Mathematics.
            (_, "span") => self.out.push_str(&text(&element.children)),
            (_, "code") => self.code(&text(&element.children)),
            (_, "br") => self.out.push_str("  \n"),
            (_, "a") if is_footnote_reference(element) => {
                let key = element.attribute("href").trim_start_matches("#fn-");
                let _ = write!(self.out, "[^{key}]");
            }
            (_, "a") => self.link(element, &inner),
            _ => self.image(element),
        }
    }

    fn link(&mut self, element: &Element, inner: &[&'a Node]) {
        let was = std::mem::replace(&mut self.in_link_text, true);
        let text = self.captured(|writer| writer.inlines(inner));
        self.in_link_text = was;
        let url = element
            .attribute("href")
            .replace(' ', "%20")
            .replace('(', "%28")
            .replace(')', "%29");
        let title = title(element);
        let _ = write!(self.out, "[{}]({url}{title})", text.trim());
    }

    fn image(&mut self, element: &Element) {
        let alt = element
            .attribute("alt")
            .replace('\\', "\\\\")
            .replace('[', "\\[")
            .replace(']', "\\]");
        let url = element.attribute("src");
        let url = if url.contains([' ', '\n']) {
            format!("<{url}>")
        } else {
            url.replace('(', "\\(").replace(')', "\\)")
        };
        let _ = write!(self.out, "![{alt}]({url}{})", title(element));
    }

    fn code(&mut self, code: &str) {
        let fence = "`".repeat(longest_run(code, '`') + 1);
        let needs_pad = code.starts_with(['`', ' ']) || code.ends_with(['`', ' ']);
        let pad = if needs_pad && !code.trim().is_empty() {
            " "
        } else {
            ""
        };
        let _ = write!(self.out, "{fence}{pad}{code}{pad}{fence}");
    }

    /// Writes delimiters around content. Blanks at its ends go outside them, because Markdown does not accept `** text **`.
    fn wrapped(&mut self, delimiter: &str, inner: &[&'a Node]) {
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
        let end = self.out.trim_end_matches([' ', '\n']).len();
        self.out.truncate(end.max(self.start));
    }
}

/// The delimiter of an inline on both sides; empty for those that have none, or are written in another way.
fn delimiter(inline: &Node) -> &'static str {
    match inline {
        Node::Text(_) => "",
        Node::Element(element) => match element.name.as_str() {
            "strong" | "b" => "**",
            "em" | "i" | "cite" => "*",
            "s" | "del" | "strike" => "~~",
            "sup" => "^",
            _ => "",
        },
    }
}

/// The title of a link or an image, as it is written behind the address.
fn title(element: &Element) -> String {
    match element.attribute("title") {
        "" => String::new(),
        title => format!(" \"{}\"", title.replace('"', "\\\"")),
    }
}

/// The marker of the delimiter row that aligns a cell's column.
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

fn longest_run(text: &str, sign: char) -> usize {
    let runs = text.split(|c| c != sign);
    runs.map(str::len).max().unwrap_or_default()
}
