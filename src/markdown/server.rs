//! The conversion of a body by Altinn's server: Markdown to HTML to Markdown.

use comrak::html::escape;
use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::{html, reverse};

/// Converts a body to the Markdown that readers' programs receive.
pub(crate) fn delivered(body: &str) -> String {
    let mut markdown = reverse::markdown(&html::parse(&to_html(body)));
    // The server checks that the result has every link it finds in the body, and appends the missing ones.
    for link in links(body) {
        if !markdown.contains(link) {
            markdown.push('\n');
            markdown.push_str(link);
        }
    }
    markdown
}

fn to_html(body: &str) -> String {
    let options = options();
    let source = with_own_blocks(body, &options);
    let arena = Arena::new();
    let root = parse_document(&arena, &source, &options);
    rewrite_inlines(root);
    let mut html = String::with_capacity(source.len() * 2);
    // Writing to a string does not fail.
    let _ = format_html(root, &options, &mut html);
    html
}

/// The options of comrak that come closest to Markdig with its advanced extensions.
pub(super) fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.alerts = true;
    extension.autolink = true;
    extension.block_directive = true;
    extension.footnotes = true;
    extension.front_matter_delimiter = Some("---".to_owned());
    extension.highlight = true;
    extension.insert = true;
    extension.strikethrough = true;
    extension.subscript = true;
    extension.superscript = true;
    extension.table = true;
    extension.tasklist = true;
    options.parse.escaped_char_spans = true;
    options.render.escaped_char_spans = true;
    options.render.r#unsafe = true;
    options
}

/// Rewrites constructs that are blocks for Markdig, but paragraph text or tables for comrak: abbreviations, lists with letters, definition lists, display
/// math, tables followed by a line without a cell, and tables in the lazy lines of a quote.
fn with_own_blocks(body: &str, options: &Options<'_>) -> String {
    let mut lines: Vec<String> = body.lines().map(str::to_owned).collect();
    let arena = Arena::new();
    for node in parse_document(&arena, body, options).descendants() {
        let data = node.data();
        let position = data.sourcepos;
        let range = position.start.line.saturating_sub(1)..position.end.line.min(lines.len());
        match data.value {
            NodeValue::Paragraph => {
                let lines = &mut lines[range];
                rewrite_paragraph(lines);
                let is_quote =
                    |parent: &AstNode<'_>| matches!(parent.data().value, NodeValue::BlockQuote);
                if node.parent().is_some_and(is_quote) {
                    let prefix = split_prefix(&lines[0]).0.to_owned();
                    quote_table(lines, &prefix);
                }
            }
            // Markdig takes such a table for a paragraph; escaped pipes make comrak do the same.
            NodeValue::Table(_) if lines[range.clone()].iter().any(|line| !has_pipe(line)) => {
                for line in &mut lines[range] {
                    *line = line.replace('|', "\\|");
                }
            }
            _ => {}
        }
    }
    lines.join("\n")
}

/// Separates a table at the end of a paragraph from it, as Markdig does in quotes.
fn quote_table(lines: &mut [String], prefix: &str) {
    let is_delimiter = |line: &str| {
        let text = split_prefix(line).1;
        has_pipe(text)
            && text.contains('-')
            && text.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
    };
    let Some(delimiter) = (1..lines.len()).find(|at| is_delimiter(&lines[*at])) else {
        return;
    };
    if delimiter < 2 || !lines[delimiter - 1..].iter().all(|line| has_pipe(line)) {
        return;
    }
    for line in &mut lines[delimiter - 1..] {
        *line = format!("{prefix}{}", split_prefix(line).1);
    }
    // The table begins at the line above its delimiter row.
    let blank = format!("{}\n", prefix.trim_end());
    lines[delimiter - 1].insert_str(0, &blank);
}

fn has_pipe(line: &str) -> bool {
    let unescaped = line.replace("\\\\", "").replace("\\|", "");
    unescaped.contains('|')
}

