//! Recipients: organisations and persons, and the spellings that Altinn accepts for them.

use std::fmt;

use thiserror::Error;

use super::control_digits::person_control_digits_fit;
use crate::text::is_unseen;

pub use super::control_digits::organization_control_digit_fits;

const ORGANIZATION: &str = "urn:altinn:organization:identifier-no:";
const ORGANIZATION_ISO: &str = "0192:";
const PERSON: &str = "urn:altinn:person:identifier-no:";
const IDPORTEN_EMAIL: &str = "urn:altinn:person:idporten-email:";
const LEGACY_SELF_IDENTIFIED: &str = "urn:altinn:person:legacy-selfidentified:";

/// A recipient of a letter.
///
/// It has no `Display`, and `Debug` masks, so that no identity number is printed by chance: use [`Recipient::urn`] or [`Recipient::masked`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Recipient<T = String> {
    /// An organisation, by its nine digits. The control digit is not checked, as Altinn does not.
    Organization(T),
    /// A person, by the eleven digits of an identity number, a D-number or a synthetic one; the control digits fit.
    Person(T),
    /// A person who has registered with an e-mail address in ID-porten, in lower case.
    IdportenEmail(T),
    /// A person with a user name from before ID-porten, in lower case.
    LegacySelfIdentified(T),
}

/// The reason why a text is no recipient. The message never contains the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRecipient {
    /// An empty text, or nothing but blanks.
    #[error("the recipient is missing")]
    Empty,
    /// Blanks, or invisible characters.
    #[error("the recipient has blanks in or around it")]
    Blanks {
        /// True when it is a recipient without them.
        fits_without: bool,
    },
    /// An identity number with dashes or dots in it: `078271-99405`.
    #[error("the identity number has dashes or dots in it")]
    Separators,
    /// Ten digits that are an identity number with a zero in front.
    #[error("the identity number has lost its leading zero")]
    LostZero {
        /// The first five of the ten digits: a day, a month, and the first digit of a year.
        first: [u8; 5],
    },
    /// A number as spreadsheets write long ones: `9,19E+8`.
    #[error("the recipient is a number in scientific notation")]
    ScientificNotation,
    /// A number with decimals: `991825827.0`.
    #[error("the recipient is a number with decimals")]
    Decimals,
    /// Nine digits without a prefix: accepted from a file, refused by Altinn.
    #[error("an organisation number needs a prefix")]
    BareOrganization,
    #[error("the number has neither 9 nor 11 digits")]
    Digits { count: usize },
    #[error("the organisation number does not have 9 digits")]
    OrganizationDigits,
    #[error("the identity number does not have 11 digits")]
    PersonDigits,
    #[error("the control digits of the identity number do not fit")]
    ControlDigits,
    #[error("an e-mail address needs a prefix")]
    BareEmail,
    /// After the prefix of an e-mail address: not exactly one `@` with text on both sides, or a `:`.
    #[error("the recipient's e-mail address is not valid")]
    Email,
    /// After the prefix of a user name: nothing, or a `:`.
    #[error("the recipient's user name is not valid")]
    UserName,
    /// `NO 991 825 827 MVA`: an organisation number as it stands on invoices.
    #[error("the recipient is written as a VAT number")]
    VatNumber,
    #[error("the recipient is nobody Altinn knows how to reach")]
    Unknown,
}

impl Recipient {
    /// Reads a recipient from a file: anything that Altinn accepts, and nine bare digits as an organisation.
    pub fn parse(text: &str) -> Result<Self, InvalidRecipient> {
        match Self::from_api(text) {
            Err(InvalidRecipient::BareOrganization) => Ok(Self::Organization(text.to_owned())),
            read => read,
        }
    }

    /// Reads a recipient from a request: exactly what Altinn's model validation accepts.
    pub fn from_api(text: &str) -> Result<Self, InvalidRecipient> {
        Ok(match Self::borrowed(text)? {
            Recipient::Organization(number) => Self::Organization(number.to_owned()),
            Recipient::Person(number) => Self::Person(number.to_owned()),
            Recipient::IdportenEmail(address) => Self::IdportenEmail(address.to_lowercase()),
            Recipient::LegacySelfIdentified(name) => {
                Self::LegacySelfIdentified(name.to_lowercase())
            }
        })
    }

