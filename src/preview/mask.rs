//! The masking of identity numbers and contacts in previews.

use std::borrow::Cow;

use crate::correspondence::Recipient;
use crate::secret::redact_if;

/// Masks national identity numbers in a letter's text: eleven digits with fitting control digits, also written as six and five.
///
/// Logs mask everything that looks like such a number ([`crate::secret::redact`]). A preview must show account numbers and references, which have eleven digits too.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    redact_if(text, |number| {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        matches!(Recipient::parse(&digits), Ok(Recipient::Person(_)))
    })
}

/// Masks a mobile number except its first and last three characters.
pub(super) fn mobile(number: &str) -> String {
    let all = number.chars().count();
    let keep = |at: usize| at < 3 || at + 3 >= all;
    let hide = |(at, c): (usize, char)| {
        if keep(at) || !c.is_ascii_digit() {
            c
        } else {
            '*'
        }
    };
    number.chars().enumerate().map(hide).collect()
}

/// Masks the local part of an e-mail address except its first character.
pub(super) fn address(address: &str) -> String {
    let (name, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    use super::{address, masked, mobile};

    #[test]
    fn persons_are_masked_and_account_numbers_are_not() {
        for (text, shown) in [
            ("fnr 07827199405.", "fnr 078271*****."),
            ("07827199405,26818099001", "078271*****,268180*****"),
            ("fnr 078271 99405", "fnr 078271 *****"),
            ("078271-99405", "078271-*****"),
            // The account number that Norwegian banks print on samples.
            ("konto 12345678903", "konto 12345678903"),
            ("KID 078271994051", "KID 078271994051"),
            ("KID 007827199405", "KID 007827199405"),
            ("å 1 2", "å 1 2"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn addresses_do_not_tell_whose_they_are() {
        assert_eq!(mobile("+4791234567"), "+47*****567");
        assert_eq!(mobile("+47"), "+47");
        assert_eq!(address("kari@example.no"), "k***@example.no");
        assert_eq!(address("kari"), "k***@");
    }
}
