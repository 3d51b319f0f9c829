//! Text for a terminal: without control characters, and in lines of limited width.

use textwrap::{Options, WordSeparator, WordSplitter};

use crate::text::{is_invisible, with_code_points};

/// The width of a letter in columns.
pub(super) const WIDTH: usize = 80;

/// Replaces control characters, and those that hide text or change its direction, by their code points: a letter must not control the terminal. Line ends stay.
pub(super) fn visible(text: &str) -> String {
    // The line end of Windows is an ordinary line end.
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    // Joiners are needed in emoji sequences, and harmless.
    let stays = |c: char| matches!(c, '\n' | '\u{200c}' | '\u{200d}');
    with_code_points(&text, |c| !stays(c) && (c.is_control() || is_invisible(c)))
}

/// Breaks a text into lines of at most [`WIDTH`] columns, with `first` before the first one and `rest` before the others.
/// Line ends and leading blanks of the text stay.
pub(super) fn wrap(text: &str, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options)
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use textwrap::core::display_width;

    use super::{visible, wrap};

    #[test]
    fn nothing_reaches_the_terminals_controls() {
        let hostile = "a\u{1b}[2J\u{7}\r\u{9b}31m\u{202e}txt\u{0}\u{7f}\u{85}\tb\r\nc";
        let shown = visible(hostile);
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        assert!(!shown.contains('\u{202e}'));
        assert!(shown.starts_with("a<U+001B>[2J<U+0007><U+000D><U+009B>31m<U+202E>txt"));
        assert!(shown.ends_with("    b\nc"));
        assert_eq!(visible("Blåbær – «ŋ»"), "Blåbær – «ŋ»");
    }

    #[test]
    fn lines_are_never_wider_than_eighty_columns() {
        for text in [
            "word ".repeat(100),
            "x".repeat(500),
            "å".repeat(81),
            "漢字".repeat(99),
            format!("short {} short", "y".repeat(79)),
            format!("{}z", " ".repeat(200)),
            String::new(),
            "a\n\n  b".to_owned(),
        ] {
            let lines = wrap(&text, "  * ", "    ");
            for line in &lines {
                assert!(display_width(line) <= 80, "{}: {line}", display_width(line));
            }
            let squeezed = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(squeezed(&lines.concat()), squeezed(&format!("*{text}")));
        }
    }

    #[test]
    fn blanks_before_a_line_and_empty_lines_stay() {
        assert_eq!(wrap("a\n\n  b", "> ", "> "), ["> a", ">", ">   b"]);
    }
}
