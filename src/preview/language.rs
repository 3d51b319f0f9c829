//! The texts that Altinn's inbox shows around a letter, in the letter's language.

pub(super) use crate::correspondence::Language;
use crate::correspondence::{Moment, in_norway};

impl Language {
    /// The language of a letter; `nb` when none is given, as at Altinn.
    pub(super) fn of_letter(language: Option<&str>) -> Self {
        language.and_then(Self::parse).unwrap_or_default()
    }

    pub(super) fn name(self) -> &'static str {
        self.pick(["Norwegian Bokmål", "Norwegian Nynorsk", "English"])
    }

    /// The one of three texts that is in this language.
    pub(super) fn pick(self, [bokmal, nynorsk, english]: [&'static str; 3]) -> &'static str {
        match self {
            Self::Bokmal => bokmal,
            Self::Nynorsk => nynorsk,
            Self::English => english,
        }
    }

    /// Formats a time in Norwegian local time: `15. desember 2026 kl. 12.05`.
    pub(super) fn date(self, moment: Moment) -> String {
        let at = in_norway(moment.timestamp());
        let month = self.month(at.month());
        let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
        match self {
            Self::English => format!("{day} {month} {year} at {hour:02}:{minute:02}"),
            Self::Bokmal | Self::Nynorsk => {
                format!("{day}. {month} {year} kl. {hour:02}.{minute:02}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn dates_are_in_the_letters_language_and_norwegian_time() {
        let moment = "2026-12-15T11:05:00Z".parse().unwrap();
        for (code, date) in [
            (None, "15. desember 2026 kl. 12.05"),
            (Some("NB"), "15. desember 2026 kl. 12.05"),
            (Some("nn"), "15. desember 2026 kl. 12.05"),
            (Some("En"), "15 December 2026 at 12:05"),
        ] {
            assert_eq!(Language::of_letter(code).date(moment), date);
        }
        let new_year = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(
            Language::of_letter(Some("en")).date(new_year),
            "1 January 2027 at 00:30"
        );
    }
}
