//! What must not be seen: identity numbers and tokens are masked before they reach a log, a journal, a report or an error.

use std::borrow::Cow;

/// Masks every token in a text from elsewhere, and every national identity number as `redact` does: `Bearer eyJhbGci…` becomes `Bearer *****`.
///
/// A token is anything of some length after `Bearer` or `Basic`, and any JWT, whole or in part, wherever it stands.
pub fn conceal(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut copied = 0;
    let mut after_scheme = false;
    let mut at = 0;
    for word in text.split_inclusive(|character: char| !is_token(character)) {
        let bare = word.trim_end_matches(|character: char| !is_token(character));
        let long = bare.len() >= SHORTEST_TOKEN;
        if long && (after_scheme || bare.contains("eyJ")) {
            masked.push_str(&text[copied..at]);
            masked.push_str("*****");
            copied = at + bare.len();
        }
        if !bare.is_empty() {
            after_scheme =
                bare.eq_ignore_ascii_case("bearer") || bare.eq_ignore_ascii_case("basic");
        }
        at += word.len();
    }
    if copied == 0 {
        return redact(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(redact(&masked).into_owned())
}

/// Shorter than this after `Bearer` is a word.
const SHORTEST_TOKEN: usize = 16;

/// The letters of base64 in both its alphabets, and the dots between a JWT's parts.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.+/=~".contains(character)
}

/// Masks every national identity number in a text: `07827199405` becomes `078271*****`.
///
/// A number is eleven digits that stand by themselves, also written as six and five with a blank or a hyphen between. Whether the control digits fit is not asked: a
/// mistyped number still points at a person.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let first = digits(bytes, at);
        let hidden = match first {
            11 => Some(at + 6..at + 11),
            6 => match bytes.get(at + 6) {
                Some(b' ' | b'-') if digits(bytes, at + 7) == 5 => Some(at + 7..at + 12),
                _ => None,
            },
            _ => None,
        };
        at = match hidden {
            Some(range) => {
                masked.push_str(&text[copied..range.start]);
                masked.push_str("*****");
                copied = range.end;
                range.end
            }
            None => at + first,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

/// How many digits stand from `at` on.
fn digits(bytes: &[u8], at: usize) -> usize {
    bytes
        .iter()
        .skip(at)
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

#[cfg(test)]
mod tests {
    use super::{conceal, redact};

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl";
        for (text, expected) in [
            (format!("denied: Bearer {token}."), "denied: Bearer *****"),
            (
                format!("{{\"got\":\"{token}\",\"n\":1}}"),
                "{\"got\":\"*****\",\"n\":1}",
            ),
            (format!("assertion={token}&x=1"), "*****&x=1"),
            (
                "authorization: bearer 0123456789abcdef!".to_owned(),
                "authorization: bearer *****!",
            ),
            ("Basic dXNlcjpwYXNzd29yZA== å".to_owned(), "Basic ***** å"),
            (
                format!("{token} 07827199405 {token}"),
                "***** 078271***** *****",
            ),
        ] {
            assert_eq!(conceal(&text), expected);
        }
        for text in [
            "",
            "bearer of this letter",
            "Basic authentication",
            "eyJ",
            "æøå 991825827",
        ] {
            assert_eq!(conceal(text), text);
        }
    }

    #[test]
    fn identity_numbers_are_masked_wherever_they_stand() {
        assert_eq!(redact("07827199405"), "078271*****");
        assert_eq!(
            redact("not found: urn:altinn:person:identifier-no:07827199405,26818099001."),
            "not found: urn:altinn:person:identifier-no:078271*****,268180*****."
        );
        assert_eq!(
            redact("fnr 078271 99405, æ 078271-99405"),
            "fnr 078271 *****, æ 078271-*****"
        );
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "",
            "991825827",
            "2026/00001",
            "123456789012",
            "078271 994051",
            "+4791234567",
            "å",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
