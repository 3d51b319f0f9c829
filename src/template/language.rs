//! The languages letters are written in.

use tera::{Error, Kwargs};

use super::budget;
use super::error::failure;

/// A language of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// Norwegian, Bokmål.
    #[default]
    Nb,
    /// Norwegian, Nynorsk.
    Nn,
    /// English.
    En,
}

impl Language {
    /// Reads `nb`, `NN`, `en-GB` or `no`, as columns hold them; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let word = text.split(['-', '_']).next().unwrap_or(text);
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        if is("nb") || is("no") {
            Some(Self::Nb)
        } else if is("nn") {
            Some(Self::Nn)
        } else if is("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// The one that `lang` names, or the letter's own.
    pub(super) fn of(by: &Kwargs) -> Result<Self, Error> {
        match by.get::<&str>("lang")? {
            None => Ok(budget::language()),
            Some(named) if named.trim().is_empty() => Ok(budget::language()),
            Some(named) => Self::parse(named)
                .ok_or_else(|| failure("`lang` must be `nb`, `nn` or `en`", named)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_as_columns_hold_them() {
        for (text, language) in [
            ("nb", Some(Language::Nb)),
            (" NB ", Some(Language::Nb)),
            ("no", Some(Language::Nb)),
            ("nn-NO", Some(Language::Nn)),
            ("en_GB", Some(Language::En)),
            ("se", None),
            ("", None),
        ] {
            assert_eq!(Language::parse(text), language, "{text}");
        }
    }
}
