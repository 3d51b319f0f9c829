//! Control digits (modulus 11) of Norwegian identity, organisation and account numbers.

// The weights of a control digit and of those before it, whose own is the last.
const PERSON_FIRST: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
const PERSON_SECOND: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];
const ORGANIZATION: [u32; 9] = [3, 2, 7, 6, 5, 4, 3, 2, 1];

/// True when nine digits are an organisation number. Altinn does not check this, so that it finds a mistyped one only in the register.
pub fn organization_control_digit_fits(nine: &str) -> bool {
    all_digits(nine, 9) && fits(nine.as_bytes(), &ORGANIZATION)
}

/// True when eleven digits end in the two control digits of a national identity number. D-numbers and synthetic numbers have them too; the date is not checked.
pub(super) fn person_control_digits_fit(eleven: &str) -> bool {
    let bytes = eleven.as_bytes();
    all_digits(eleven, 11) && fits(bytes, &PERSON_FIRST) && fits(bytes, &PERSON_SECOND)
}

/// True when eleven digits are a Norwegian account number.
pub fn account_control_digit_fits(eleven: &str) -> bool {
    // Account numbers use the weights of a person's second control digit.
    all_digits(eleven, 11) && fits(eleven.as_bytes(), &PERSON_SECOND)
}

fn all_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True when the weighted sum is a multiple of 11. For some numbers no control digit makes it one: they do not exist.
fn fits(digits: &[u8], weights: &[u32]) -> bool {
    let weighted = digits.iter().zip(weights);
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    sum.is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_numbers_have_two_control_digits() {
        for number in [
            "07827199405",
            "26818099001",
            "08900499559",
            "13876698239",
            "10108000398",
            "04825999731",
            "00000000000",
        ] {
            assert!(person_control_digits_fit(number), "{number}");
        }
        for number in [
            "13076800124",
            "12345678901",
            "01019912345",
            "26818099002",
            "0782719940",
            "078271994050",
            "0782719940a",
            "",
        ] {
            assert!(!person_control_digits_fit(number), "{number}");
        }
    }

    #[test]
    fn account_numbers_have_one_control_digit() {
        assert!(account_control_digit_fits("12345678903"));
        for number in ["12345678904", "1234567890", "123456789030", "1234567890x"] {
            assert!(!account_control_digit_fits(number), "{number}");
        }
    }

    #[test]
    fn organisation_numbers_have_one_control_digit() {
        for number in ["991825827", "310244007", "910753614"] {
            assert!(organization_control_digit_fits(number), "{number}");
        }
        for number in [
            "991825828",
            "919825827",
            "99182582",
            "9918258270",
            "99182582x",
        ] {
            assert!(!organization_control_digit_fits(number), "{number}");
        }
    }
}
