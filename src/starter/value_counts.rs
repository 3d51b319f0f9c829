//! The statistics of a column's values; the values themselves are not kept.

use crate::correspondence::contact::{is_email_address, looks_like_mobile_number};
use crate::correspondence::identifier::organization_control_digit_fits;
use crate::correspondence::{InvalidRecipient, Recipient};

pub(super) const LANGUAGES: [&str; 3] = ["nb", "nn", "en"];

/// The longest value, in characters, that is used in a title.
const SHORT: usize = 60;

#[derive(Debug, Default)]
pub(super) struct ValueCounts {
    pub(super) filled: u64,
    /// The recipients in a form that Altinn accepts.
    pub(super) recipients: u64,
    /// The recipients whose control digits fit.
    pub(super) certain: u64,
    /// The values that were recipients before a spreadsheet or a typing error damaged them.
    pub(super) damaged: u64,
    pub(super) emails: u64,
    pub(super) mobiles: u64,
    /// The Norwegian mobile numbers without a country code.
    pub(super) domestic: u64,
    /// The values in each language, in the order of [`LANGUAGES`].
    pub(super) languages: [u64; 3],
    /// The short values of letters, digits and a few signs, which Altinn accepts as plain text.
    pub(super) simple: u64,
}

impl ValueCounts {
    pub(super) fn add(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        self.filled += 1;
        match Recipient::parse(value) {
            Ok(Recipient::Organization(number)) => {
                self.recipients += 1;
                // Any nine digits have the form of an organisation number.
                self.certain += u64::from(organization_control_digit_fits(&number));
            }
            Ok(_) => {
                self.recipients += 1;
                self.certain += 1;
            }
            Err(
                InvalidRecipient::LostZero { .. }
                | InvalidRecipient::Separators
                | InvalidRecipient::ScientificNotation
                | InvalidRecipient::Decimals
                | InvalidRecipient::ControlDigits
                | InvalidRecipient::Blanks { fits_without: true },
            ) => self.damaged += 1,
            Err(_) => {}
        }
        self.emails += u64::from(is_email_address(value));
        self.mobiles += u64::from(looks_like_mobile_number(value));
        self.domestic += u64::from(is_domestic(value));
        for (count, language) in self.languages.iter_mut().zip(LANGUAGES) {
            *count += u64::from(value == language);
        }
        self.simple += u64::from(is_simple(value));
    }

    /// True when all non-empty values are of a kind.
    pub(super) fn all(&self, of_a_kind: u64) -> bool {
        self.filled > 0 && of_a_kind == self.filled
    }

    /// True when at least half of the non-empty values are of a kind.
    pub(super) fn mostly(&self, of_a_kind: u64) -> bool {
        self.filled > 0 && of_a_kind * 2 >= self.filled
    }
}

/// True for eight digits that begin with 4 or 9, as Norwegian mobile numbers do.
fn is_domestic(value: &str) -> bool {
    value.len() == 8
        && value.starts_with(['4', '9'])
        && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_simple(value: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '.');
    value.starts_with(char::is_alphanumeric)
        && value.chars().all(plain)
        && value.chars().count() <= SHORT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[&str]) -> ValueCounts {
        let mut counts = ValueCounts::default();
        for value in values {
            counts.add(value);
        }
        counts
    }

    #[test]
    fn recipients_are_told_from_other_numbers() {
        let found = counts(&[
            "07827199405",
            "310244007",
            "123456789",
            "7827199405",
            "9,19E+8",
            " ",
        ]);
        assert_eq!(
            (found.filled, found.recipients, found.certain, found.damaged),
            (5, 3, 2, 2)
        );
        assert!(found.mostly(found.recipients) && !found.all(found.recipients));
        assert!(!counts(&[""]).all(0));
    }

    #[test]
    fn contacts_and_languages_are_counted() {
        let found = counts(&[
            "kari@example.no",
            "+4791234567",
            "91234567",
            "nb",
            "NB",
            "en",
        ]);
        assert_eq!((found.emails, found.mobiles, found.domestic), (1, 1, 1));
        assert_eq!(found.languages, [1, 0, 1]);
        assert_eq!(counts(&["2026/001", "# 1", "a_b_", "A-1.2"]).simple, 2);
    }
}
