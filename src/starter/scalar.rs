//! Writing texts as YAML scalars, with quotes only where they are needed.

use std::fmt::Write as _;

/// Writes a scalar that YAML reads as exactly this text.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let printable = |c: char| {
        !(c.is_control()
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'
            ))
    };
    if !text.chars().all(printable) {
        return escaped(text, printable);
    }
    // Single quotes need no escapes for these, which keeps templates readable.
    if text.contains(['"', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    format!("\"{text}\"")
}

/// Words that YAML 1.1 reads as something other than text. Many parsers still follow it.
const NOT_TEXT: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// True for a text that needs no quotes anywhere: letters, digits, `-`, `_`, `.` and blanks, with a letter first.
fn is_plain(text: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    text.starts_with(char::is_alphabetic)
        && text.chars().all(letters)
        && !text.ends_with(' ')
        && !NOT_TEXT.contains(&text.to_lowercase().as_str())
}

fn escaped(text: &str, printable: impl Fn(char) -> bool) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if printable(letter) => quoted.push(letter),
            // Writing to a string does not fail.
            _ => _ = write!(quoted, "\\u{:04X}", u32::from(letter)),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_quoted_no_more_than_they_must_be() {
        for (text, written) in [
            ("Saksnummer", "Saksnummer"),
            ("Fødselsnummer", "Fødselsnummer"),
            ("E-post", "E-post"),
            ("Nr. 2", "Nr. 2"),
            ("2. rate", "\"2. rate\""),
            ("No", "\"No\""),
            ("{{ Navn }}", "\"{{ Navn }}\""),
            ("Navn: fullt #1", "\"Navn: fullt #1\""),
            ("{{ row[\"E-post\"] }}", "'{{ row[\"E-post\"] }}'"),
            ("'\"", "'''\"'"),
            ("a\nb\"\\", "\"a\\u000Ab\\\"\\\\\""),
            ("a\u{2028}", "\"a\\u2028\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
