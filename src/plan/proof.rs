//! Proofs: letters of some rows, sent to a reviewer before the mailing is sent.

use super::key::proof_key;
use super::{Delivery, Digest, Digester, Selection};
use crate::correspondence::{Recipient, ReferenceType};

/// The plan that proofs belong to, and their recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    recipient: Recipient,
    /// The digest of plan and recipient. Proofs of another plan, or to another reviewer, are other letters.
    id: Digest,
}

/// The parts that proofs leave out because they would reach others than the reviewer: the number of letters that have them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Withheld {
    pub custom_recipients: u64,
    /// Letters with references to a dialog of their recipient.
    pub dialogs: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Proving {
    pub(super) proof: Proof,
    /// The rows to be proven; all of them become letters.
    pub(super) rows: Selection,
}

impl Proof {
    pub(crate) fn new(plan: Digest, recipient: Recipient) -> Self {
        let mut id = Digester::default();
        id.part(&plan.0).part(recipient.urn().as_bytes());
        Self {
            id: id.finish(),
            recipient,
        }
    }

    pub(crate) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// A short name for files: 12 hexadecimal digits that do not identify the reviewer.
    pub(crate) fn label(&self) -> String {
        format!("{:012x}", self.id.short() >> 16)
    }

    /// Turns a letter into its own proof: with the reviewer as recipient, another key, and nothing that reaches others. The rest stays, byte for byte.
    pub(super) fn redirect(&self, mailing: &str, delivery: &mut Delivery) -> Withheld {
        let key = proof_key(delivery.resource(), mailing, self.id, &delivery.name);
        delivery.key = key;
        delivery.recipient = self.recipient.clone();
        let request = &mut delivery.request;
        request.idempotent_key = Some(key);
        request.recipients = vec![self.recipient.urn()];
        // Custom recipients would be notified about a letter that is not theirs.
        let mut withheld = Withheld::default();
        if let Some(notification) = &mut request.correspondence.notification {
            let has_list = !std::mem::take(&mut notification.custom_recipients).is_empty();
            let has_single = notification.custom_recipient.take().is_some();
            withheld.custom_recipients = u64::from(has_list || has_single);
        }
        let references = &mut request.correspondence.external_references;
        let all = references.len();
        // Altinn accepts a letter in a dialog only to the dialog's own party (1046).
        let is_dialogs = |kind: ReferenceType| {
            kind == ReferenceType::DialogportenDialogId
                || kind == ReferenceType::DialogportenTransmissionType
        };
        references.retain(|reference| !reference.reference_type.is_some_and(is_dialogs));
        withheld.dialogs = u64::from(references.len() < all);
        withheld
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::correspondence::Request;
    use crate::plan::delivery_key;

    const PERSON: &str = "07827199405";

    fn proof() -> Proof {
        Proof::new(Digest::sha256(b"plan"), Recipient::parse(PERSON).unwrap())
    }

    /// The letter of a row, with more than it needs.
    fn letter(more: &Value) -> Delivery {
        let mut request = json!({
            "correspondence": {
                "resourceId": "r", "sendersReference": "b",
                "content": { "messageTitle": "Hello", "messageBody": "Dear Ane" },
                "dueDateTime": "2026-12-15T12:00:00+01:00",
                "replyOptions": [{ "linkURL": "https://example.no" }],
            },
            "recipients": ["urn:altinn:organization:identifier-no:991825827"],
        });
        for (member, value) in more.as_object().unwrap() {
            request["correspondence"][member] = value.clone();
        }
        let request: Request = serde_json::from_value(request).unwrap();
        let key = delivery_key("r", "m", "k");
        Delivery {
            row: 7,
            line: 8,
            name: "k".to_owned(),
            recipient: Recipient::Organization("991825827".to_owned()),
            key,
            request: Request {
                idempotent_key: Some(key),
                ..request
            },
            files: Vec::new(),
            digest: Digest::sha256(b""),
            json: Vec::new().into(),
        }
    }

    #[test]
    fn a_proof_is_its_letter_but_for_recipient_and_key() {
        let letter = letter(&json!({ "propertyList": { "a": "b" } }));
        let mut proven = letter.clone();
        assert_eq!(proof().redirect("m", &mut proven), Withheld::default());
        assert_eq!(proven.recipient.urn(), proven.request.recipients[0]);
        assert!(proven.request.recipients[0].ends_with(PERSON));
        assert_eq!(Some(proven.key), proven.request.idempotent_key);
        assert_ne!(proven.key, letter.key);
        assert_eq!(proven.request.correspondence, letter.request.correspondence);
        assert_eq!((proven.row, proven.line, &*proven.name), (7, 8, "k"));
    }

    #[test]
    fn what_reaches_others_is_left_out_and_nothing_else() {
        let custom = json!({ "emailAddress": "ane@example.no" });
        let texts = json!({ "emailSubject": "a", "emailBody": "b", "sendReminder": true });
        for member in ["customRecipient", "customRecipients"] {
            let mut told = texts.clone();
            told[member] = match member {
                "customRecipients" => json!([custom]),
                _ => custom.clone(),
            };
            let mut proven = letter(&json!({ "notification": told }));
            let withheld = proof().redirect("m", &mut proven);
            assert_eq!((withheld.custom_recipients, withheld.dialogs), (1, 0));
            let told = serde_json::to_value(&proven.request.correspondence.notification);
            assert_eq!(told.unwrap(), texts, "{member}");
        }
        let reference = |kind: &str| json!({ "referenceType": kind, "referenceValue": "1" });
        let kept = ["Generic", "AltinnAppInstance", "DialogportenProcessId"].map(reference);
        let left = ["DialogportenDialogId", "DialogportenTransmissionType"].map(reference);
        let all = [&kept[..], &left].concat();
        let mut proven = letter(&json!({ "externalReferences": all }));
        let withheld = proof().redirect("m", &mut proven);
        assert_eq!((withheld.custom_recipients, withheld.dialogs), (0, 1));
        let references = serde_json::to_value(&proven.request.correspondence.external_references);
        assert_eq!(references.unwrap(), json!(kept));
    }

    #[test]
    fn proofs_of_another_plan_and_to_somebody_else_are_others() {
        let plan = Digest::sha256(b"plan");
        let to = |text: &str| Recipient::parse(text).unwrap();
        let others = [
            Proof::new(Digest::sha256(b"other"), to(PERSON)),
            Proof::new(plan, to("991825827")),
        ];
        let key = |proof: &Proof| {
            let mut letter = letter(&json!({}));
            proof.redirect("m", &mut letter);
            letter.key
        };
        for other in &others {
            assert_ne!(other.label(), proof().label());
            assert_ne!(key(other), key(&proof()));
        }
        assert_eq!(key(&Proof::new(plan, to(PERSON))), key(&proof()));
        assert_eq!(proof().label().len(), 12);
    }
}
