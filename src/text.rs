//! Text functions of several modules: counts, JSON pointers, causes of errors, invisible characters.

use std::error::Error;
use std::fmt::Write as _;

/// A count with its noun: `1 letter`, `2 letters`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// A number in groups of three digits, as in 1 234 567, with no-break spaces between them.
pub(crate) fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string(), '\u{a0}')
}

/// Digits in groups of three, counted from the right.
pub(crate) fn grouped_digits(digits: &str, separator: char) -> String {
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// The first words of a list, with `…` for the others.
pub(crate) fn first_of(words: &[String], most: usize) -> String {
    let more = if words.len() > most { ", …" } else { "" };
    words[..words.len().min(most)].join(", ") + more
}

/// The second and third line of the entry whose first line `fits`, in a text of entries of three lines with an empty one between two.
pub(crate) fn entry(
    entries: &'static str,
    fits: impl Fn(&str) -> bool,
) -> Option<(&'static str, &'static str)> {
    let lines: Vec<_> = entries.lines().collect();
    lines.chunks(4).find_map(|entry| match entry {
        [first, second, third, ..] if fits(first) => Some((*second, *third)),
        _ => None,
    })
}

/// Joins words to `a`, `a or b` or `a, b or c`.
pub(crate) fn join_alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A count with its noun, grouped and with no-break spaces: `1 letter`, `2 799 letters`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{}\u{a0}{noun}", grouped(count))
}

/// True when a word is one of those in a list, which blanks separate.
pub(crate) fn has_word(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// A key as a token of a JSON pointer (RFC 6901).
pub(crate) fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key for a token of a JSON pointer.
pub(crate) fn key_of_token(token: &str) -> String {
    // In this order: `~01` is `~1` and not `/` (RFC 6901, section 4).
    token.replace("~1", "/").replace("~0", "~")
}

/// Iterates over the causes of an error, the nearest first, without the error itself.
pub(crate) fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// The start of the character at a byte; the end of the text for bytes behind it.
pub(crate) fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with its `hidden` characters replaced by their code points, as `<U+202E>`.
pub(crate) fn with_code_points(text: &str, hidden: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            // Writing to a text cannot fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// True for characters that have no width or turn the direction of the text around them: they can hide an identity number, or make a text read otherwise than it is.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// True for characters that show nothing: blanks of every kind, and invisible ones.
pub(crate) fn is_unseen(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_noun() {
        assert_eq!(count(1u64, "row"), "1 row");
        assert_eq!(count(0usize, "row"), "0 rows");
        assert_eq!(counted(1, "row", "rows"), "1\u{a0}row");
        assert_eq!(counted(1000, "row", "rows"), "1\u{a0}000\u{a0}rows");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{a0}234\u{a0}567");
    }

    #[test]
    fn pointer_tokens_are_escaped_and_read_back() {
        for (key, token) in [("a/b", "a~1b"), ("~1", "~01"), ("Språk", "Språk")] {
            assert_eq!(pointer_token(key), token);
            assert_eq!(key_of_token(token), key);
        }
    }

    #[test]
    fn causes_are_walked_from_the_outside_in() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Layer(&'static str, #[source] Option<Box<Self>>);

        let inner = Layer("inner", None);
        let outer = Layer(
            "outer",
            Some(Box::new(Layer("middle", Some(Box::new(inner))))),
        );
        let causes: Vec<_> = causes(&outer).map(ToString::to_string).collect();
        assert_eq!(causes, ["middle", "inner"]);
    }
}
