//! E-mail addresses and mobile numbers that Altinn takes for a notification.

/// Whether an e-mail address has the form Altinn asks for (code 3011).
///
/// Before the `@` a quoted text, or runs of letters, digits and a few signs with dots between; after it 1 to 9 labels and a top domain of 2 to 14 letters, or four
/// numbers. Letters are a to z, æ, ø and å.
pub fn is_email_address(text: &str) -> bool {
    if text.contains(';') {
        return false;
    }
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        is_local_part(local) && (is_domain(domain) || is_ipv4(domain))
    })
}

/// What can be said of a mobile number without the numbering plans of the world (code 3012). The reasons are whole messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MobileNumber {
    /// The form fits.
    Fits,
    /// Probably refused.
    Doubtful(&'static str),
    /// Certainly refused.
    Refused(&'static str),
}

/// Judges a mobile number: `+` or `00`, a country code, and 8 to 15 digits in all.
pub fn mobile_number(text: &str) -> MobileNumber {
    let Some(number) = text.strip_prefix('+').or_else(|| text.strip_prefix("00")) else {
        return MobileNumber::Refused("the mobile number has no country code");
    };
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if !(5..=17).contains(&digits.len()) {
        return MobileNumber::Refused("the mobile number has too few or too many digits");
    }
    if !(8..=15).contains(&digits.len()) {
        return MobileNumber::Doubtful("the mobile number may have too few or too many digits");
    }
    if let Some(norwegian) = digits.strip_prefix("47") {
        match norwegian.as_bytes() {
            [b'4' | b'9', ..] if norwegian.len() == 8 => {}
            // No Norwegian number begins with 1.
            [b'1', ..] if norwegian.len() == 8 => {
                return MobileNumber::Refused("there is no such number in Norway");
            }
            _ => {
                return MobileNumber::Doubtful("the number may not be a Norwegian mobile number");
            }
        }
    }
    if digits.len() != number.len() {
        return MobileNumber::Doubtful("the mobile number has other characters than digits");
    }
    MobileNumber::Fits
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'æ' | 'ø' | 'å' | 'Æ' | 'Ø' | 'Å')
}

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

/// Four numbers of one to three digits; how large they are is not asked.
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
            &label,
        ] {
            assert!(!is_email_address(address), "{address}");
        }
    }

    #[test]
    fn mobile_numbers_have_a_country_code_and_a_length() {
        use MobileNumber::{Doubtful, Fits, Refused};
        for number in [
            "+4791234567",
            "004741234567",
            "+12345678",
            "+123456789012345",
            "+46701234567",
        ] {
            assert_eq!(mobile_number(number), Fits, "{number}");
        }
        for number in [
            "+1234567",
            "+1234567890123456",
            "+4721234567",
            "+479123456",
            "+47 91 23 45 67",
        ] {
            assert!(matches!(mobile_number(number), Doubtful(_)), "{number}");
        }
        for number in [
            "",
            "91234567",
            "4791234567",
            "+",
            "+1234",
            "+123456789012345678",
            "+4712345678",
            "+abc",
        ] {
            assert!(matches!(mobile_number(number), Refused(_)), "{number}");
        }
    }
}