    /// Reads a recipient as [`Self::from_api`] does, without a copy of the text: allocates nothing for a valid one. Prefixes are case-sensitive, as Altinn's are.
    pub(super) fn borrowed(text: &str) -> Result<Recipient<&str>, InvalidRecipient> {
        let prefixed = |prefix| text.strip_prefix(prefix);
        if let Some(value) = prefixed(ORGANIZATION).or_else(|| prefixed(ORGANIZATION_ISO)) {
            return match digits(value) {
                Some(9) => Ok(Recipient::Organization(value)),
                // Damage explains more than a wrong number of digits.
                _ => Err(damage(value).unwrap_or(InvalidRecipient::OrganizationDigits)),
            };
        }
        if let Some(value) = prefixed(PERSON) {
            return person(value).ok_or_else(|| match digits(value) {
                Some(11) => InvalidRecipient::ControlDigits,
                _ => damage(value).unwrap_or(InvalidRecipient::PersonDigits),
            });
        }
        if let Some(value) = prefixed(IDPORTEN_EMAIL) {
            return is_address(value)
                .then_some(Recipient::IdportenEmail(value))
                .ok_or(InvalidRecipient::Email);
        }
        if let Some(value) = prefixed(LEGACY_SELF_IDENTIFIED) {
            let named = !value.is_empty() && !value.contains(':');
            return named
                .then_some(Recipient::LegacySelfIdentified(value))
                .ok_or(InvalidRecipient::UserName);
        }
        person(text).ok_or_else(|| unprefixed(text))
    }

    /// The normalised lower-case URN, as Altinn returns it.
    pub fn urn(&self) -> String {
        let (prefix, value) = match self {
            Self::Organization(number) => (ORGANIZATION, number),
            Self::Person(number) => (PERSON, number),
            Self::IdportenEmail(address) => (IDPORTEN_EMAIL, address),
            Self::LegacySelfIdentified(name) => (LEGACY_SELF_IDENTIFIED, name),
        };
        [prefix, value].concat()
    }

    /// The recipient as it may be shown: organisations in full, `078271*****`, `k***@example.no`, `k***`.
    pub fn masked(&self) -> String {
        match self {
            Self::Organization(number) => number.clone(),
            Self::Person(number) => mask_digits(number),
            Self::IdportenEmail(address) => {
                let (name, domain) = address.split_once('@').unwrap_or((address, ""));
                format!("{}@{domain}", mask_name(name))
            }
            Self::LegacySelfIdentified(name) => mask_name(name),
        }
    }

    /// True for a person of any kind.
    pub fn is_person(&self) -> bool {
        !matches!(self, Self::Organization(_))
    }

    /// True for a synthetic person, made for tests: 80 or 40 has been added to the month.
    pub fn is_synthetic_person(&self) -> bool {
        let Self::Person(number) = self else {
            return false;
        };
        // Months 41 to 52 and 81 to 92; a month is at most 12 for real persons.
        matches!(
            number.get(2..4).and_then(|month| month.parse::<u8>().ok()),
            Some(41..=52 | 81..=92)
        )
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.masked()).finish()
    }
}

