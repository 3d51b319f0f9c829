//! The escaping of values in Markdown, so that the reader sees exactly the value, with as few changes as possible.
//!
//! A value passes through two conversions (`crate::markdown`). A backslash protects a sign in the first one only. That is enough for signs with a meaning to Altinn's
//! server alone, and for those that its server escapes again: `*`, `_` and `<`. A sign with a meaning to the inbox too is written as a character reference whose `&` is itself
//! escaped (`&amp;#35;`): the first conversion turns it into `&#35;`, and the second into the sign, which then has no meaning.

use std::io::{self, Write};

use super::writer::{line_of, note_protected};

/// Escapes a value. Tera calls this for every value in double braces that is not marked as safe.
pub(super) fn escape(value: &str, output: &mut dyn Write) -> io::Result<()> {
    let line = line_of(output);
    if write(value, line.begins, line.is_one_line, output)? {
        note_protected(value);
    }
    Ok(())
}

/// Escapes a value for a place at which a line may begin.
pub(super) fn escaped(value: &str) -> String {
    let mut text = Vec::with_capacity(value.len() + 8);
    // Writing to a vector cannot fail.
    let _ = write(value, true, false, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// The bytes that may have a meaning in the middle of a line, as a table: most values are checked byte by byte and need no escape.
const MARKS: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"\\*_`[]{<&~|$^=+\":\r\n";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// The way a sign is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    AsItIs,
    Backslash,
    Reference,
    /// A reference to Altinn's server alone. The inbox reads a blank, which means nothing to it.
    Blank,
}

/// Writes a value, and returns true when a sign had to be written as a reference. With `one_line` the value is in a heading or table row, which ends with its line:
/// line breaks become blanks, and no block can begin.
fn write(
    value: &str,
    line_begins: bool,
    one_line: bool,
    output: &mut dyn Write,
) -> io::Result<bool> {
    let line_begins = line_begins && !one_line;
    let marked = value.bytes().any(|byte| MARKS[usize::from(byte)]);
    let begins = line_begins && opening(value).is_some();
    if !marked && !begins {
        output.write_all(value.as_bytes())?;
        return Ok(false);
    }
    let mut has_reference = false;
    let mut lines = without_empty_ends(value).split('\n');
    if let Some(first) = lines.next() {
        has_reference |= line(first.trim_end_matches('\r'), line_begins, output)?;
    }
    // Empty lines are dropped, because they would end the paragraph or list that surrounds the value.
    for next in lines.filter(|next| !next.trim().is_empty()) {
        output.write_all(if one_line { b" " } else { b"\\\n" })?;
        has_reference |= line(next.trim_end_matches('\r'), !one_line, output)?;
    }
    Ok(has_reference)
}

/// Removes line breaks at both ends, and the blanks beyond them. They are invisible, but would end the block that surrounds the value.
fn without_empty_ends(value: &str) -> &str {
    let is_break = |c| matches!(c, '\r' | '\n');
    let head = value.len() - value.trim_start().len();
    let begin = value[..head].rfind(is_break).map_or(0, |at| at + 1);
    let value = &value[begin..];
    let tail = value.trim_end().len();
    let end = value[tail..]
        .find(is_break)
        .map_or(value.len(), |at| tail + at);
    &value[..end]
}

/// Writes one line of a value, and returns true when a sign was written as a reference. Lone carriage returns become blanks.
fn line(text: &str, begins: bool, output: &mut dyn Write) -> io::Result<bool> {
    let (mut done, mut has_reference) = (0, false);
    let opening = begins.then(|| opening(text)).flatten();
    for (at, byte) in text.bytes().enumerate() {
        let sign = match opening {
            Some((opening, sign)) if opening == at => sign,
            _ if MARKS[usize::from(byte)] => sign(text.as_bytes(), at),
            _ => Sign::AsItIs,
        };
        if sign == Sign::AsItIs && byte != b'\r' {
            continue;
        }
        output.write_all(&text.as_bytes()[done..at])?;
        done = at + 1;
        match sign {
            _ if byte == b'\r' => output.write_all(b" ")?,
            Sign::Reference => {
                has_reference = true;
                write!(output, "&amp;#{byte};")?;
            }
            Sign::Blank => write!(output, "&#{byte};")?,
            _ => output.write_all(&[b'\\', byte])?,
        }
    }
    output.write_all(&text.as_bytes()[done..])?;
    Ok(has_reference)
}

/// The sign that must be escaped at the beginning of a line, so that no other block than a paragraph begins there, and its byte.
fn opening(text: &str) -> Option<(usize, Sign)> {
    let bytes = text.as_bytes();
    let ends = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    let run =
        |is: fn(&u8) -> bool, from: usize| bytes[from..].iter().take_while(|byte| is(byte)).count();
    let blanks = run(|byte| *byte == b' ', 0);
    let next = |at: usize| bytes.get(at).copied().unwrap_or_default();
    // Four blanks would begin a code block.
    if blanks > 3 || next(blanks) == b'\t' {
        return Some((0, Sign::Blank));
    }
    let sign = match next(blanks) {
        // A backslash is enough, because Altinn's server then writes the sign as `&gt;`.
        b'>' => Some(Sign::Backslash),
        b'=' => Some(Sign::Reference),
        b'#' if ends(blanks + run(|byte| *byte == b'#', blanks)) => Some(Sign::Reference),
        // An item of a list, a rule, or the underline of a heading.
        b'-' if ends(blanks + 1) || next(blanks + 1) == b'-' => Some(Sign::Reference),
        b'+' if ends(blanks + 1) => Some(Sign::Reference),
        // A definition, which has a meaning to Altinn's server only.
        b':' if ends(blanks + 1) => Some(Sign::Backslash),
        _ => None,
    };
    if let Some(sign) = sign {
        return Some((blanks, sign));
    }
    let delimiter = |length: usize| {
        let at = blanks + length;
        (matches!(next(at), b'.' | b')') && ends(at + 1)).then_some(at)
    };
    let digits = run(u8::is_ascii_digit, blanks);
    if let Some(at) = delimiter(digits).filter(|_| (1..=9).contains(&digits)) {
        return Some((at, Sign::Reference));
    }
    // Lists with letters and roman numerals, which have a meaning to Altinn's server only.
    let roman = run(|byte| b"ivxIVX".contains(byte), blanks);
    let letter = usize::from(next(blanks).is_ascii_alphabetic());
    let at = delimiter(roman.max(letter)).filter(|_| letter > 0)?;
    Some((at, Sign::Backslash))
}

/// The way the mark at `at` must be written. The text around the value is unknown, so the ends of the value are treated with caution.
fn sign(text: &[u8], at: usize) -> Sign {
    let before = at.checked_sub(1).and_then(|at| text.get(at)).copied();
    let after = text.get(at + 1).copied();
    // Bytes beyond ASCII belong to letters, or to signs without a meaning.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    // A sign between blanks has no meaning, except at the beginning, where it may begin an item of a list.
    let follows = text[..at].iter().any(|byte| *byte != b' ');
    let lone = follows && before == Some(b' ') && after == Some(b' ');
    let byte = text[at];
    let is_double = before == Some(byte) || after == Some(byte);
    let when = |holds: bool, sign: Sign| if holds { sign } else { Sign::AsItIs };
    match byte {
        b'\\' => when(
            after.is_none_or(|next| next.is_ascii_punctuation()),
            Sign::Reference,
        ),
        b'*' => when(!lone, Sign::Backslash),
        b'~' => when(!lone, Sign::Reference),
        b'_' => {
            let within = before.is_some_and(is_word) && after.is_some_and(is_word);
            when(!lone && !within, Sign::Backslash)
        }
        b'<' => when(
            after.is_none_or(|next| next.is_ascii_alphabetic() || b"/!?".contains(&next)),
            Sign::Backslash,
        ),
        b'&' => when(is_entity(&text[at + 1..]), Sign::Reference),
        b'`' => Sign::Reference,
        // Links, references and footnotes have a meaning to the inbox too; other brackets have none.
        b'[' => {
            let rest = &text[at..];
            let pairs = rest
                .windows(2)
                .any(|pair| matches!(pair, b"](" | b"][" | b"]:" | b"[^"));
            if pairs {
                Sign::Reference
            } else {
                Sign::Backslash
            }
        }
        // Altinn replaces `{{recipientName}}` also when it comes from a column, and its server takes text in braces for attributes.
        b'{' => {
            let begins = before != Some(b'{') && text[at..].contains(&b'}');
            when(after == Some(b'{') || begins, Sign::Backslash)
        }
        b'=' | b'+' | b'"' | b':' => when(is_double, Sign::Backslash),
        _ => Sign::Backslash,
    }
}

/// True when the text after `&` completes a character reference, such as `amp;` or `#38;`.
fn is_entity(text: &[u8]) -> bool {
    let name = text.strip_prefix(b"#").unwrap_or(text);
    let length = name
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    length > 0 && name.get(length) == Some(&b';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::{delivered, inbox};

    fn inline(value: &str) -> String {
        let mut text = Vec::new();
        write(value, false, false, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// What the inbox draws of a letter's body, without the paragraphs that every text is in.
    fn read(body: &str) -> String {
        let html = inbox::html(&delivered(body), &|text| text.into());
        html.replace("<p>", "")
            .replace("</p>", "")
            .trim()
            .to_owned()
    }

    fn in_html(text: &str) -> String {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    }

    #[test]
    fn breaks_around_a_value_and_blanks_beyond_them_are_left_out() {
        for (value, written) in [
            ("a\n ", "a"),
            ("a\r\n\t\r\n", "a"),
            (" \n a \n", " a "),
            ("\n", ""),
            ("a\n \nb", "a\\\nb"),
            (" a ", " a "),
        ] {
            assert_eq!(inline(value), written, "{value:?}");
        }
    }

    #[test]
    fn what_means_nothing_stays_as_it_is() {
        for value in [
            "Hansen-Øye",
            "2026-12-15",
            "kr\u{A0}1\u{A0}234,50",
            "ola.nordmann@example.no",
            "snake_case_name",
            "Hansen & Sønn",
            "AT&T",
            "a < b",
            "2 * 3",
            "C:\\Brukere",
            "-5",
            "+47 22 33 44 55",
            "1.5",
            "#1",
            "(Ola)",
            "Hei!",
            "https://example.no/a?b=c&d=e#f",
        ] {
            assert_eq!(escaped(value), value);
            assert_eq!(inline(value), value);
        }
        assert_eq!(inline("15. desember 2026"), "15. desember 2026");
        assert_eq!(inline("# nr"), "# nr");
    }

    #[test]
    fn what_means_something_is_escaped() {
        for (value, written) in [
            ("*Ola*", "\\*Ola\\*"),
            ("_Ola_", "\\_Ola\\_"),
            ("[Ola](x)", "&amp;#91;Ola\\](x)"),
            ("<b>", "\\<b>"),
            ("`a`", "&amp;#96;a&amp;#96;"),
            ("&amp;", "&amp;#38;amp;"),
            ("{{recipientName}}", "\\{{recipientName}}"),
            ("{.klasse}", "\\{.klasse}"),
            ("==a==", "&amp;#61;\\=a\\=\\="),
            ("x ==a==", "x \\=\\=a\\=\\="),
            ("$5$", "\\$5\\$"),
            ("\"\"a\"\"", "\\\"\\\"a\\\"\\\""),
            ("a::b::c", "a\\:\\:b\\:\\:c"),
            ("m^2^", "m\\^2\\^"),
            ("~~a~~", "&amp;#126;&amp;#126;a&amp;#126;&amp;#126;"),
            ("a|b", "a\\|b"),
            ("\\*", "&amp;#92;\\*"),
            ("a\\", "a&amp;#92;"),
            ("# nr", "&amp;#35; nr"),
            ("> nr", "\\> nr"),
            ("- nr", "&amp;#45; nr"),
            ("---", "&amp;#45;--"),
            ("===", "&amp;#61;\\=\\="),
            ("15. desember 2026", "15&amp;#46; desember 2026"),
            ("1)", "1&amp;#41;"),
            ("A. Hansen AS", "A\\. Hansen AS"),
            ("iv) Hansen AS", "iv\\) Hansen AS"),
            ("Gate 1\r\n0123 Oslo\n", "Gate 1\\\n0123 Oslo"),
            ("a\n- b", "a\\\n&amp;#45; b"),
            ("     kode", "&#32;    kode"),
        ] {
            assert_eq!(escaped(value), written);
        }
    }

    #[test]
    fn only_what_needs_a_reference_is_noted() {
        let noted =
            |value: &str, begins: bool| write(value, begins, false, &mut Vec::new()).unwrap();
        for (value, begins, expected) in [
            ("# 4 AS", true, true),
            ("# 4 AS", false, false),
            ("1. Nord AS", true, true),
            ("1. Nord AS", false, false),
            ("[x](https://y.no)", false, true),
            ("~~x~~", false, true),
            ("{.klasse} ==m== $5$ *a*", false, false),
            ("Hansen & Sønn", true, false),
        ] {
            assert_eq!(noted(value, begins), expected, "{value}");
        }
    }

    #[test]
    fn any_value_is_read_as_itself_wherever_it_stands() {
        const PIECES: [&str; 53] = [
            "a", "Ø", " ", "*", "_", "`", "[", "]", "(", ")", "<", ">", "&", "amp;", "#", "-", "+",
            "=", "~", "|", "\\", "1.", "2)", "\n", "!", ":", "x.no", "<b>", "</b>", "[x](y)", "**",
            "__", "---", "```", "&#35;", "b.c", "\"", "'", "<!--", "{{x}}", "{#id}", "{.ab}", "$",
            "$5$", "==", "++", "\"\"", "::", "^", "~~", "A.", "b)", "iv.",
        ];
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..4_000 {
            let value: String = (0..random.usize(1..9))
                .map(|_| PIECES[random.usize(..PIECES.len())])
                .collect();
            // Runs of blanks are one blank for readers, and those at an edge of a line are not seen.
            let lines: Vec<_> = value
                .trim_matches('\n')
                .split('\n')
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            if lines.iter().any(String::is_empty) {
                continue;
            }
            let seen = in_html(&lines.join("\n")).replace('\n', "<br>\n");
            assert_eq!(
                read(&escaped(&value)),
                seen,
                "{value:?} as {:?}",
                escaped(&value)
            );
            let sentence = format!("Hei **{}**, du", inline(&format!("x{value}x")));
            let read = read(&sentence);
            assert!(
                read.starts_with("Hei <strong>x") && read.ends_with("x</strong>, du"),
                "{value:?} as {sentence:?}: {read:?}"
            );
        }
    }
}
