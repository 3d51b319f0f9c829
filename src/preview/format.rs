//! The wording of file sizes and of characters outside GSM-7.

use crate::text::{counted, grouped, is_invisible};

/// The most frequent characters outside GSM-7, with a name and a replacement.
const FOREIGN: &[(char, &str, &str)] = &[
    ('\u{2018}', "curly quote", "'"),
    ('\u{2019}', "curly apostrophe", "'"),
    ('\u{201c}', "curly quote", "\""),
    ('\u{201d}', "curly quote", "\""),
    ('\u{201e}', "low quote", "\""),
    ('«', "angle quote", "\""),
    ('»', "angle quote", "\""),
    ('\u{2013}', "en dash", "-"),
    ('\u{2014}', "em dash", "-"),
    ('\u{2212}', "minus sign", "-"),
    ('\u{2011}', "no-break hyphen", "-"),
    ('\u{2026}', "ellipsis", "..."),
    ('•', "bullet", "*"),
    ('·', "middle dot", "."),
    ('´', "acute accent", "'"),
    ('`', "backtick", "'"),
    ('\t', "tab", "a blank"),
    ('\u{a0}', "no-break space", "a blank"),
    ('\u{202f}', "narrow no-break space", "a blank"),
    ('\u{2009}', "thin space", "a blank"),
    ('\u{200b}', "zero-width space", "nothing"),
    ('\u{ad}', "soft hyphen", "nothing"),
    ('\u{feff}', "byte order mark", "nothing"),
];

/// Formats a file size, as `612 bytes`, `1.2 kB` or `48 MB`; decimal units, rounded down.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return counted(bytes, "byte", "bytes");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let name = UNITS[unit];
    if tenths < 100 {
        format!("{}.{}\u{a0}{name}", tenths / 10, tenths % 10)
    } else {
        format!("{}\u{a0}{name}", grouped(tenths / 10))
    }
}

/// Describes a character outside GSM-7, as `’ (U+2019, curly apostrophe; ' does the same)`.
pub(super) fn describe_character(character: char) -> String {
    let code = u32::from(character);
    let shown = if character.is_control() || character.is_whitespace() || is_invisible(character) {
        String::new()
    } else {
        format!("{character} ")
    };
    match FOREIGN.iter().find(|(known, _, _)| *known == character) {
        Some((_, name, instead)) => {
            format!("{shown}(U+{code:04X}, {name}; {instead} does the same)")
        }
        None => format!("{shown}(U+{code:04X})"),
    }
}

#[cfg(test)]
mod tests {
    use super::{describe_character, size};

    #[test]
    fn sizes_are_said_shortly() {
        for (bytes, said) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (9999, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (1_250_000, "1.2 MB"),
            (50_000_000_000, "50 GB"),
            (9_000_000_000_000_000, "9 000 TB"),
        ] {
            assert_eq!(size(bytes).replace('\u{a0}', " "), said);
        }
    }

    #[test]
    fn dear_characters_are_named() {
        assert_eq!(
            describe_character('’'),
            "’ (U+2019, curly apostrophe; ' does the same)"
        );
        assert_eq!(describe_character('č'), "č (U+010D)");
        assert_eq!(
            describe_character('\u{a0}'),
            "(U+00A0, no-break space; a blank does the same)"
        );
        assert_eq!(describe_character('\u{202e}'), "(U+202E)");
    }
}
