//! Rules about recipients: one for a key (1047), none twice (1006), no impossible organisation number (1029).

use std::collections::HashSet;

use super::super::identifier::{Recipient, organization_control_digit_fits};
use super::finding::Findings;
use crate::correspondence::Request;

/// 1047: an idempotency key goes with exactly one recipient.
pub(super) fn single_for_key(request: &Request, list: &mut Findings) {
    if request.idempotent_key.is_some() && request.recipients.len() > 1 {
        list.error(1047, "idempotentKey")
            .cause(format!("{} recipients", request.recipients.len()))
            .hint("send one request for each recipient");
    }
}

/// 1006: no recipient twice, in any spelling.
pub(super) fn no_duplicates(request: &Request, list: &mut Findings) {
    if request.recipients.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    for (index, text) in request.recipients.iter().enumerate() {
        // Compared after normalisation, as Altinn does: `0192:…` and the URN are one. Invalid ones are model validation's.
        let Ok(recipient) = Recipient::from_api(text) else {
            continue;
        };
        let masked = recipient.masked();
        if !seen.insert(recipient) {
            list.error(1006, format_args!("recipients[{index}]"))
                .message("the same recipient is there twice")
                .value(&masked)
                .hint("remove one of the two");
        }
    }
}

/// 1029, as a warning: Altinn accepts any nine digits and looks them up in the register only later.
pub(super) fn organization_control_digits(request: &Request, list: &mut Findings) {
    for (index, text) in request.recipients.iter().enumerate() {
        let Ok(Recipient::Organization(number)) = Recipient::borrowed(text) else {
            continue;
        };
        // A typing error is likelier than an unused number, but only the register knows.
        if !organization_control_digit_fits(number) {
            let message = "the control digit of the organisation number does not fit";
            list.warning(1029, format_args!("recipients[{index}]"), message)
                .value(number)
                .hint("a digit is wrong or two have changed places: look it up again");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{found, letter, now};
    use super::super::{Context, check};

    #[test]
    fn recipients_are_held_to_altinns_rules() {
        for (recipients, expected) in [
            (json!(["0192:991825827"]), &[][..]),
            (json!(["07827199405"]), &[]),
            (json!(["urn:altinn:person:idporten-email:a@b"]), &[]),
            (json!([]), &["error STD-00000 recipients"]),
            (json!([""]), &["error STD-00000 recipients[0]"]),
            (json!(["991825827"]), &["error STD-00000 recipients[0]"]),
            (json!(["07827199406"]), &["error STD-00000 recipients[0]"]),
            (json!(["0192:991825828"]), &["warning 1029 recipients[0]"]),
            (
                json!(["0192:991825827", "07827199405"]),
                &["error 1047 idempotentKey"],
            ),
        ] {
            let changes = json!({ "recipients": recipients });
            assert_eq!(found(changes.clone()), expected, "{changes}");
        }
    }

    #[test]
    fn the_same_recipient_is_known_in_other_spellings() {
        let twice = |first: &str, second: &str| {
            found(json!({ "recipients": [first, second], "idempotentKey": null }))
        };
        let refused = ["error 1006 recipients[1]"];
        let urn = "urn:altinn:organization:identifier-no:991825827";
        assert_eq!(twice("0192:991825827", urn), refused);
        let (upper, lower) = (
            "urn:altinn:person:idporten-email:A@B.no",
            "urn:altinn:person:idporten-email:a@b.no",
        );
        assert_eq!(twice(upper, lower), refused);
        assert_eq!(twice("0192:991825827", "07827199405"), [""; 0]);
        // Two that are no recipients are not also the same.
        assert_eq!(twice("", "").len(), 2);
    }

    #[test]
    fn there_are_at_most_five_hundred() {
        let many = |count: u32| -> Value {
            let recipients: Vec<_> = (0..count)
                .map(|number| format!("urn:altinn:person:idporten-email:{number}@example.no"))
                .collect();
            json!({ "recipients": recipients, "idempotentKey": null })
        };
        assert_eq!(found(many(500)), [""; 0]);
        assert_eq!(found(many(501)), ["error STD-00000 recipients"]);
    }

    #[test]
    fn the_cause_hides_persons_and_the_hint_names_the_lost_zero() {
        let request = letter(json!({ "recipients": ["7827199405"] }));
        let found = check(&request, &Context::new(now(), true));
        assert_eq!(
            found[0].message,
            "the identity number has lost its leading zero"
        );
        assert_eq!(found[0].cause.as_deref(), Some("`78271*****`"));
        assert!(found[0].hint.as_ref().unwrap().contains("078271*****"));
    }
}
