//! Cleaning the texts of a server for display.

use std::borrow::Cow;

use crate::secret::conceal;
use crate::text::is_invisible;

/// Turns a server's text into one line of at most `limit` visible characters, with identity numbers and tokens masked.
pub(crate) fn presentable(text: &str, limit: usize) -> String {
    // Invisible characters, also those escaped in raw JSON, could split an identity number so that the masking misses it.
    let shown = unescaped(text).replace(
        |letter: char| is_invisible(letter) && !letter.is_whitespace(),
        "",
    );
    let words = shown.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    // Masked before the cut: the half of a number would not be recognised.
    let masked = conceal(&line);
    if masked.chars().count() <= limit {
        return masked.into_owned();
    }
    masked
        .chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Replaces JSON escapes such as `\u00e5` by their characters.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split("\\u");
    let first = pieces.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut plain = first.to_owned();
    for piece in pieces {
        let letter = piece
            .get(..4)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32);
        match letter {
            Some(letter) => plain.extend([letter.to_string().as_str(), &piece[4..]]),
            None => plain.extend(["\\u", piece]),
        }
    }
    Cow::Owned(plain)
}

/// The title of an HTML page, or else its first heading.
pub(crate) fn title(page: &str) -> Option<&str> {
    // ASCII only, so that all positions are the same in both texts.
    let lower = page.to_ascii_lowercase();
    ["title", "h1"].into_iter().find_map(|tag| {
        let open = lower.find(&format!("<{tag}"))?;
        let start = open + lower[open..].find('>')? + 1;
        let end = start + lower[start..].find("</")?;
        Some(page[start..end].trim()).filter(|text| !text.is_empty())
    })
}

/// The readable text of an answer: as it is, or of an HTML page its title, or else the text between its tags.
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('<') {
        return text.to_owned();
    }
    if let Some(title) = title(text) {
        return title.to_owned();
    }
    let mut pieces = text.split('<');
    let before = pieces.next().into_iter();
    let after = pieces.filter_map(|piece| Some(piece.split_once('>')?.1));
    let words: Vec<_> = before
        .chain(after)
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_words() {
        for (page, expected) in [
            (
                "<html><head><title>Proxy</title></head><p>x</p></html>",
                "Proxy",
            ),
            ("<p class=\"a\">Log in\n <b>first</b></p>", "Log in first"),
            (" plain <text> ", "plain <text>"),
            ("<html>", ""),
            ("<", ""),
            ("", ""),
        ] {
            assert_eq!(plain(page), expected, "{page}");
        }
    }

    #[test]
    fn texts_are_masked_before_they_are_cut() {
        assert_eq!(
            presentable("not\n found:\t07827199405", 15),
            "not found: 078…"
        );
        assert_eq!(
            presentable("not found: 07827199405", 100),
            "not found: 078271*****"
        );
        assert_eq!(presentable("æøå", 3), "æøå");
    }

    #[test]
    fn texts_from_elsewhere_do_not_command_a_terminal() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{7}\u{9b}2J", "[31mred 2J"),
            ("safe \u{202e}gpj.exe\u{2066}\u{200f}", "safe gpj.exe"),
            ("078271\u{200b}99405\u{feff}", "078271*****"),
            ("078271\u{0}99405", "078271 *****"),
            (
                "[\"078271\\u200b99405\", \"\\u00e6\\u00\"]",
                "[\"078271*****\", \"æ\\u00\"]",
            ),
            ("one\u{2028}two", "one two"),
        ] {
            assert_eq!(presentable(text, 100), shown, "{text:?}");
        }
    }
}
