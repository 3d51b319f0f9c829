//! Slips in e-mail addresses and user names, which Altinn takes as they stand: the letter would reach nobody.

use super::Recipient;
use super::identifier::is_address;
use crate::text::is_unseen;

impl Recipient {
    /// The recipient that was probably meant, when spreadsheets, e-mail programs or people left something in the address or user name that hardly belongs there.
    pub fn probably(&self) -> Option<Self> {
        match self {
            Self::IdportenEmail(text) => {
                let address = address(text);
                (address != *text && is_address(&address)).then_some(Self::IdportenEmail(address))
            }
            Self::LegacySelfIdentified(text) => {
                let name = plain(text);
                (name != *text && !name.is_empty()).then_some(Self::LegacySelfIdentified(name))
            }
            Self::Organization(_) | Self::Person(_) => None,
        }
    }

    /// The fault that [`Self::probably`] mends, as a predicate.
    pub fn slip(&self) -> &'static str {
        let (Self::Organization(text)
        | Self::Person(text)
        | Self::IdportenEmail(text)
        | Self::LegacySelfIdentified(text)) = self;
        if text.contains(['<', '>']) {
            "has a name or brackets around the address"
        } else if text.contains(is_unseen) {
            "has blanks, or characters that do not show, in or around it"
        } else if text.contains(',') {
            "has a comma in the address"
        } else {
            "has signs around it that hardly belong to it"
        }
    }
}

/// The address inside `Ola <ola@example.no>`, with a full stop for a comma.
fn address(text: &str) -> String {
    let inside = text.rsplit_once('<').map_or(text, |(_, rest)| rest);
    let inside = inside.split('>').next().unwrap_or(inside);
    plain(&inside.replace(is_unseen, "")).replace(',', ".")
}

/// The text without invisible characters, and without blanks and signs around it.
fn plain(text: &str) -> String {
    let around = |c: char| is_unseen(c) || matches!(c, '\'' | '"' | '=' | ';' | ',' | '.');
    let visible = |c: &char| *c == ' ' || !is_unseen(*c);
    text.trim_matches(around).chars().filter(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_in_an_address_is_seen() {
        let probably = |text: &str| {
            let recipient = Recipient::IdportenEmail(text.to_owned());
            recipient.probably().map(|recipient| recipient.urn())
        };
        for text in [
            " ola@x.no",
            "ola@x.no\u{a0}",
            "ola@x.no\t",
            "ola\u{200b}@x.no",
            "ola @x.no",
            "'ola@x.no",
            "=\"ola@x.no\"",
            "ola nordmann <ola@x.no>",
            "<ola@x.no>",
            "ola@x,no",
            "ola@x.no;",
            "ola@x.no.",
        ] {
            let expected = Some("urn:altinn:person:idporten-email:ola@x.no".to_owned());
            assert_eq!(probably(text), expected, "{text:?}");
        }
        for text in [
            "ola@x.no",
            "o'brien+a=b@x-y.co.uk",
            "\u{e5}se@bl\u{e5}.no",
            "a@b",
        ] {
            assert_eq!(probably(text), None, "{text:?}");
        }
        let named = |text: &str| Recipient::LegacySelfIdentified(text.to_owned()).probably();
        assert_eq!(named("ola n"), None);
        assert_eq!(
            named("'ola n\u{a0}"),
            Some(Recipient::LegacySelfIdentified("ola n".to_owned()))
        );
        assert_eq!(Recipient::Person("07827199405".to_owned()).probably(), None);
    }
}
