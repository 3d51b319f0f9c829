//! Proofs: letters of some rows to somebody who looks at them before the mailing is sent.

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::key::proof_key;
use super::pass::letter_digest;
use super::report_builder::ReportBuilder;
use super::scratch::Scratch;
use super::{CheckReport, Delivery, Digest, Digester, InputChanged, Mailing, Planned, Selection};
use crate::correspondence::{Moment, Recipient, ReferenceType};
use crate::diagnostic::{Code, Problem, Problems};
use crate::recipients::Row;

/// Of which plan proofs are, and who gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    recipient: Recipient,
    id: Digest,
}

/// Proofs that have been rendered and checked.
#[derive(Debug, Clone)]
pub struct Proofs {
    /// The proofs, as a mailing of their own: the other rows of the file are none of its business.
    pub checked: CheckReport,
    /// What they do not have of their letters.
    pub withheld: Withheld,
    /// When the last of them can be read, if that is not at once.
    pub published: Option<Moment>,
}

/// What proofs do not have of their letters, because it reaches others than who looks at them: in how many it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Notifications with custom recipients.
    pub custom_recipients: u64,
    /// References to a dialog with the letter's recipient.
    pub dialogs: u64,
}

/// Which rows of a mailing are proven.
#[derive(Debug)]
pub(super) struct Proving {
    pub(super) proof: Proof,
    /// All of them become letters.
    pub(super) rows: Selection,
}

impl Proof {
    /// The proofs of a plan to somebody.
    pub fn new(plan: Digest, recipient: Recipient) -> Self {
        let mut id = Digester::default();
        id.part(&plan.0).part(recipient.urn().as_bytes());
        Self {
            id: id.finish(),
            recipient,
        }
    }

    /// Who gets them.
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// A short name for files. It does not say who gets them.
    pub fn label(&self) -> String {
        format!("{:012x}", self.id.short() >> 16)
    }

    /// Makes a letter its own proof: another recipient, another key, and nothing that reaches anybody else. The rest stays, byte for byte.
    fn redirect(&self, mailing: &str, delivery: &mut Delivery) -> Withheld {
        let key = proof_key(delivery.resource(), mailing, self.id, &delivery.name);
        delivery.key = key;
        delivery.recipient = self.recipient.clone();
        let request = &mut delivery.request;
        request.idempotent_key = Some(key);
        request.recipients = vec![self.recipient.urn()];
        let mut withheld = Withheld::default();
        if let Some(told) = &mut request.correspondence.notification {
            let some = !std::mem::take(&mut told.custom_recipients).is_empty();
            let one = told.custom_recipient.take().is_some();
            withheld.custom_recipients = u64::from(some || one);
        }
        let references = &mut request.correspondence.external_references;
        let all = references.len();
        // A letter in a dialog goes to the dialog's party, and to nobody else (1046).
        references.retain(|reference| {
            !matches!(
                reference.reference_type,
                ReferenceType::DialogportenDialogId | ReferenceType::DialogportenTransmissionType
            )
        });
        withheld.dialogs = u64::from(references.len() < all);
        withheld
    }
}

impl Mailing {
    /// The same mailing, as if it had been sent first at another time. It has to be checked anew.
    pub fn begun_at(self, began: Timestamp) -> Result<Self, Problems> {
        let setting = super::MailingOptions {
            began,
            ..self.setting
        };
        let threads = self.threads;
        Ok(Self::open(self.loaded, setting)?.with_threads(threads))
    }

