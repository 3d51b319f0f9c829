//! Text for a terminal: nothing in it controls the terminal, and no line is wider than asked for.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::format::is_unseen;

/// How wide a letter is shown.
pub(super) const WIDTH: usize = 80;

/// A text without anything a terminal would obey: controls and characters that turn or hide text are shown by their numbers. Line ends stay.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            // These join what belongs together, as in families of emojis.
            '\u{200c}' | '\u{200d}' => shown.push(c),
            c if c.is_control() || is_unseen(c) => {
                shown.extend(format!("<U+{:04X}>", u32::from(c)).chars());
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Breaks a text into lines: `first` stands before the first one, `rest` before the others. Line ends in the text stay, and so do blanks at the beginning of a line.
pub(super) fn wrap(text: &str, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let lead = if lines.is_empty() { first } else { rest };
        wrap_line(line, lead, rest, &mut lines);
    }
    lines
}

fn wrap_line(text: &str, first: &str, rest: &str, lines: &mut Vec<String>) {
    let blanks = text.len() - text.trim_start_matches(' ').len();
    let mut line = format!("{first}{}", &text[..blanks.min(WIDTH / 2)]);
    // Whether the line holds nothing but what stands before it.
    let mut is_new = true;
    for word in text.split([' ', '\t']).filter(|word| !word.is_empty()) {
        let gap = usize::from(!is_new);
        if !is_new && line.width() + gap + word.width() > WIDTH {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
        } else if gap == 1 {
            line.push(' ');
        }
        is_new = false;
        push_word(word, rest, &mut line, lines);
    }
    lines.push(line.trim_end().to_owned());
}

/// A word that is wider than a line is broken: a terminal would do the same, at a worse place.
fn push_word(word: &str, rest: &str, line: &mut String, lines: &mut Vec<String>) {
    if line.width() + word.width() <= WIDTH {
        line.push_str(word);
        return;
    }
    let mut width = line.width();
    for c in word.chars() {
        let wide = c.width().unwrap_or_default();
        if width + wide > WIDTH {
            lines.push(std::mem::replace(line, rest.to_owned()));
            width = line.width();
        }
        line.push(c);
        width += wide;
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

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
                assert!(line.width() <= 80, "{}: {line}", line.width());
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
