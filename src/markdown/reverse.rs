//! The conversion of HTML to Markdown by Altinn's server (`ReverseMarkdown` 6, its default writer). Its missing escapes and collapsed blanks decide what readers see,
//! so its peculiarities are copied here, also those that look like faults.

use super::document::{Block, Inline, Item, Row};
use super::html::Node;
use super::html_reader::Reader;
use std::fmt::Write as _;

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

/// Writes the blocks of the document model as Markdown.
#[derive(Debug, Default)]
struct Writer {
    out: String,
    /// The start of the text that is being captured; what stands before it is not trimmed.
    start: usize,
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
        let before = std::mem::replace(&mut self.start, self.out.len());
        write(self);
        let text = self.out.split_off(self.start);
        self.start = before;
        text
    }

    fn blocks(&mut self, blocks: &[Block]) {
        let mut run = 0;
        let mut previous: Option<&Block> = None;
        for block in blocks {
            if previous.is_some() {
                self.separate("\n\n");
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
                self.separate(if apart { "\n\n" } else { "\n" });
            }
            self.block(block);
        }
    }

    /// Separates the next block from those before it, unless these are empty.
    fn separate(&mut self, separator: &str) {
        if self.out.len() > self.start {
            self.out.push_str(separator);
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
        let end = self.out.trim_end_matches([' ', '\n']).len();
        self.out.truncate(end.max(self.start));
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
