//! The form of e-mail addresses and mobile numbers that Altinn accepts for a notification.

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// True when an e-mail address has the form that Altinn requires (code 3011).
///
/// Before the `@` a quoted text, or runs of letters, digits and a few signs with dots between; after it 1 to 9 labels and a top domain of 2 to 14 letters, or four
/// numbers. Letters are a to z, æ, ø and å.
pub fn is_email_address(text: &str) -> bool {
    // In .NET's regular expressions `$` also matches before a last line feed.
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.contains(';') {
        return false;
    }
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        is_local_part(local) && (is_domain(domain) || is_ipv4(domain))
    })
}

/// The reason why Altinn refuses a mobile number (code 3012); `None` for a valid number with its country code, as libphonenumber knows the numbering plans of the
/// world.
///
/// The reasons are whole messages. The first number loads the plans, which takes some hundredths of a second.
pub fn mobile_number_problem(text: &str) -> Option<&'static str> {
    let Some(number) = after_plus(text) else {
        return Some("the mobile number has no country code");
    };
    let parsed = PHONE_NUMBER_UTIL.parse(format!("+{number}"), None);
    // No default country: Altinn requires the country code.
    let is_valid = parsed.is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number));
    (!is_valid).then_some("there is no such mobile number")
}

/// True for a text in the form of a mobile number with its country code: 8 to 15 digits. The numbering plans are not consulted, which makes it cheap.
pub fn looks_like_mobile_number(text: &str) -> bool {
    after_plus(text).is_some_and(|number| {
        (8..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The number behind the `+` or `00` in front of its country code.
pub fn after_plus(text: &str) -> Option<&str> {
    text.strip_prefix('+').or_else(|| text.strip_prefix("00"))
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'æ' | 'ø' | 'å' | 'Æ' | 'Ø' | 'Å')
}

/// True for the part of an address before the `@`: a quoted text, or runs of letters, digits and a few signs with single dots between.
fn is_local_part(local: &str) -> bool {
    if let Some(rest) = local.strip_prefix('"') {
        return rest
            .strip_suffix('"')
            .is_some_and(|quoted| !quoted.is_empty() && !quoted.contains(['"', '\\']));
    }
    local.split('.').all(|run| {
        !run.is_empty()
            && run
                .chars()
                .all(|c| is_letter(c) || c.is_ascii_digit() || "!#$%&'*+-=?^_`{|}~".contains(c))
    })
}

/// True for 1 to 9 labels of at most 63 characters and a top domain of 2 to 14 ASCII letters.
fn is_domain(domain: &str) -> bool {
    let Some((labels, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| is_letter(c) || c.is_ascii_digit() || c == '-')
    };
    (2..=14).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && labels.split('.').count() <= 9
        && labels.split('.').all(is_label)
}

/// True for four numbers of one to three digits. Altinn's expression does not limit them to 255 either.
fn is_ipv4(domain: &str) -> bool {
    domain.split('.').count() == 4
        && domain.split('.').all(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_altinn_takes() {
        let label = format!("a@{}.no", "b".repeat(63));
        for address in [
            "a@b.no",
            "kari.nordmann+test@example.no",
            "ØYVIND@blåbær.no",
            "!#$%&'*+-=?^_`{|}~@example.museum",
            "\"kari nordmann\"@example.no",
            "\"a@b\"@example.no",
            "a@1.2.3.4.5.6.7.8.9.no",
            "a@b-c.abcdefghijklmn",
            "a@127.0.0.1",
            "a@999.0.0.1",
            "a@b.no\n",
            &label,
        ] {
            assert!(is_email_address(address), "{address}");
        }
    }

    #[test]
    fn addresses_altinn_refuses() {
        let label = format!("a@{}.no", "b".repeat(64));
        for address in [
            "",
            "a",
            "@b.no",
            "a@",
            "a@b",
            "a@b.n",
            "a@b.abcdefghijklmno",
            "a@b.n0",
            "a@-b.no",
            "a@b-.no",
            "a@b..no",
            "a@.no",
            "a@1.2.3.4.5.6.7.8.9.10.no",
            "a@b.næ",
            "a..b@c.no",
            ".a@b.no",
            "a b@c.no",
            "a@b@c.no",
            "a@b.no;c@d.no",
            "\"\"@b.no",
            "\"a\"b\"@b.no",
            "é@b.no",
            "a@1.2.3",
            "a@1.2.3.1234",
            "a@b.no ",
            "a@b.no\n\n",
            "a@b.no\r\n",
            &label,
        ] {
            assert!(!is_email_address(address), "{address}");
        }
    }

    /// Verdicts of Altinn's own server: `ok` or 3012, a tab, and the number as JSON.
    const MOBILES: &str = include_str!("verdicts/mobiles.txt");

    #[test]
    fn mobile_numbers_are_judged_as_altinns_own_server_judges_them() {
        for line in MOBILES.lines() {
            let (verdict, number) = line.split_once('\t').unwrap();
            let number: String = serde_json::from_str(number).unwrap();
            let problem = mobile_number_problem(&number);
            assert_eq!(
                problem.is_none(),
                verdict == "ok",
                "{number:?}: {problem:?}"
            );
        }
    }

    #[test]
    fn a_number_is_guessed_by_its_form_alone() {
        for number in ["+4791234567", "004741234567", "+12345678"] {
            assert!(looks_like_mobile_number(number), "{number}");
        }
        for number in [
            "",
            "91234567",
            "+1234567",
            "+47 91 23 45 67",
            "+1234567890123456",
        ] {
            assert!(!looks_like_mobile_number(number), "{number}");
        }
    }
}