impl InvalidRecipient {
    /// True when the text resembles no form of recipient.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::Blanks {
                    fits_without: false
                }
        )
    }

    /// True when the text was clearly meant as a recipient. Any other text may be a key.
    pub fn is_meant(&self) -> bool {
        !self.is_unknown() && !matches!(self, Self::Digits { .. } | Self::Empty)
    }

    /// The remedy, for people; shows at most the first five digits of the text.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Empty => "fill in an organisation number or a national identity number",
            Self::Blanks { fits_without: true } => {
                "remove the blanks, also those that do not show: without them it is a recipient"
            }
            Self::Blanks {
                fits_without: false,
            } => "remove the blanks, also those that do not show",
            Self::LostZero { first } => {
                let first = String::from_utf8_lossy(first);
                return format!(
                    "a spreadsheet has removed the leading zero; it was probably 0{first}*****: export the column as text"
                );
            }
            Self::Separators => "write the eleven digits alone",
            Self::ScientificNotation => {
                "a spreadsheet has rounded the number and digits are lost: export the column as text again"
            }
            Self::Decimals => {
                "a program has read the number as a decimal one: export the column as text"
            }
            Self::VatNumber => "write the nine digits alone, without `NO` and `MVA`",
            Self::BareOrganization => {
                "write `urn:altinn:organization:identifier-no:` or `0192:` in front"
            }
            Self::Digits { .. } => {
                "an organisation number has 9 digits, a national identity number 11"
            }
            Self::OrganizationDigits => "write 9 digits after the prefix",
            Self::PersonDigits => "write 11 digits after the prefix",
            Self::ControlDigits => "a digit is wrong or two have changed places: look it up again",
            Self::BareEmail => "write `urn:altinn:person:idporten-email:` in front of the address",
            Self::Email => "the address needs one `@` with text on both sides, and no `:`",
            Self::UserName => "write a user name without `:` after the prefix",
            Self::Unknown => {
                "use 9 digits, 11 digits, or a URN that begins with `urn:altinn:organization:` or `urn:altinn:person:`"
            }
        };
        hint.to_owned()
    }
}

/// A text that should have been a recipient, as it may be shown: the end of anything that may be an identity number, even a damaged one, becomes asterisks.
pub fn masked(text: &str) -> String {
    let at = text.rfind(':').map_or(0, |colon| colon + 1);
    let (prefix, value) = text.split_at(at);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    if digits < 10 {
        return text.to_owned();
    }
    format!("{prefix}{}", mask_digits(value))
}

/// Keeps the first six digits, but hides at least five: ten digits may be a number that has lost its leading zero.
fn mask_digits(text: &str) -> String {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let kept = digits.saturating_sub(5).min(6);
    let mut seen = 0;
    text.chars()
        .map(|c| {
            seen += usize::from(c.is_ascii_digit());
            if c.is_ascii_digit() && seen > kept {
                '*'
            } else {
                c
            }
        })
        .collect()
}

fn mask_name(name: &str) -> String {
    name.chars().take(1).chain("***".chars()).collect()
}

fn person(text: &str) -> Option<Recipient<&str>> {
    person_control_digits_fit(text).then_some(Recipient::Person(text))
}

/// The length of a text of nothing but digits; `None` for any other text.
fn digits(text: &str) -> Option<usize> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text.len())
}

/// True for one `@` with text on both sides and no `:`, which is all that Altinn requires here.
pub(super) fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(':')
    })
}

/// The reason why a text without a known prefix is no recipient.
fn unprefixed(text: &str) -> InvalidRecipient {
    if text.is_empty() {
        return InvalidRecipient::Empty;
    }
    // Damage first: a number with a lost zero has ten digits, and its own hint.
    if let Some(damage) = damage(text) {
        return damage;
    }
    match digits(text) {
        Some(9) => InvalidRecipient::BareOrganization,
        Some(11) => InvalidRecipient::ControlDigits,
        Some(count) => InvalidRecipient::Digits { count },
        None if is_address(text) => InvalidRecipient::BareEmail,
        None => InvalidRecipient::Unknown,
    }
}

