//! Measures of text as Altinn takes them: lengths in UTF-16, blanks, and the excerpts that problems show.

use crate::secret::redact;

pub use super::markup_source::{Markup, MarkupKind};
pub use super::plain::{find_markup, without_markup};

/// The most characters of a value that a problem shows.
const SHOWN: usize = 60;

/// The length in UTF-16 units, which is how Altinn counts: an emoji outside the basic plane counts as two.
pub fn utf16_len(text: &str) -> usize {
    // Every byte that begins a character is one unit, and one of F0 and above a surrogate pair. Bytes alone are faster than decoding.
    text.bytes()
        .map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(byte >= 0xF0))
        .sum()
}

/// True when the text has more than `limit` UTF-16 units. A short text is not counted at all.
pub fn is_longer_than(text: &str, limit: usize) -> bool {
    // No character takes more UTF-16 units than bytes.
    text.len() > limit && utf16_len(text) > limit
}

pub fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// A value for a problem's cause: on one line, identity numbers masked, at most 60 characters, in backticks.
pub fn excerpt(text: &str) -> String {
    let redacted = redact(text);
    let mut rest = redacted.chars();
    let mut shown = String::from("`");
    shown.extend(
        rest.by_ref()
            .take(SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if rest.next().is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_utf16_units() {
        for text in ["", "abc", "æøå", "€", "\u{1F600}", "a\u{1F600}å\u{10FFFF}"] {
            assert_eq!(utf16_len(text), text.encode_utf16().count(), "{text}");
        }
    }

    #[test]
    fn a_limit_is_not_passed_at_its_edge() {
        assert!(!is_longer_than("åååå", 4));
        assert!(is_longer_than("ååååå", 4));
        assert!(!is_longer_than("\u{1F600}\u{1F600}", 4));
        assert!(is_longer_than("\u{1F600}\u{1F600}a", 4));
    }

    #[test]
    fn white_space_alone_is_blank() {
        for text in ["", " \t\r\n", "\u{a0}\u{2003}"] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{a0}.", "\u{200b}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn a_shown_value_is_one_short_masked_line() {
        assert_eq!(excerpt("a\nb"), "`a b`");
        assert_eq!(excerpt("fnr 07827199405"), "`fnr 078271*****`");
        assert_eq!(excerpt(&"å".repeat(60)), format!("`{}`", "å".repeat(60)));
        assert_eq!(excerpt(&"å".repeat(61)), format!("`{}…`", "å".repeat(60)));
        // A number that the cut goes through is masked all the same.
        let late = format!("{}07827199405", "-".repeat(52));
        assert!(!excerpt(&late).contains("0782719"), "{}", excerpt(&late));
    }
}
