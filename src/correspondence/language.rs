//! The languages of letters: their codes, and their names of months.

const NORWEGIAN_MONTHS: [&str; 12] = [
    "januar",
    "februar",
    "mars",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "desember",
];

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A language of letters that Altinn supports. The default is Altinn's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    #[default]
    Bokmal,
    Nynorsk,
    English,
}

impl Language {
    /// Reads `nb`, `NN`, `en-GB` or `no`, as columns hold them; `None` for anything else. Broader than Altinn, which accepts only `nb`, `nn` and `en`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // `nb-NO` and `en_GB` are written by other systems.
        let word = text.split(['-', '_']).next().unwrap_or(text);
        let known = [
            ("nb", Self::Bokmal),
            ("no", Self::Bokmal),
            ("nn", Self::Nynorsk),
            ("en", Self::English),
        ];
        let named = known
            .into_iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name));
        named.map(|(_, language)| language)
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::Bokmal => "nb",
            Self::Nynorsk => "nn",
            Self::English => "en",
        }
    }

    /// The name of a month, which is counted from 1; empty for a month that does not exist.
    pub fn month(self, month: i8) -> &'static str {
        let names = match self {
            // Bokmål and Nynorsk share the names of months.
            Self::Bokmal | Self::Nynorsk => &NORWEGIAN_MONTHS,
            Self::English => &ENGLISH_MONTHS,
        };
        let place = usize::try_from(month - 1).unwrap_or_default();
        names.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_as_columns_hold_them() {
        for (text, language) in [
            ("nb", Some(Language::Bokmal)),
            (" NB ", Some(Language::Bokmal)),
            ("no", Some(Language::Bokmal)),
            ("nn-NO", Some(Language::Nynorsk)),
            ("en_GB", Some(Language::English)),
            ("se", None),
            ("", None),
        ] {
            assert_eq!(Language::parse(text), language, "{text}");
        }
    }
}
