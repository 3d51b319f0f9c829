//! The name of a new mailing, derived from the name of its folder.

use jiff::civil::Date;

use crate::template::{ascii_letter, is_combining_mark};

/// The longest part that is taken from the folder, in characters: with year and month it stays below the limit of 100.
const LONGEST: usize = 90;

/// Derives a valid name: the folder's in ASCII, with year and month. `Påminnelse (mva)` becomes `Paminnelse-mva-2026-11`.
pub(crate) fn mailing_name(folder: &str, today: Date) -> String {
    let mut name = String::new();
    for letter in folder.chars().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'æ' | 'ǽ' => name.push_str("ae"),
            'Æ' | 'Ǽ' => name.push_str("Ae"),
            'œ' => name.push_str("oe"),
            'ß' => name.push_str("ss"),
            '.' => name.push('.'),
            _ => match ascii_letter(letter) {
                Some(letter) => name.push(letter),
                None if name.ends_with('-') => {}
                None => name.push('-'),
            },
        }
    }
    // All of it is ASCII, so the cut falls on a character boundary.
    name.truncate(LONGEST);
    let name = name.trim_matches(['-', '.']);
    let month = format!("{:04}-{:02}", today.year(), today.month());
    if name.is_empty() {
        format!("mailing-{month}")
    // A folder that already ends in the month keeps its name.
    } else if name.ends_with(&month) {
        name.to_owned()
    } else {
        format!("{name}-{month}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_mailings() {
        let today = Date::constant(2026, 11, 3);
        for (folder, name) in [
            ("brev", "brev-2026-11"),
            ("Påminnelse (mva)", "Paminnelse-mva-2026-11"),
            ("Særavgift ÆØÅ", "Saeravgift-AeOA-2026-11"),
            ("Pa\u{30A}minnelse", "Paminnelse-2026-11"),
            ("brev-2026-11", "brev-2026-11"),
            ("brev 2026-11", "brev-2026-11"),
            ("..", "mailing-2026-11"),
            ("", "mailing-2026-11"),
            ("письмо", "mailing-2026-11"),
            ("a.b_c", "a.b_c-2026-11"),
        ] {
            assert_eq!(mailing_name(folder, today), name);
        }
        let long = mailing_name(&"ø".repeat(300), today);
        assert!(long.len() <= 100 && long.ends_with("o-2026-11"), "{long}");
    }
}