fn rewrite_paragraph(lines: &mut [String]) {
    let (mut in_letters, mut in_math) = (false, false);
    for at in 0..lines.len() {
        let (prefix, text) = split_prefix(&lines[at]);
        let (prefix, text) = (prefix.to_owned(), text.to_owned());
        // The definition of an abbreviation is invisible in HTML.
        if is_abbreviation(&text) {
            lines[at] = prefix;
            continue;
        }
        if at > 0 && is_definition(&text) {
            let (before, term) = split_prefix(&lines[at - 1]);
            // Unless it is an explanation already.
            if !(term.starts_with("- ") && lines[at - 1].contains("    - ")) {
                lines[at - 1] = format!("{before}- {term}");
            }
            lines[at] = format!("{prefix}    - {}", text[1..].trim_start());
            continue;
        }
        if text.trim() == "$$" {
            lines[at] = format!("{prefix}{}", if in_math { "\\\\]" } else { "\\\\[" });
            in_math = !in_math;
            continue;
        }
        if let Some((number, delimiter, rest)) = letter_item(&text)
            && (at == 0 || in_letters || number == 1)
        {
            in_letters = true;
            lines[at] = format!("{prefix}{number}{delimiter}{rest}");
        }
    }
}

/// Splits a line into its leading blanks and quote signs, and its text.
pub(super) fn split_prefix(line: &str) -> (&str, &str) {
    let start = line.len() - line.trim_start_matches([' ', '\t', '>']).len();
    line.split_at(start)
}

/// True for the definition of an abbreviation: `*[NAV]: Arbeids- og velferdsetaten`.
pub(super) fn is_abbreviation(text: &str) -> bool {
    text.strip_prefix("*[")
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(label, rest)| !label.trim().is_empty() && rest.starts_with(':'))
}

/// True for an explanation in a definition list, `:   explanation`. The sign and its blanks must take four columns.
pub(super) fn is_definition(text: &str) -> bool {
    let rest = text.strip_prefix([':', '~']).unwrap_or_default();
    rest.starts_with('\t') || rest.starts_with("   ")
}

/// Parses an item of a list with letters, such as `b) text`, `B. text` or `iv. text`, into its number, its delimiter and the rest.
pub(super) fn letter_item(text: &str) -> Option<(usize, char, &str)> {
    // Roman numerals come first: Markdig reads `i.` as 1, not as the ninth letter.
    let roman_lower = text.find(|c| !matches!(c, 'i' | 'v' | 'x')).unwrap_or(0);
    let roman_upper = text.find(|c| !matches!(c, 'I' | 'V' | 'X')).unwrap_or(0);
    let roman = roman_lower.max(roman_upper);
    let (number, length) = if roman > 0 {
        (roman_value(&text[..roman]), roman)
    } else {
        let letter = text.bytes().next().filter(u8::is_ascii_alphabetic)?;
        (usize::from(letter.to_ascii_lowercase() - b'a') + 1, 1)
    };
    let mut rest = text[length..].chars();
    let delimiter = rest.next().filter(|c| matches!(c, '.' | ')'))?;
    let rest = rest.as_str();
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some((number, delimiter, rest))
}

fn roman_value(text: &str) -> usize {
    let values = text
        .bytes()
        .map(|letter| match letter.to_ascii_lowercase() {
            b'i' => 1,
            b'v' => 5,
            _ => 10,
        });
    let (mut sum, mut last) = (0usize, 0);
    for value in values.rev() {
        if value < last {
            sum = sum.saturating_sub(value);
        } else {
            sum += value;
            last = value;
        }
    }
    sum
}

/// Replaces inlines that comrak lacks, or draws differently, by HTML.
fn rewrite_inlines<'a>(root: &'a AstNode<'a>) {
    // comrak moves the footnote definitions it uses to the end. One that stays in place is a duplicate, which Markdig drops.
    let is_note =
        |node: &AstNode<'_>| matches!(node.data().value, NodeValue::FootnoteDefinition(_));
    let is_unused = |node: &&AstNode<'_>| {
        is_note(node) && node.next_sibling().is_some_and(|next| !is_note(next))
    };
    for unused in root.children().filter(is_unused).collect::<Vec<_>>() {
        unused.detach();
    }
    let mut notes = 0;
    // Collected first: the tree must not change while it is walked.
    for node in root.descendants().collect::<Vec<_>>() {
        let html = match &mut node.data_mut().value {
            NodeValue::Text(text) => own_inlines(text, escaped_before(node)),
            NodeValue::FootnoteReference(reference) => Some(format!(
                "<a class=\"footnote-ref\" href=\"#fn-{}\"></a>",
                reference.ix
            )),
            NodeValue::FootnoteDefinition(definition) => {
                notes += 1;
                definition.name = notes.to_string();
                None
            }
            // Markdig does not accept an address that ends in a backslash, so it stays text.
            NodeValue::Link(link) => link.url.strip_suffix('\\').map(escaped),
            _ => None,
        };
        if let Some(html) = html {
            while let Some(child) = node.first_child() {
                child.detach();
            }
            node.data_mut().value = NodeValue::HtmlInline(html);
        }
    }
}

