//! Altinn's rule for plain text in titles and sender names (1002, 1039): reading the text as HTML and as Markdown changes nothing but white space.
//!
//! The server drops backticks and backslashes, reads the rest as HTML (`AngleSharp`), writes that as Markdown (`ReverseMarkdown`: all on one line, `*` and `_` escaped, `<` and `>`
//! as entities), reads it with every extension of Markdig but lists, and refuses the text when what comes out is not what went in. The same is done here, as far as
//! the first markup that would change the text; what stands behind that does not matter, so that no tree is needed.

use std::borrow::Cow;

use markup5ever::data::NAMED_ENTITIES;

use super::markup_inlines::Inlines;
use super::markup_source::{Markup, MarkupKind, Source, is_dropped_or_white};

/// Finds the first markup in a text; `None` when it is plain.
pub fn find_markup(text: &str) -> Option<Markup> {
    if !may_have_markup(text) {
        return None;
    }
    // In the server's order: HTML first, then blocks, then inlines.
    let source = Source::new(text);
    let found = source.html().or_else(|| source.block());
    found.or_else(|| Inlines::find(&source))
}

/// Removes the markup from a text, changing as little as possible: a blank here, a sign less there. A plain text stays as it is.
pub fn without_markup(text: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(text);
    // A repair may reveal other markup behind it. The bound ends the loop even if two repairs ever undo each other.
    for _ in 0..=text.len() {
        let Some(markup) = find_markup(&plain) else {
            return plain;
        };
        plain = Cow::Owned(repair(&plain, &markup));
    }
    // The last resort: without nearly all signs there is no markup.
    let mut plain = plain.into_owned();
    plain.retain(|c| !c.is_ascii_punctuation() || matches!(c, '.' | ',' | '-' | '(' | ')'));
    Cow::Owned(plain)
}

/// Repairs one piece of markup with the smallest change that makes it plain.
fn repair(text: &str, markup: &Markup) -> String {
    let (before, rest) = text.split_at(markup.range.start);
    let (found, after) = rest.split_at(markup.range.end - markup.range.start);
    let found = match markup.kind {
        MarkupKind::Tag => found.replacen('<', "< ", 1),
        MarkupKind::Entity => match decode(found) {
            Some(character) => character,
            // Not a known character: the `&` is meant as a sign, and blanks around it keep it one.
            None => {
                return format!(
                    "{} & {}",
                    before.trim_end(),
                    text[markup.range.start + 1..].trim_start()
                );
            }
        },
        MarkupKind::Heading | MarkupKind::Block => return [before, after.trim_start()].concat(),
        MarkupKind::Character => String::new(),
        MarkupKind::Rule => "–".to_owned(),
        MarkupKind::Definition => found.replace(':', " :"),
        MarkupKind::Link => found.replace("](", "] ("),
        MarkupKind::Emphasis => without_emphasis(found),
        // `$ 100 og $ 200` are two amounts; with the second written `$200` they are no formula.
        MarkupKind::Formula if after.trim_start().starts_with(char::is_alphanumeric) => {
            return [before, found, after.trim_start()].concat();
        }
        MarkupKind::Formula => found.trim_matches('$').to_owned(),
        MarkupKind::Attributes => found.replace('{', "(").replace('}', ")"),
        MarkupKind::Address if found.contains("://") || found.starts_with("www.") => {
            format!("«{found}»")
        }
        MarkupKind::Address => found.replacen(':', ": ", 1),
    };
    [before, &found, after].concat()
}

/// The character of an entity that ends in a semicolon; `None` for control characters and unknown names.
fn decode(entity: &str) -> Option<String> {
    let name = entity.strip_prefix('&')?.strip_suffix(';')?;
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => digits.parse().ok()?,
        },
        None => NAMED_ENTITIES.get(&entity[1..])?.0,
    };
    let character = char::from_u32(number).filter(|c| !c.is_control() && *c != '\0')?;
    Some(character.to_string())
}

/// Removes `~` and `^`, and leaves single the signs that are emphasis only when they are doubled.
fn without_emphasis(found: &str) -> String {
    let sign = found.chars().next().unwrap_or_default();
    let inside = found.trim_matches(sign);
    match sign {
        '~' | '^' => inside.to_owned(),
        sign => format!("{sign}{inside}{sign}"),
    }
}