/// The damage that a spreadsheet or a clipboard has done to a number; `None` when there are no signs of it.
fn damage(text: &str) -> Option<InvalidRecipient> {
    // Before blanks: `NO 991 825 827 MVA` has both, and the letters have to go too.
    if is_vat_number(&text.replace(is_unseen, "")) {
        return Some(InvalidRecipient::VatNumber);
    }
    let separator = |c: char| matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    if text.contains(separator)
        && person_control_digits_fit(&text.replace(|c| separator(c) || is_unseen(c), ""))
    {
        return Some(InvalidRecipient::Separators);
    }
    if text.contains(is_unseen) {
        let rest = text.replace(is_unseen, "");
        if rest.is_empty() {
            return Some(InvalidRecipient::Empty);
        }
        return match Recipient::parse(&rest) {
            // The blanks of any other text are not what is wrong with it.
            Err(InvalidRecipient::Unknown) => None,
            read => Some(InvalidRecipient::Blanks {
                fits_without: read.is_ok(),
            }),
        };
    }
    // The control digits fit with a zero in front: one in about 100 numbers would by chance.
    if digits(text) == Some(10) && person_control_digits_fit(&format!("0{text}")) {
        let first = text.as_bytes().first_chunk::<5>()?;
        return Some(InvalidRecipient::LostZero { first: *first });
    }
    let (whole, rest) = text.split_once(['.', ',']).unwrap_or((text, ""));
    // `991825827.0` and `9,918E+8`: both decimal signs occur, by the spreadsheet's language.
    let number = |text: &str| !text.is_empty() && digits(text).is_some();
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.trim_start_matches('+');
        let mantissa = mantissa.replace(['.', ','], "");
        return (number(&mantissa) && number(exponent))
            .then_some(InvalidRecipient::ScientificNotation);
    }
    (number(whole) && number(rest)).then_some(InvalidRecipient::Decimals)
}