/// The escaped sign directly before a node.
pub(super) fn escaped_before<'a>(node: &'a AstNode<'a>) -> Option<char> {
    let escaped = node.previous_sibling()?;
    let is_escaped = matches!(escaped.data().value, NodeValue::Escaped);
    let sign = escaped.first_child().filter(|_| is_escaped)?;
    match &sign.data().value {
        NodeValue::Text(text) => text.chars().next(),
        _ => None,
    }
}

/// Converts the attributes, math, citations and custom containers in a text to HTML; `None` when it has none.
fn own_inlines(text: &str, mut before: Option<char>) -> Option<String> {
    // Most texts have none of the four signs.
    if !text.contains(['{', '$', '"', ':']) {
        return None;
    }
    let mut html = String::with_capacity(text.len() + 32);
    let mut is_changed = false;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let found = match c {
            '{' if before != Some('{') => attributes(rest).map(|length| (length, String::new())),
            '$' => math(rest, before),
            '"' => delimited(rest, before, "\"\"", false)
                .map(|(length, inner)| (length, format!("<cite>{}</cite>", escaped(inner)))),
            ':' => {
                delimited(rest, before, "::", true).map(|(length, inner)| (length, escaped(inner)))
            }
            _ => None,
        };
        if let Some((length, replacement)) = found {
            is_changed = true;
            html.push_str(&replacement);
            at += length;
            before = text[..at].chars().next_back();
        } else {
            html.push_str(&escaped(c.encode_utf8(&mut [0; 4])));
            at += c.len_utf8();
            before = Some(c);
        }
    }
    is_changed.then_some(html)
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    // Writing to a text cannot fail.
    let _ = escape(&mut html, text);
    html
}

/// The length of a list of attributes, such as `{#id .class name name=value}`, at the beginning of a text. Markdig removes it.
pub(super) fn attributes(text: &str) -> Option<usize> {
    let inner_start = 1;
    let mut rest = text.get(inner_start..)?;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some(text.len() - after.len());
        }
        if let Some(after) = rest.strip_prefix(['#', '.']) {
            let end = after.find(|c: char| c == '}' || c.is_whitespace())?;
            // Markdig requires at least two characters.
            if after[..end].chars().count() < 2 {
                return None;
            }
            rest = &after[end..];
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == ':') {
            return None;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-');
        let end = rest.find(|c| !is_name(c))?;
        let after = &rest[end..];
        let value = after.trim_start();
        if let Some(value) = value.strip_prefix('=') {
            rest = attribute_value(value.trim_start())?;
        } else if value.starts_with('}') || after.len() > value.len() {
            rest = value;
        } else {
            return None;
        }
    }
}

/// The text after the value of an attribute.
fn attribute_value(value: &str) -> Option<&str> {
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return value[1..].split_once(quote).map(|(_, after)| after);
    }
    let end = value.find(|c: char| c == '}' || c.is_whitespace())?;
    (end > 1).then(|| &value[end..])
}

/// Parses `$x$` or `$$x$$` at the beginning of a text; returns its length and its HTML.
pub(super) fn math(text: &str, before: Option<char>) -> Option<(usize, String)> {
    if before == Some('$') {
        return None;
    }
    let delimiter = if text.starts_with("$$") { "$$" } else { "$" };
    let inner = &text[delimiter.len()..];
    if !can_open(before, inner.chars().next()) {
        return None;
    }
    let length = inner.find(delimiter)?;
    let (content, rest) = (&inner[..length], &inner[length + delimiter.len()..]);
    let next = rest.chars().next();
    let closes = can_close(content.chars().next_back().or(Some('$')), next)
        // A digit after the sign means an amount of money: `US$ 5 og $6`.
        && !next.is_some_and(|c| c.is_ascii_digit());
    let html = format!(
        "<span class=\"math\">\\({}\\)</span>",
        escaped(content.trim())
    );
    closes.then_some((length + 2 * delimiter.len(), html))
}