/// A cheap test in front of the real one, which most texts do not need: false only when there is certainly no markup.
fn may_have_markup(text: &str) -> bool {
    let signs = text.bytes().fold(0, |signs, byte| signs | classes(byte));
    let has = |sign| signs & sign != 0;
    has(ALONE)
        || has(AT_BEGINNING)
            && text
                .trim_start_matches(is_dropped_or_white)
                .starts_with(['#', '-', '~', '^', ':'])
        || has(PAIRED) && has_pair(text)
        || has(COLON)
            && ["tel:", "mailto:"]
                .iter()
                .any(|scheme| text.contains(scheme))
        || has(ESCAPED) && ["://", "www."].iter().any(|scheme| text.contains(scheme))
}

/// Classes of bytes, as bits. One byte of this class is enough for a closer look; U+FFFF begins with EF.
const ALONE: u8 = 1;
/// Bytes that begin a block when they begin the text.
const AT_BEGINNING: u8 = 2;
/// Bytes of which two enclose something.
const PAIRED: u8 = 4;
/// The colon of `tel:` and `mailto:`.
const COLON: u8 = 8;
/// Bytes that `ReverseMarkdown` escapes, which changes web addresses.
const ESCAPED: u8 = 16;

fn classes(byte: u8) -> u8 {
    match byte {
        b'<' | b'&' | b'$' | b'{' | b'[' | b'\0' | 0xEF => ALONE,
        b'#' | b'-' => AT_BEGINNING,
        b'~' | b'^' => AT_BEGINNING | PAIRED,
        b':' => AT_BEGINNING | PAIRED | COLON,
        b'=' | b'+' | b'"' => PAIRED,
        b'_' | b'*' => ESCAPED,
        _ => 0,
    }
}

/// True when a sign of emphasis occurs often enough to enclose something.
fn has_pair(text: &str) -> bool {
    let twice = |sign: char| text.matches(sign).nth(1).is_some();
    ["==", "++", "\"\"", "::"].iter().any(|sign| text.contains(sign)) || twice('~') || twice('^')
        // Backticks and backslashes are dropped first, so that signs on both sides of one may form a pair.
        || text.contains(['`', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verdicts of Altinn's own server: `ok` or 1002, a tab, and the title as JSON.
    const TITLES: &str = include_str!("verdicts/titles.txt");

    fn titles() -> impl Iterator<Item = (bool, String)> {
        TITLES.lines().map(|line| {
            let (verdict, title) = line.split_once('\t').unwrap();
            (verdict == "ok", serde_json::from_str(title).unwrap())
        })
    }

    #[test]
    fn titles_are_judged_as_altinns_own_server_judges_them() {
        for (accepted, title) in titles() {
            let markup = find_markup(&title);
            assert_eq!(markup.is_none(), accepted, "{title:?}: {markup:?}");
        }
    }

    #[test]
    fn what_is_found_lies_in_the_text() {
        for (_, title) in titles() {
            if let Some(markup) = find_markup(&title) {
                assert!(
                    title.get(markup.range.clone()).is_some(),
                    "{title:?}: {markup:?}"
                );
            }
        }
    }

    #[test]
    fn without_markup_a_text_is_plain_and_a_plain_one_stays() {
        for (accepted, title) in titles() {
            let plain = without_markup(&title);
            assert_eq!(find_markup(&plain), None, "{title:?}: {plain:?}");
            assert_eq!(accepted, matches!(plain, Cow::Borrowed(_)), "{title:?}");
        }
    }

    #[test]
    fn little_is_changed_to_make_a_text_plain() {
        for (text, plain) in [
            ("LØNN&REGNSKAP AS", "LØNN & REGNSKAP AS"),
            ("Bank &center", "Bank & center"),
            ("Skatt &amp; avgift", "Skatt & avgift"),
            ("bl&aring;b&#230;r", "blåbær"),
            ("a<b", "a< b"),
            ("{Navn} AS", "(Navn) AS"),
            ("# Vedtak", "Vedtak"),
            ("---", "–"),
            ("::: tips", "tips"),
            ("[x]: y", "[x] : y"),
            ("se [her](https://x.no)", "se [her] (https://x.no)"),
            ("~~gammel~~ ny", "gammel ny"),
            ("H~2~O og m^2^", "H2O og m2"),
            ("==a==", "=a="),
            ("std::vec::Vec", "std:vec:Vec"),
            ("\"\"x\"\"", "\"x\""),
            ("$5,-$", "5,-"),
            ("$ 100 og $ 200", "$ 100 og $200"),
            ("mailto:post@x.no", "mailto: post@x.no"),
            ("ring tel:123", "ring tel: 123"),
            ("https://x.no/a_b", "«https://x.no/a_b»"),
            ("a\0b", "ab"),
        ] {
            assert_eq!(without_markup(text), plain);
        }
    }
}
