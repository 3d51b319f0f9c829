//! Maskinporten's error codes, with their meanings and remedies.

use crate::text::entry;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    pub meaning: &'static str,
    /// The next step, as a lowercase fragment.
    pub advice: &'static str,
    /// True when the same request is likely to succeed once it is signed again.
    pub again: bool,
}

/// The meaning of a code; `None` for codes Maskinporten has not published.
pub fn explain(code: u16) -> Option<Explanation> {
    let number = code.to_string();
    let (meaning, advice) = entry(EXPLANATIONS, |known| known == number)?;
    Some(Explanation {
        meaning,
        advice,
        // A grant that has been used, and one that came too late.
        again: matches!(code, 12 | 130),
    })
}

/// Finds meaning and advice for a refusal: by its code, or without one by its OAuth error and its text.
pub(super) fn advice(code: Option<u16>, error: Option<&str>, message: &str) -> Option<String> {
    let words = message.to_ascii_lowercase();
    let by_code = |code| explain(code).map(|known| (known.meaning, known.advice));
    let (meaning, advice) = match (code, error) {
        (Some(code), _) => by_code(code)?,
        // Maskinporten answers these two without a code; only the text tells them apart.
        (None, _) if words.contains("consumer_org") => (
            "the grant names a customer it may not name",
            "leave `auth.consumerOrg` out when it is the client's own organisation",
        ),
        (None, _) if words.contains("after now") => (
            "the grant comes from the future",
            "set this machine's clock: Maskinporten allows 10 seconds of difference",
        ),
        (None, Some("invalid_scope")) => by_code(200)?,
        (None, Some("invalid_client")) => by_code(100)?,
        _ => return None,
    };
    Some(format!("{meaning}; {advice}"))
}

/// Finds the first `MP-nnn` in a text: Maskinporten has no member for the code.
pub(super) fn find(text: &str) -> Option<u16> {
    text.match_indices("MP-").find_map(|(at, prefix)| {
        let digits = text[at + prefix.len()..]
            .split(|character: char| !character.is_ascii_digit())
            .next()?;
        digits.parse().ok()
    })
}

/// The codes, their meanings, and the next steps, as [`entry`] reads them.
const EXPLANATIONS: &str = include_str!("codes.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_maskinportens_is_explained() {
        for code in [
            11, 12, 100, 110, 120, 121, 122, 123, 124, 130, 200, 201, 250, 251, 301, 302, 303,
        ] {
            let known = explain(code).unwrap();
            let told = advice(Some(code), Some("invalid_grant"), "").unwrap();
            assert_eq!(told, format!("{}; {}", known.meaning, known.advice));
        }
    }

    #[test]
    fn a_refusal_without_a_code_is_explained_by_its_words() {
        for (error, message, expected) in [
            ("invalid_scope", "", "a scope is not registered"),
            ("invalid_client", "", "the client is not known"),
            (
                "invalid_grant",
                "Issued at time is after now",
                "comes from the future",
            ),
            (
                "invalid_request",
                "consumer_org equals the client's own organisation",
                "leave `auth.consumerOrg` out",
            ),
        ] {
            let told = advice(None, Some(error), message).unwrap();
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(advice(None, Some("invalid_grant"), "no"), None);
        assert_eq!(advice(Some(999), None, ""), None);
    }

    #[test]
    fn a_code_is_found_in_the_middle_of_a_text() {
        assert_eq!(
            find("Invalid assertion. (MP-110) (trace_id: 9f)"),
            Some(110)
        );
        assert_eq!(find("MP-012: grant has been used"), Some(12));
    }

    #[test]
    fn a_text_without_a_code_has_none() {
        for text in [
            "",
            "MP-",
            "MP-x",
            "STAMP-",
            "Issued at time is after now",
            "MP-99999999",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn only_used_and_expired_grants_are_worth_signing_again() {
        let again: Vec<u16> = (0..1000)
            .filter(|code| explain(*code).is_some_and(|known| known.again))
            .collect();
        assert_eq!(again, [12, 130]);
        assert_eq!(explain(999), None);
        assert!(explain(100).is_some_and(|known| known.meaning.contains("client")));
    }
}