/// True for `991825827MVA`, `NO991825827MVA` and `NO991825827`.
fn is_vat_number(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let number = text.strip_prefix("NO").unwrap_or(&text);
    let number = number.strip_suffix("MVA").unwrap_or(number);
    number.len() < text.len() && digits(number) == Some(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "07827199405";

    #[test]
    fn every_spelling_altinn_takes_is_normalised() {
        for (text, urn) in [
            (
                "0192:991825827",
                "urn:altinn:organization:identifier-no:991825827",
            ),
            (
                "urn:altinn:organization:identifier-no:991825827",
                "urn:altinn:organization:identifier-no:991825827",
            ),
            (NUMBER, "urn:altinn:person:identifier-no:07827199405"),
            (
                "urn:altinn:person:identifier-no:07827199405",
                "urn:altinn:person:identifier-no:07827199405",
            ),
            (
                "urn:altinn:person:idporten-email:Kari@Example.no",
                "urn:altinn:person:idporten-email:kari@example.no",
            ),
            (
                "urn:altinn:person:legacy-selfidentified:KariN",
                "urn:altinn:person:legacy-selfidentified:karin",
            ),
        ] {
            assert_eq!(Recipient::from_api(text).unwrap().urn(), urn);
            assert_eq!(Recipient::parse(text).unwrap().urn(), urn);
        }
        for number in ["26818099001", "08900499559", "13876698239", "10108000398"] {
            assert!(Recipient::parse(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn nine_bare_digits_are_an_organisation_in_a_file_only() {
        assert_eq!(
            Recipient::parse("991825827"),
            Ok(Recipient::Organization("991825827".to_owned()))
        );
        assert_eq!(
            Recipient::from_api("991825827"),
            Err(InvalidRecipient::BareOrganization)
        );
    }

    #[test]
    fn the_reason_is_named() {
        use InvalidRecipient as Not;
        for (text, reason) in [
            ("", Not::Empty),
            ("  ", Not::Empty),
            (" 991825827", Not::Blanks { fits_without: true }),
            ("991 825 827", Not::Blanks { fits_without: true }),
            ("078271\u{a0}99405", Not::Blanks { fits_without: true }),
            ("\u{feff}991825827", Not::Blanks { fits_without: true }),
            (
                "urn:altinn:person:identifier-no:078271 99405",
                Not::Blanks { fits_without: true },
            ),
            (
                "991 825",
                Not::Blanks {
                    fits_without: false,
                },
            ),
            ("Kari Nordmann", Not::Unknown),
            ("Side 1 av 2", Not::Unknown),
            ("078271-99405", Not::Separators),
            ("07.82.71 \u{2013} 99405", Not::Separators),
            (
                "urn:altinn:person:identifier-no:078271-99405",
                Not::Separators,
            ),
            ("078271-99406", Not::Unknown),
            ("7827199405", Not::LostZero { first: *b"78271" }),
            (
                "urn:altinn:person:identifier-no:7827199405",
                Not::LostZero { first: *b"78271" },
            ),
            ("7827199406", Not::Digits { count: 10 }),
            ("9,19E+8", Not::ScientificNotation),
            ("7.82719E+10", Not::ScientificNotation),
            ("8e10", Not::ScientificNotation),
            ("0192:9,19E+8", Not::ScientificNotation),
            ("991825827.0", Not::Decimals),
            ("991825827,00", Not::Decimals),
            ("99182582", Not::Digits { count: 8 }),
            ("0192:99182582", Not::OrganizationDigits),
            ("0192:", Not::OrganizationDigits),
            (
                "urn:altinn:organization:identifier-no:9918258270",
                Not::OrganizationDigits,
            ),
            (
                "urn:altinn:person:identifier-no:0782719940",
                Not::PersonDigits,
            ),
            ("07827199406", Not::ControlDigits),
            ("12345678901", Not::ControlDigits),
            (
                "urn:altinn:person:identifier-no:26818099002",
                Not::ControlDigits,
            ),
            ("kari@example.no", Not::BareEmail),
            ("urn:altinn:person:idporten-email:kari", Not::Email),
            ("urn:altinn:person:idporten-email:@example.no", Not::Email),
            ("urn:altinn:person:idporten-email:a@b@c", Not::Email),
            ("urn:altinn:person:idporten-email:a:b@c", Not::Email),
            ("urn:altinn:person:legacy-selfidentified:", Not::UserName),
            ("urn:altinn:person:legacy-selfidentified:a:b", Not::UserName),
            ("URN:ALTINN:PERSON:IDENTIFIER-NO:07827199405", Not::Unknown),
            ("991825827MVA", Not::VatNumber),
            ("NO 991 825 827 MVA", Not::VatNumber),
            ("NO991825827", Not::VatNumber),
            ("e", Not::Unknown),
            ("æ", Not::Unknown),
        ] {
            assert_eq!(Recipient::from_api(text), Err(reason), "{text}");
            assert!(!reason.hint().is_empty(), "{text}");
        }
    }

    #[test]
    fn a_lost_zero_is_put_back_in_the_hint_and_the_rest_is_hidden() {
        let hint = Recipient::parse("7827199405").unwrap_err().hint();
        assert!(hint.contains("078271*****"), "{hint}");
    }

    #[test]
    fn a_recipient_is_safe_to_print() {
        for (text, masked) in [
            ("991825827", "991825827"),
            (NUMBER, "078271*****"),
            (
                "urn:altinn:person:idporten-email:kari@example.no",
                "k***@example.no",
            ),
            ("urn:altinn:person:legacy-selfidentified:øyvind", "ø***"),
        ] {
            let recipient = Recipient::parse(text).unwrap();
            assert_eq!(recipient.masked(), masked);
            assert!(format!("{recipient:?}").contains(masked));
        }
    }

    #[test]
    fn a_damaged_recipient_is_safe_to_show() {
        for (text, shown) in [
            ("7827199405", "78271*****"),
            ("07 82 71 99405", "07 82 71 *****"),
            (
                "urn:altinn:person:identifier-no:7827199405",
                "urn:altinn:person:identifier-no:78271*****",
            ),
            ("0192:99182582", "0192:99182582"),
            ("Kari", "Kari"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn synthetic_persons_have_eighty_or_forty_more_months() {
        let synthetic = |number: &str| Recipient::Person(number.to_owned()).is_synthetic_person();
        for number in [
            "07827199405",
            "26818099001",
            "01410000000",
            "41520000000",
            "41920000000",
        ] {
            assert!(synthetic(number), "{number}");
        }
        for number in ["10108000398", "41010000000", "01530000000", "01930000000"] {
            assert!(!synthetic(number), "{number}");
        }
        let organization = Recipient::parse("998225827").unwrap();
        assert!(!organization.is_synthetic_person());
        assert!(!organization.is_person());
        assert!(Recipient::parse(NUMBER).unwrap().is_person());
    }
}
