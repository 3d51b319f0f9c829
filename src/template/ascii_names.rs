//! The conversion of headers to names in templates. Tera reads ASCII names only, so every accented letter is mapped to one ASCII letter.

use crate::diagnostic::base_letter;

/// Converts a header to a name: `Fødselsnummer` becomes `Fodselsnummer`, `E-post` becomes `E_post`, `2. rate` becomes `_2__rate`.
pub(super) fn identifier(header: &str) -> String {
    let mut name = String::with_capacity(header.len());
    for letter in header.chars().filter(|letter| !is_combining_mark(*letter)) {
        if name.is_empty() && letter.is_ascii_digit() {
            name.push('_');
        }
        name.push(ascii_letter(letter).unwrap_or('_'));
    }
    if name.is_empty() {
        name.push('_');
    }
    name
}

/// The expression with which a template reads a column: `Saksnummer`, `row["E-post"]`, or the ASCII name when neither can be written.
pub(crate) fn column_expression(header: &str) -> String {
    let is_name = |c| ascii_letter(c).is_some() || is_combining_mark(c);
    let begins = header.starts_with(|c: char| ascii_letter(c).is_some() && !c.is_ascii_digit());
    if begins && header.chars().all(is_name) {
        return header.to_owned();
    }
    // A backslash escapes in the template language, and characters that are not printable are not allowed in a manifest.
    let writable = |c: char| {
        !(c.is_control()
            || matches!(
                c,
                '\\' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'
            ))
    };
    let quote = ['"', '\'', '`']
        .into_iter()
        .find(|quote| !header.contains(*quote));
    match quote.filter(|_| header.chars().all(writable)) {
        Some(quote) => format!("row[{quote}{header}{quote}]"),
        None => identifier(header),
    }
}

/// The ASCII letter, digit or `_` for a character of a name; `None` when the character cannot be part of one. Always a single letter (`æ` is `a`), so that
/// columns in Tera's errors stay right.
pub(crate) fn ascii_letter(letter: char) -> Option<char> {
    let base = match letter {
        'æ' | 'ǣ' | 'ǽ' => 'a',
        'Æ' | 'Ǣ' | 'Ǽ' => 'A',
        'ð' | 'đ' => 'd',
        'Ð' | 'Đ' => 'D',
        'ǥ' => 'g',
        'Ǥ' => 'G',
        'ħ' => 'h',
        'Ħ' => 'H',
        'ı' => 'i',
        'ĸ' => 'k',
        'ŀ' | 'ł' => 'l',
        'Ŀ' | 'Ł' => 'L',
        'ŋ' => 'n',
        'Ŋ' => 'N',
        'ø' | 'œ' | 'ǿ' => 'o',
        'Ø' | 'Œ' | 'Ǿ' => 'O',
        'ß' => 's',
        'þ' | 'ŧ' => 't',
        'Þ' | 'Ŧ' => 'T',
        'ʒ' | 'ǯ' => 'z',
        'Ʒ' | 'Ǯ' => 'Z',
        // The letter under an accent, in the alphabets of Europe.
        '\u{C0}'..='\u{17F}' | 'ǎ' | 'Ǎ' | 'ǧ' | 'Ǧ' | 'ǩ' | 'Ǩ' | 'ș' | 'Ș' | 'ț' | 'Ț' => {
            base_letter(letter)
        }
        _ => letter,
    };
    (base.is_ascii_alphanumeric() || base == '_').then_some(base)
}

/// True for a combining accent, which follows its letter in texts from macOS. The letter alone is kept.
pub(crate) fn is_combining_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_names() {
        for (header, name) in [
            ("Saksnummer", "Saksnummer"),
            ("Fødselsnummer", "Fodselsnummer"),
            ("Språk", "Sprak"),
            ("Spra\u{30A}k", "Sprak"),
            ("Ærlig Øre Åre", "Arlig_Ore_Are"),
            ("čđŋšŧžáÁČĐŊŠŦŽ", "cdnstzaACDNSTZ"),
            ("E-post", "E_post"),
            ("2. rate", "_2__rate"),
            ("", "_"),
            ("Имя", "___"),
        ] {
            assert_eq!(identifier(header), name);
        }
    }

    #[test]
    fn every_header_has_an_expression() {
        for (header, written) in [
            ("Fødselsnummer", "Fødselsnummer"),
            ("Spra\u{30A}k", "Spra\u{30A}k"),
            ("E-post", "row[\"E-post\"]"),
            ("2. rate", "row[\"2. rate\"]"),
            ("Имя", "row[\"Имя\"]"),
            ("kalt \"Bo\"", "row['kalt \"Bo\"']"),
            ("\"a\" 'b'", "row[`\"a\" 'b'`]"),
            ("\"'`", "___"),
            ("a\\b", "a_b"),
            ("Navn\n(fullt)", "Navn__fullt_"),
            ("a\u{2028}b", "a_b"),
        ] {
            assert_eq!(column_expression(header), written);
        }
    }
}