    /// Makes a checked mailing one of proofs: from now on its letters are those of these rows, and go to who looks at them. `now` is what dates are compared with.
    ///
    /// # Errors
    ///
    /// When the rows are not what was checked, and when a proof breaks a rule that its letter does not break.
    pub fn prove(
        &mut self,
        checked: &CheckReport,
        proof: Proof,
        wanted: &Selection,
        now: Timestamp,
    ) -> Result<Proofs, Problems> {
        let mut rows = self.open_rows()?;
        let mut report = ReportBuilder::new(Problems::new());
        let mut proofs = Proofs::none(checked);
        let mut proven = Selection::from_rows([]);
        let (mut row, mut scratch) = (Row::default(), Scratch::default());
        for expected in &checked.fingerprints {
            match rows.read(&mut row) {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return Err(self.drifted(&row)),
            }
            if !expected.is_letter() || !wanted.contains(row.number) {
                let nothing = Fingerprint::from_planned(&Planned::LeftOut);
                proofs.checked.fingerprints.push(nothing);
                continue;
            }
            let mut planned = self.plan_row(&row, &mut scratch);
            if Fingerprint::from_planned(&planned) != *expected {
                return Err(self.drifted(&row));
            }
            if let Planned::Delivery(delivery) = &mut planned {
                let withheld = self.redirect(&proof, delivery, &mut scratch.json);
                let findings = self.check_delivery(delivery, now, &scratch.attached);
                self.gather_findings(findings, &row, &mut report);
                proofs.see(delivery, withheld);
            }
            proofs
                .checked
                .fingerprints
                .push(Fingerprint::from_planned(&planned));
            proven.push(row.number);
        }
        // What is worth knowing of the letters has been told with them.
        let problems: Vec<_> = std::mem::take(&mut report.checked.problems)
            .into_iter()
            .filter(Problem::is_error)
            .map(of_a_proof)
            .collect();
        if !problems.is_empty() {
            return Err(problems.into_iter().collect());
        }
        self.proving = Some(Proving {
            proof,
            rows: proven,
        });
        Ok(proofs)
    }

    /// Makes a letter a proof.
    pub(super) fn redirect(
        &self,
        proof: &Proof,
        delivery: &mut Delivery,
        json: &mut Vec<u8>,
    ) -> Withheld {
        let withheld = proof.redirect(&self.loaded.manifest.mailing, delivery);
        delivery.digest = letter_digest(&delivery.request, &delivery.files, json);
        withheld
    }

    fn drifted(&self, row: &Row) -> Problems {
        let drifted = InputChanged {
            row: row.number,
            line: row.line,
        };
        Problem::error(self.row_place(row, Vec::new()), drifted.to_string())
            .with_hint("leave the mailing's files alone until it has been sent; then run the same command again")
            .into()
    }
}

impl Proofs {
    fn none(checked: &CheckReport) -> Self {
        let checked = CheckReport {
            problems: Problems::new(),
            rows: 0,
            letters: 0,
            skipped: 0,
            plan: checked.plan,
            now: checked.now,
            inputs: checked.inputs.clone(),
            shared: Vec::new(),
            fingerprints: Vec::with_capacity(checked.fingerprints.len()),
        };
        Self {
            checked,
            withheld: Withheld::default(),
            published: None,
        }
    }

    fn see(&mut self, delivery: &Delivery, withheld: Withheld) {
        let checked = &mut self.checked;
        if checked.letters == 0 {
            checked.shared = delivery.uploads().cloned().collect();
        }
        checked.rows += 1;
        checked.letters += 1;
        self.withheld.custom_recipients += withheld.custom_recipients;
        self.withheld.dialogs += withheld.dialogs;
        let published = delivery.request.correspondence.requested_publish_time;
        let last = [self.published, published].into_iter().flatten();
        self.published = last.max_by_key(|at| at.timestamp());
    }
}

/// What a proof cannot be though its letter can.
fn of_a_proof(problem: Problem) -> Problem {
    if problem.code != Some(Code::Altinn(3022)) {
        return problem;
    }
    Problem {
        message: "a proof leaves the custom recipients out, and nobody else is to be notified".to_owned(),
        ..problem
    }
    .with_hint("prove rows whose letters notify their recipients too, with --rows; or look at the letters with `massebrev render MANIFEST --html FILE`")
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