/// Parses a run between two delimiters of two signs each; returns its length and its content. `in_words` allows the delimiters inside words.
pub(super) fn delimited<'a>(
    text: &'a str,
    before: Option<char>,
    delimiter: &str,
    in_words: bool,
) -> Option<(usize, &'a str)> {
    let sign = delimiter.chars().next()?;
    let inner = text.strip_prefix(delimiter)?;
    let first = inner
        .chars()
        .next()
        .filter(|c| *c != sign && !c.is_whitespace())?;
    if before == Some(sign) || !(in_words || can_open(before, Some(first))) {
        return None;
    }
    let length = inner.find(delimiter)?;
    let (content, rest) = (&inner[..length], &inner[length + delimiter.len()..]);
    let next = rest.chars().next();
    let last = content.chars().next_back().filter(|c| !c.is_whitespace())?;
    let closes = next != Some(sign) && (in_words || can_close(Some(last), next));
    closes.then_some((length + 2 * delimiter.len(), content))
}

fn is_blank(c: Option<char>) -> bool {
    c.is_none_or(char::is_whitespace)
}

fn is_punctuation(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_punctuation() || (!c.is_alphanumeric() && !c.is_whitespace()))
}

/// `CommonMark`'s rule for opening delimiters that do not work inside words, such as `_`.
fn can_open(before: Option<char>, next: Option<char>) -> bool {
    let (left, right) = flanks(before, next);
    left && (!right || is_punctuation(before))
}

/// The same rule for closing delimiters.
fn can_close(before: Option<char>, next: Option<char>) -> bool {
    let (left, right) = flanks(before, next);
    right && (!left || is_punctuation(next))
}

/// True for each of: left-flanking, right-flanking, as `CommonMark` defines them.
fn flanks(before: Option<char>, next: Option<char>) -> (bool, bool) {
    let flank = |outer: Option<char>, inner: Option<char>| {
        !is_blank(inner) && (!is_punctuation(inner) || is_blank(outer) || is_punctuation(outer))
    };
    (flank(before, next), flank(next, before))
}

/// Finds the addresses of `[text](address)` and `<a href="address">` in a body. Like the server's regular expressions it looks everywhere, also in code.
fn links(body: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut rest = body;
    // HTML links come before Markdown links, as in the server's result.
    while let Some(start) = rest.find("<a") {
        rest = &rest[start + 2..];
        let tag = rest.split_once('>').map_or(rest, |(tag, _)| tag);
        let url = tag.split_once("href").and_then(|(before, after)| {
            let is_word = before.starts_with(|c: char| !c.is_alphanumeric());
            let after = after.trim_start().strip_prefix('=')?.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let value = after[1..].split_once(quote)?.0;
            is_word.then_some(value)
        });
        links.extend(url);
    }
    let mut rest = body;
    while let Some(start) = rest.find('[') {
        let inner = &rest[start + 1..];
        rest = inner;
        let Some(end) = inner.find(']').filter(|end| *end > 0) else {
            continue;
        };
        let Some(target) = inner[end + 1..].strip_prefix('(') else {
            continue;
        };
        if let Some(end) = target.find(')').filter(|end| *end > 0) {
            links.push(&target[..end]);
            rest = &target[end + 1..];
        }
    }
    links.retain(|link| !link.trim().is_empty());
    links
}

#[cfg(test)]
mod tests {
    use super::delivered;

    /// An empty block inside another one has nothing to trim, and leaves what stands before it.
    #[test]
    fn an_empty_block_does_not_take_away_what_stands_before_it() {
        for (body, markdown) in [
            ("Hei\n\n> {#id}", "Hei\n\n>"),
            ("Hei\n\n> <br>", "Hei\n\n>"),
            ("Hei<ul><li>", "Hei\n\n-"),
        ] {
            assert_eq!(delivered(body).trim_end(), markdown, "{body:?}");
        }
    }
}
