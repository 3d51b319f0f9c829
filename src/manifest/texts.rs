//! Checks of values that YAML reads otherwise than they look: comments behind a text, folded lines, line breaks at the end; numbers and `yes` among the variables.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::ScalarStyle;
use serde_json::Value;

use super::document::{Document, excerpt};
use super::positions::WrittenScalar;
use super::yaml_problems::TYPOGRAPHIC_QUOTES;
use crate::diagnostic::{Problem, Problems, Source};
use crate::text::has_word;

/// Members whose texts are Markdown of several lines. Names here are in lower case, because the letter's members may be written in any case.
const MARKDOWN: &str = "messagebody messagesummary";
/// Members with a text of one line: Altinn would show a line break at its end, or compare it.
const ONE_LINE: &str = "messagetitle messagesender emailsubject reminderemailsubject sendersreference referencevalue \
    linktext linkurl filename file";
/// Other members that hold prose, so that a comment behind them is probably a part of it.
const PROSE: &str = "messagetitle messagesender emailsubject emailbody smsbody reminderemailsubject \
    reminderemailbody remindersmsbody linktext";

/// Words that YAML 1.1 reads as true or false and YAML 1.2 as texts.
const YAML_1_1_BOOLEANS: [&str; 4] = ["yes", "no", "on", "off"];

/// Checks the texts of the letter, of the variables and of the recipients.
pub(super) fn check(document: &Document<'_>) -> Problems {
    let mut problems = Problems::new();
    for member in ["correspondence", "variables", "recipients"] {
        for (scalar, value) in document.scalars(member) {
            let written = document.source.text().get(scalar.span.clone());
            let misread = written.filter(|_| member == "variables");
            let misread = misread.and_then(|written| misread_variable(written, value));
            problems.extend(misread.map(|(message, cause, hint)| Problem {
                cause,
                hint: Some(hint),
                ..Problem::warning(document.source.place(scalar.span.clone()), message)
            }));
            if let Value::String(text) = value {
                check_text(document.source, &scalar, text, &mut problems);
            }
        }
    }
    problems
}

/// The message, the cause and the hint for a value that YAML reads otherwise than it is written; `None` for all others.
fn misread_variable(written: &str, value: &Value) -> Option<(String, Option<String>, String)> {
    match value {
        Value::Number(number) => {
            let shown = number.to_string();
            // An anchor or a tag in front of the value is a part of `written`: the two cannot be compared then.
            let differs = written != shown && !written.contains(char::is_whitespace);
            differs.then(|| {
                (
                    "a number that is shown otherwise than it is written".to_owned(),
                    Some(format!("templates show {shown}")),
                    format!("quote it, if it is to be shown as it stands: \"{written}\""),
                )
            })
        }
        Value::String(text) => {
            let plain = written == text;
            // A quoted `"yes"` is meant as a text.
            let was = plain && YAML_1_1_BOOLEANS.contains(&text.to_ascii_lowercase().as_str());
            was.then(|| {
                (
                    format!("`{text}` is a text here, not true or false"),
                    None,
                    format!("write true or false, or quote it: \"{text}\""),
                )
            })
        }
        _ => None,
    }
}

fn check_text(
    source: &Arc<Source>,
    scalar: &WrittenScalar<'_>,
    text: &str,
    problems: &mut Problems,
) {
    let WrittenScalar {
        span, style, name, ..
    } = scalar;
    let style = *style;
    let lowercase = name.to_ascii_lowercase();
    let is_markdown = has_word(MARKDOWN, &lowercase);
    let is_prose = is_markdown || has_word(PROSE, &lowercase);
    match style {
        // Quotes keep `#` and quotation marks in the text: only plain texts lose or keep them by mistake.
        ScalarStyle::Plain => {
            problems.extend(check_comment(source, span, is_prose));
            problems.extend(check_quotes(source, span));
        }
        ScalarStyle::Literal | ScalarStyle::Folded
            if has_word(ONE_LINE, &lowercase) && text.ends_with('\n') =>
        {
            let sign = if style == ScalarStyle::Folded {
                '>'
            } else {
                '|'
            };
            let place = source.place(first_line(source, span));
            let message = format!("`{name}` ends with a line break");
            let hint = format!(
                "write `{sign}-` instead of `{sign}`: the `-` takes the last line break away"
            );
            problems.push(Problem::error(place, message).with_hint(hint));
        }
        _ => {}
    }
    if is_markdown && style != ScalarStyle::Literal {
        problems.extend(check_joined_lines(source, span, name));
    }
}

