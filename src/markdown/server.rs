//! What Altinn's server makes of a body: Markdown to HTML to Markdown.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::{html, reverse};

/// The Markdown that readers' programs get for a body.
pub(crate) fn delivered(body: &str) -> String {
    let mut markdown = reverse::markdown(&html::parse(&to_html(body)));
    // The server checks that every link it can find in the body is in the result, and appends those that are not.
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

/// The extensions of Markdig that comrak has too.
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

/// Rewrites what is a block for Markdig and paragraph text or a table for `CommonMark`: abbreviations, lists with letters, definition lists, display
/// math, tables that a line without a cell follows, and tables in the lazy lines of a quote.
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
                if let Some(prefix) = quote_prefix(node, &lines[0]) {
                    quote_table(lines, &prefix);
                }
            }
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

/// What stands before the first line of a paragraph directly in a quote.
fn quote_prefix<'a>(paragraph: &'a AstNode<'a>, line: &str) -> Option<String> {
    let parent = paragraph.parent()?;
    let is_quote = matches!(parent.data().value, NodeValue::BlockQuote);
    is_quote.then(|| split_prefix(line).0.to_owned())
}

/// Gives a table that ends a paragraph its own block.
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
    let blank = format!("{}\n", prefix.trim_end());
    lines[delimiter - 1].insert_str(0, &blank);
}

fn has_pipe(line: &str) -> bool {
    let unescaped = line.replace("\\\\", "").replace("\\|", "");
    unescaped.contains('|')
}

fn rewrite_paragraph(lines: &mut [String]) {
    let mut in_letters = false;
    for at in 0..lines.len() {
        let (prefix, text) = split_prefix(&lines[at]);
        let (prefix, text) = (prefix.to_owned(), text.to_owned());
        if is_abbreviation(&text) {
            lines[at] = prefix;
            continue;
        }
        if at > 0 && is_definition(&text) {
            let (before, term) = split_prefix(&lines[at - 1]);
            if !is_definition_item(&lines[at - 1]) {
                lines[at - 1] = format!("{before}- {term}");
            }
            lines[at] = format!("{prefix}    - {}", text[1..].trim_start());
            continue;
        }
        if text.trim() == "$$" {
            let is_first = lines[..at]
                .iter()
                .filter(|line| line.ends_with("\\\\["))
                .count()
                == lines[..at]
                    .iter()
                    .filter(|line| line.ends_with("\\\\]"))
                    .count();
            lines[at] = format!("{prefix}{}", if is_first { "\\\\[" } else { "\\\\]" });
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

/// Splits the blanks and quote signs off the text of a line.
pub(super) fn split_prefix(line: &str) -> (&str, &str) {
    let start = line.len() - line.trim_start_matches([' ', '\t', '>']).len();
    line.split_at(start)
}

/// `*[NAV]: Arbeids- og velferdsetaten`
pub(super) fn is_abbreviation(text: &str) -> bool {
    text.strip_prefix("*[")
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(label, rest)| !label.trim().is_empty() && rest.starts_with(':'))
}

/// `:   explanation`: the sign and its blanks take four columns.
pub(super) fn is_definition(text: &str) -> bool {
    let rest = text.strip_prefix([':', '~']).unwrap_or_default();
    rest.starts_with('\t') || rest.starts_with("   ")
}

fn is_definition_item(line: &str) -> bool {
    line.trim_start_matches([' ', '\t', '>']).starts_with("- ") && line.contains("    - ")
}

/// `b) text`, `B. text`, `iv. text`: the number, the delimiter and what follows it.
pub(super) fn letter_item(text: &str) -> Option<(usize, char, &str)> {
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

/// Rewrites the inlines that comrak lacks, or draws in another way, to HTML.
fn rewrite_inlines<'a>(root: &'a AstNode<'a>) {
    // comrak moves the definitions that it uses to the end. One that stays in its place is a second one with the same name.
    let is_note =
        |node: &AstNode<'_>| matches!(node.data().value, NodeValue::FootnoteDefinition(_));
    let unused: Vec<_> = root
        .children()
        .filter(|node| is_note(node) && node.next_sibling().is_some_and(|next| !is_note(next)))
        .collect();
    unused
        .into_iter()
        .for_each(comrak::arena_tree::Node::detach);
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
            // A backslash ends no address for Markdig: what has one is none.
            NodeValue::Link(link) => link.url.strip_suffix('\\').map(escaped),
            _ => None,
        };
        if let Some(html) = html {
            let children: Vec<_> = node.children().collect();
            children
                .into_iter()
                .for_each(comrak::arena_tree::Node::detach);
            node.data_mut().value = NodeValue::HtmlInline(html);
        }
    }
}

/// The sign behind a backslash directly before a node.
pub(super) fn escaped_before<'a>(node: &'a AstNode<'a>) -> Option<char> {
    let escaped = node.previous_sibling()?;
    let is_escaped = matches!(escaped.data().value, NodeValue::Escaped);
    let sign = escaped.first_child().filter(|_| is_escaped)?;
    match &sign.data().value {
        NodeValue::Text(text) => text.chars().next(),
        _ => None,
    }
}

/// The HTML of a text with attributes, math, citations or custom containers in it; `None` when it has none of them.
fn own_inlines(text: &str, mut before: Option<char>) -> Option<String> {
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
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The length of `{#id .class name name=value}` at the beginning of a text: Markdig takes it for attributes and removes it.
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
            // A name of one character does not count.
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

/// What follows the value of an attribute.
fn attribute_value(value: &str) -> Option<&str> {
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return value[1..].split_once(quote).map(|(_, after)| after);
    }
    let end = value.find(|c: char| c == '}' || c.is_whitespace())?;
    (end > 1).then(|| &value[end..])
}

/// `$x$` or `$$x$$`: its length and its HTML.
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
        && !next.is_some_and(|c| c.is_ascii_digit());
    let html = format!(
        "<span class=\"math\">\\({}\\)</span>",
        escaped(content.trim())
    );
    closes.then_some((length + 2 * delimiter.len(), html))
}

/// A run between two delimiters of two signs: its length and its content.
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

/// `CommonMark`'s rule for delimiters that do not work inside words, as `_`.
fn can_open(before: Option<char>, next: Option<char>) -> bool {
    let (left, right) = flanks(before, next);
    left && (!right || is_punctuation(before))
}

fn can_close(before: Option<char>, next: Option<char>) -> bool {
    let (left, right) = flanks(before, next);
    right && (!left || is_punctuation(next))
}

fn flanks(before: Option<char>, next: Option<char>) -> (bool, bool) {
    let flank = |outer: Option<char>, inner: Option<char>| {
        !is_blank(inner) && (!is_punctuation(inner) || is_blank(outer) || is_punctuation(outer))
    };
    (flank(before, next), flank(next, before))
}

/// The addresses of `[text](address)` and `<a href="address">` in a body, wherever they stand, as the server's expressions find them.
fn links(body: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut rest = body;
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
