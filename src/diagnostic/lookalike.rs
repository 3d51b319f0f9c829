//! The comparison of words as people see them: two may look the same, but be written differently and so not be equal to a program.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc_quick};

use crate::text::{is_invisible, is_unseen};

/// The text in Unicode's normal form C: `å` is one character, as keyboards write it, and not `a` with a ring, as file names on a Mac have it.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The letter without its accents.
pub(crate) fn base_letter(letter: char) -> char {
    letter.nfd().next().unwrap_or(letter)
}

/// The text in normal form C, without blanks at its ends and with one plain blank for each run of them inside; characters without width are removed.
pub(crate) fn tidy(text: &str) -> Cow<'_, str> {
    let text = nfc(text);
    let plain = |c: char| !is_unseen(c) || c == ' ';
    let is_tidy = text.chars().all(plain) && !text.contains("  ");
    if is_tidy && text.trim().len() == text.len() {
        return text;
    }
    // `split_whitespace` below does not split at characters without width: they are removed first.
    let has_width = |c: &char| !is_invisible(*c);
    let visible: String = text.chars().filter(has_width).collect();
    Cow::Owned(visible.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The text as a person sees it who does not look closely: [`tidy`], in lower case, with one kind of dash.
pub(crate) fn as_seen(text: &str) -> String {
    // Nearly all keys are plain ASCII and need no tables.
    if text.is_ascii() && !text.contains(char::is_whitespace) {
        return text.to_ascii_lowercase();
    }
    let dash = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c => c,
    };
    // Upper case first, so that letters with several lower forms become one.
    let folded = tidy(text).chars().map(dash).collect::<String>();
    nfc(&folded.to_uppercase().to_lowercase()).into_owned()
}

/// The difference between two texts that look alike, in words; `None` when they are equal, or look different.
pub(crate) fn difference(one: &str, other: &str) -> Option<&'static str> {
    if one == other || as_seen(one) != as_seen(other) {
        return None;
    }
    // From the smallest difference to the largest: the first that explains it is named.
    Some(if nfc(one) == nfc(other) {
        "a letter such as `\u{e5}` is one character in the one, and a letter with a mark after it in the other"
    } else if tidy(one) == tidy(other) {
        "the blanks differ: in one of them they are of a kind that looks the same or does not show"
    } else if tidy(one).to_lowercase() == tidy(other).to_lowercase() {
        "they differ in upper and lower case"
    } else {
        "they differ in the kind of a dash, or of a letter that looks the same"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike_and_the_difference_has_a_name() {
        for (one, other, named) in [
            ("p\u{e5}", "pa\u{30a}", "mark after it"),
            ("Navn p\u{e5}", "Navn\u{a0}p\u{e5}", "blanks"),
            ("Navn", "Na\u{200b}vn", "blanks"),
            ("Navn", "navn ", "upper and lower case"),
            ("E-post", "e\u{2011}post", "dash"),
        ] {
            let difference = difference(one, other).unwrap();
            assert!(
                difference.contains(named),
                "{one:?} {other:?}: {difference}"
            );
        }
        assert_eq!(difference("Navn", "Navn"), None);
        assert_eq!(difference("Navn", "Namn"), None);
    }

    #[test]
    fn tidy_texts_are_left_alone() {
        for (text, expected) in [
            ("Navn p\u{e5} mottaker", "Navn p\u{e5} mottaker"),
            (
                " Navn\u{a0}p\u{e5}\nmottaker\u{200b} ",
                "Navn p\u{e5} mottaker",
            ),
            ("a\u{30a}  b", "\u{e5} b"),
            ("", ""),
        ] {
            assert_eq!(tidy(text), expected);
        }
    }
}