/// Reports a comment behind a text that was probably meant as a part of it: ` #` begins a comment.
fn check_comment(source: &Arc<Source>, span: &Range<usize>, is_prose: bool) -> Option<Problem> {
    let rest = source.text().get(span.end..)?;
    let rest = rest.lines().next()?;
    let comment = rest.trim_start().strip_prefix('#')?;
    let start = span.end + rest.find('#')?;
    let place = source.place(start..span.end + rest.trim_end().len());
    let has_template = comment.contains("{{") || comment.contains("{%");
    let is_glued = comment.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '-');
    // Comments nearly always have a blank after `#`; `#12` or `#{{ Nr }}` rather belongs to the text.
    let text = source.text().get(span.clone())?;
    let last = text.lines().last()?;
    let hint = format!(
        "quote the text, if this belongs to it: \"{}\"; put a comment on a line of its own, if it does not",
        excerpt(&format!("{last}{}", rest.trim_end())).replace('"', "\\\"")
    );
    let message = "` #` begins a comment: the text ends before it";
    // An error only where the comment certainly belongs to the text: comments behind values are good YAML.
    let problem = if has_template || (is_glued && is_prose) {
        Problem::error(place, message)
    } else if is_glued || is_prose {
        Problem::warning(place, message)
    } else {
        return None;
    };
    let cause = format!("the text is `{}`", excerpt(last));
    Some(problem.with_cause(cause).with_hint(hint))
}

/// Warns of typographic quotation marks around a text: to YAML they are a part of it.
fn check_quotes(source: &Arc<Source>, span: &Range<usize>) -> Option<Problem> {
    let text = source.text().get(span.clone())?;
    let is_quoted = text.starts_with(TYPOGRAPHIC_QUOTES) && text.ends_with(TYPOGRAPHIC_QUOTES);
    is_quoted.then(|| {
        let place = source.place(span.clone());
        Problem::warning(
            place,
            "the typographic quotation marks are a part of the text",
        )
        .with_hint("write ' or \" around the text, or leave the marks out")
    })
}

/// Warns of Markdown in several lines in any style but `|`: YAML joins them, and lists, tables and headings become running text.
fn check_joined_lines(source: &Arc<Source>, span: &Range<usize>, name: &str) -> Option<Problem> {
    let text = source.text().get(span.clone())?;
    let mut above = text.lines().next()?.trim();
    for line in text.lines().skip(1) {
        let line = line.trim();
        if !above.is_empty() && begins_block(line) {
            // `line` is a part of `text`: the distance of their addresses is its offset.
            let at = span.start + (line.as_ptr() as usize - text.as_ptr() as usize);
            let place = source.place(at..at + line.len());
            let message = format!(
                "this line is joined to the one above it: `{name}` is no longer Markdown in lines"
            );
            return Some(
                Problem::warning(place, message)
                    .with_hint("write `|` behind the colon, and the text below it, indented: it keeps the lines as they are"),
            );
        }
        above = line;
    }
    None
}

fn first_line(source: &Source, span: &Range<usize>) -> Range<usize> {
    let text = source.text().get(span.clone());
    let length = text
        .and_then(|text| text.lines().next())
        .map_or(0, str::len);
    span.start..span.start + length
}

/// True for a line with a meaning in Markdown that needs the start of a line: an item of a list, a heading, a quotation, a row of a table.
fn begins_block(line: &str) -> bool {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_numbered = (1..=9).contains(&digits)
        && (line[digits..].starts_with(". ") || line[digits..].starts_with(") "));
    let is_heading = line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
    is_numbered
        || is_heading
        || ["- ", "* ", "+ ", "> ", "|"]
            .iter()
            .any(|sign| line.starts_with(sign))
}
