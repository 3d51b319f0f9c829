//! Values in Markdown: written so that the letter's reader sees exactly the value, and changed no more than that needs.
//!
//! A value goes through two conversions (`crate::markdown`). A backslash protects a sign from the first one only, and is enough for signs that mean something to Altinn's
//! server alone, or that its server escapes again: `*`, `_` and `<`. A sign that means something to the inbox too is written as a character reference whose `&` is itself one
//! (`&amp;#35;`): the first conversion makes `&#35;` of it, and the second the sign, which then means nothing.

use std::io::{self, Write};

use super::writer::{line_of, note_protected};

/// Writes a value into Markdown: Tera calls it for everything in double braces that is not marked as safe.
pub(super) fn escape(value: &str, output: &mut dyn Write) -> io::Result<()> {
    let line = line_of(output);
    if write(value, line.begins, line.is_one_line, output)? {
        note_protected(value);
    }
    Ok(())
}

/// A value as it is written where a line may begin.
pub(super) fn escaped(value: &str) -> String {
    let mut text = Vec::with_capacity(value.len() + 8);
    // A list of bytes takes everything.
    let _ = write(value, true, false, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// The bytes that may mean something in the middle of a line.
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

/// How a sign is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    AsItIs,
    Backslash,
    Reference,
}

/// True when a sign had to be written as a reference. `one_line`: what the value stands in ends with its line, so that breaks become blanks and no block can begin.
fn write(
    value: &str,
    line_begins: bool,
    one_line: bool,
    output: &mut dyn Write,
) -> io::Result<bool> {
    let line_begins = line_begins && !one_line;
    let marked = value.bytes().any(|byte| MARKS[usize::from(byte)]);
    let begins = line_begins && begins_a_block(value);
    if !marked && !begins {
        output.write_all(value.as_bytes())?;
        return Ok(false);
    }
    let mut has_reference = false;
    let mut lines = without_empty_ends(value).split('\n');
    if let Some(first) = lines.next() {
        has_reference |= line(first.trim_end_matches('\r'), line_begins, output)?;
    }
    // An empty line would end the paragraph, and whatever the value stands in with it.
    for next in lines.filter(|next| !next.trim().is_empty()) {
        output.write_all(if one_line { b" " } else { b"\\\n" })?;
        has_reference |= line(next.trim_end_matches('\r'), !one_line, output)?;
    }
    Ok(has_reference)
}

/// Without the breaks around a value, and blanks beyond them: they are not seen, and would end what the value stands in.
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

/// Writes a part of a value that has no line break but lone returns of old Macs, which become blanks. True when a sign was written as a reference.
fn line(text: &str, begins: bool, output: &mut dyn Write) -> io::Result<bool> {
    let (mut done, mut has_reference) = (0, false);
    let opening = if begins {
        opening(text)
    } else {
        Opening::Nothing
    };
    let opens_at = match opening {
        Opening::Nothing => None,
        Opening::Blank(reference) => {
            output.write_all(reference)?;
            done = 1;
            None
        }
        Opening::Sign(at, sign) => Some((at, sign)),
    };
    for (at, byte) in text.bytes().enumerate().skip(done) {
        let sign = match opens_at {
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
            _ => output.write_all(&[b'\\', byte])?,
        }
    }
    output.write_all(&text.as_bytes()[done..])?;
    Ok(has_reference)
}

/// True when a text that begins a line may begin something else than a paragraph.
fn begins_a_block(text: &str) -> bool {
    opening(text) != Opening::Nothing
}

/// What must be written otherwise at the beginning of a line, so that no block begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Nothing,
    /// The first blank, written as this reference.
    Blank(&'static [u8]),
    /// The sign at a byte.
    Sign(usize, Sign),
}

fn opening(text: &str) -> Opening {
    let bytes = text.as_bytes();
    let ends = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    let run =
        |is: fn(&u8) -> bool, from: usize| bytes[from..].iter().take_while(|byte| is(byte)).count();
    let blanks = run(|byte| *byte == b' ', 0);
    let next = |at: usize| bytes.get(at).copied().unwrap_or_default();
    if bytes.first() == Some(&b'\t') {
        return Opening::Blank(b"&#9;");
    }
    if blanks > 3 || (blanks > 0 && next(blanks) == b'\t') {
        return Opening::Blank(b"&#32;");
    }
    let sign = match next(blanks) {
        // Altinn's server writes it as `&gt;`.
        b'>' => Some(Sign::Backslash),
        b'=' => Some(Sign::Reference),
        b'#' if ends(blanks + run(|byte| *byte == b'#', blanks)) => Some(Sign::Reference),
        // An item of a list, or a rule.
        b'-' if ends(blanks + 1) || next(blanks + 1) == b'-' => Some(Sign::Reference),
        b'+' if ends(blanks + 1) => Some(Sign::Reference),
        // A definition, which only Altinn's server knows.
        b':' if ends(blanks + 1) => Some(Sign::Backslash),
        _ => None,
    };
    if let Some(sign) = sign {
        return Opening::Sign(blanks, sign);
    }
    let delimiter = |length: usize| {
        let at = blanks + length;
        (matches!(next(at), b'.' | b')') && ends(at + 1)).then_some(at)
    };
    let digits = run(u8::is_ascii_digit, blanks);
    if let Some(at) = delimiter(digits).filter(|_| (1..=9).contains(&digits)) {
        return Opening::Sign(at, Sign::Reference);
    }
    // Lists with letters and roman numbers, which only Altinn's server knows.
    let roman = run(|byte| b"ivxIVX".contains(byte), blanks);
    let letter = usize::from(next(blanks).is_ascii_alphabetic());
    match delimiter(roman.max(letter)).filter(|_| letter > 0) {
        Some(at) => Opening::Sign(at, Sign::Backslash),
        None => Opening::Nothing,
    }
}

/// How a mark is written so that it is read as itself. What stands around the value is not known.
fn sign(text: &[u8], at: usize) -> Sign {
    let before = at.checked_sub(1).and_then(|at| text.get(at)).copied();
    let after = text.get(at + 1).copied();
    // Letters beyond ASCII are letters or signs that do nothing.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    // After nothing but blanks it may begin an item of a list.
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
        // A link, a reference or a footnote; other brackets mean nothing to the inbox.
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
        // Altinn replaces `{{recipientName}}`, also where it came out of a column, and its server takes what stands in braces for attributes.
        b'{' => {
            let begins = before != Some(b'{') && text[at..].contains(&b'}');
            when(after == Some(b'{') || begins, Sign::Backslash)
        }
        b'=' | b'+' | b'"' | b':' => when(is_double, Sign::Backslash),
        _ => Sign::Backslash,
    }
}

/// True when a text goes on as `amp;` or `#38;`.
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
