//! Values in Markdown: written so that a reader sees exactly the value, and changed no more than that needs.

use std::io::{self, Write};

use super::writer::line_of;

/// Writes a value into Markdown: Tera calls it for everything in double braces that is not marked as safe.
pub(super) fn escape(value: &str, output: &mut dyn Write) -> io::Result<()> {
    let line = line_of(output);
    write(value, line.begins, line.is_one_line, output)
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
    let marks = b"\\*_`[]{<&~|\r\n";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// `one_line`: what the value stands in ends with its line, so that breaks become blanks.
fn write(value: &str, line_begins: bool, one_line: bool, output: &mut dyn Write) -> io::Result<()> {
    let marked = value.bytes().any(|byte| MARKS[usize::from(byte)]);
    let begins = line_begins && begins_a_block(value);
    if !marked && !begins {
        return output.write_all(value.as_bytes());
    }
    let mut lines = without_empty_ends(value).split('\n');
    if let Some(first) = lines.next() {
        line(first.trim_end_matches('\r'), line_begins, output)?;
    }
    for next in lines {
        output.write_all(if one_line { b" " } else { b"\\\n" })?;
        line(next.trim_end_matches('\r'), !one_line, output)?;
    }
    Ok(())
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

/// Writes a part of a value that has no line break, or the lone returns of old Macs, which become blanks.
fn line(text: &str, begins: bool, output: &mut dyn Write) -> io::Result<()> {
    let mut done = 0;
    if begins {
        let (plain, mark) = opening(text);
        output.write_all(&text.as_bytes()[..plain])?;
        output.write_all(mark)?;
        // A blank is written in another way, a sign behind a backslash as it is.
        done = plain + usize::from(mark.len() > 1);
    }
    for (at, byte) in text.bytes().enumerate().skip(done) {
        if !MARKS[usize::from(byte)] || !means_something(text.as_bytes(), at) {
            continue;
        }
        output.write_all(&text.as_bytes()[done..at])?;
        output.write_all(if byte == b'\r' { b" " } else { b"\\" })?;
        done = if byte == b'\r' { at + 1 } else { at };
    }
    output.write_all(&text.as_bytes()[done..])
}

/// True when a text that begins a line may begin something else than a paragraph.
fn begins_a_block(text: &str) -> bool {
    !opening(text).1.is_empty()
}

/// The number of bytes at the beginning of a line that are written as they are, and the mark that is put there so that no block begins.
fn opening(text: &str) -> (usize, &'static [u8]) {
    let bytes = text.as_bytes();
    let ends = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    let blanks = bytes.iter().take_while(|byte| **byte == b' ').count();
    let next = |at: usize| bytes.get(at).copied().unwrap_or_default();
    if bytes.first() == Some(&b'\t') {
        return (0, b"&#9;");
    }
    if blanks > 3 || (blanks > 0 && next(blanks) == b'\t') {
        return (0, b"&#32;");
    }
    let is_mark = match next(blanks) {
        b'>' | b'=' => true,
        b'#' => ends(
            blanks
                + bytes[blanks..]
                    .iter()
                    .take_while(|byte| **byte == b'#')
                    .count(),
        ),
        // An item of a list, or a rule.
        b'-' => ends(blanks + 1) || next(blanks + 1) == b'-',
        b'+' => ends(blanks + 1),
        _ => false,
    };
    if is_mark {
        return (blanks, b"\\");
    }
    let digits = bytes[blanks..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let delimiter = blanks + digits;
    if (1..=9).contains(&digits) && matches!(next(delimiter), b'.' | b')') && ends(delimiter + 1) {
        return (delimiter, b"\\");
    }
    (0, b"")
}

/// True when a mark would be read as more than itself. What stands around the value is not known.
fn means_something(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at)).copied();
    let after = text.get(at + 1).copied();
    // Letters beyond ASCII are letters or signs that do nothing.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    // After nothing but blanks it may begin an item of a list.
    let follows = text[..at].iter().any(|byte| *byte != b' ');
    let lone = follows && before == Some(b' ') && after == Some(b' ');
    match text[at] {
        b'\\' => after.is_none_or(|next| next.is_ascii_punctuation()),
        b'*' | b'~' => !lone,
        b'_' => {
            let within = before.is_some_and(is_word) && after.is_some_and(is_word);
            !lone && !within
        }
        b'<' => after.is_none_or(|next| next.is_ascii_alphabetic() || b"/!?".contains(&next)),
        b'&' => is_entity(&text[at + 1..]),
        // Altinn replaces `{{recipientName}}`, also where it came out of a column.
        b'{' => after == Some(b'{'),
        _ => true,
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
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    fn inline(value: &str) -> String {
        let mut text = Vec::new();
        write(value, false, false, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// What a reader sees, and how many things are on the page beside paragraphs of text.
    fn read(markdown: &str, options: Options) -> (String, Vec<String>) {
        let (mut text, mut marks) = (String::new(), Vec::new());
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(piece) => text.push_str(&piece),
                Event::SoftBreak => text.push(' '),
                Event::HardBreak => text.push('\n'),
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                other => marks.push(format!("{other:?}")),
            }
        }
        (text, marks)
    }

    #[test]
    fn breaks_around_a_value_and_blanks_beyond_them_are_left_out() {
        for (value, written) in [
            ("a\n ", "a"),
            ("a\r\n\t\r\n", "a"),
            (" \n a \n", " a "),
            ("\n", ""),
            ("a\n \nb", "a\\\n \\\nb"),
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
            ("[Ola](x)", "\\[Ola\\](x)"),
            ("<b>", "\\<b>"),
            ("`a`", "\\`a\\`"),
            ("&amp;", "\\&amp;"),
            ("{{recipientName}}", "\\{{recipientName}}"),
            ("~~a~~", "\\~\\~a\\~\\~"),
            ("a|b", "a\\|b"),
            ("\\*", "\\\\\\*"),
            ("a\\", "a\\\\"),
            ("# nr", "\\# nr"),
            ("> nr", "\\> nr"),
            ("- nr", "\\- nr"),
            ("---", "\\---"),
            ("===", "\\==="),
            ("15. desember 2026", "15\\. desember 2026"),
            ("1)", "1\\)"),
            ("Gate 1\r\n0123 Oslo\n", "Gate 1\\\n0123 Oslo"),
            ("a\n- b", "a\\\n\\- b"),
            ("     kode", "&#32;    kode"),
        ] {
            assert_eq!(escaped(value), written);
        }
    }

    #[test]
    fn any_value_is_read_as_itself_wherever_it_stands() {
        const PIECES: [&str; 40] = [
            "a", "Ø", " ", "*", "_", "`", "[", "]", "(", ")", "<", ">", "&", "amp;", "#", "-", "+",
            "=", "~", "|", "\\", "1.", "2)", "\n", "!", ":", "http://x", "<b>", "</b>", "[x](y)",
            "**", "__", "---", "```", "&#35;", "b@c.no", "\"", "'", "<!--", "{{x}}",
        ];
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let value: String = (0..random.usize(1..9))
                .map(|_| PIECES[random.usize(..PIECES.len())])
                .collect();
            // Blanks at an edge of a line are not seen.
            let seen: Vec<_> = value
                .trim_matches('\n')
                .split('\n')
                .map(str::trim)
                .collect();
            let seen = seen.join("\n");
            if seen.trim() != seen {
                continue;
            }
            for options in [Options::empty(), Options::ENABLE_STRIKETHROUGH] {
                let (text, marks) = read(&escaped(&value), options);
                let text: Vec<_> = text.split('\n').map(str::trim).collect();
                assert_eq!(text.join("\n"), seen, "{value:?} as {:?}", escaped(&value));
                assert!(
                    marks.iter().all(|mark| mark == "HardBreak"),
                    "{value:?} as {:?}: {marks:?}",
                    escaped(&value)
                );
                let sentence = format!("Hei **{}**, du", inline(&format!("x{value}x")));
                let (text, marks) = read(&sentence, options);
                assert_eq!(marks, ["Start(Strong)"], "{value:?} as {sentence:?}");
                assert!(
                    text.starts_with("Hei x") && text.ends_with("x, du"),
                    "{value:?}"
                );
            }
        }
    }
}
