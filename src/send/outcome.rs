//! The outcome of a letter, from what Altinn says of it.

use uuid::Uuid;

use crate::altinn::Refusal;
use crate::journal::{Outcome, Reason};
use crate::maskinporten::TokenError;

/// No refusal is final while a request whose answer was lost may still take effect: Altinn looks at keys first, but only at those of letters that it has stored.
pub(super) fn in_doubt(outcome: Outcome, doubt: bool) -> Outcome {
    match outcome {
        Outcome::Failed(reason) | Outcome::Rejected(reason) | Outcome::Reserved(reason)
            if doubt =>
        {
            Outcome::Unknown(reason)
        }
        outcome => outcome,
    }
}

/// The key belongs to another letter: this one cannot be sent under it, now or later.
pub(super) fn collision(other: Uuid) -> Outcome {
    Outcome::Rejected(Reason {
        status: Some(409),
        code: Some(1034),
        message: format!(
            "the key belongs to another letter, {other}: another recipient or reference had this mailing and row key"
        ),
        trace: None,
    })
}

/// The outcome of a letter that Altinn has with this status; `sent` unless it will not be delivered.
pub(super) fn by_status(id: Uuid, status: &str, text: Option<&str>, sent: Outcome) -> Outcome {
    let reason = |what: &str| Reason {
        message: format!(
            "{what}; its key is used: {}",
            text.filter(|text| *text != status).unwrap_or(status)
        ),
        ..Reason::default()
    };
    match status {
        "PurgedByAltinn" => Outcome::Withdrawn { id },
        "Reserved" => Outcome::Reserved(reason(
            "Altinn has the letter and will not deliver it, because its recipient has reserved",
        )),
        // The same, as it reads when the publishing has found out.
        "Failed" if text.is_some_and(|text| text.contains("reserved")) => {
            Outcome::Reserved(reason("Altinn has the letter and could not deliver it"))
        }
        "Failed" => Outcome::Failed(reason("Altinn has the letter and could not publish it")),
        _ => sent,
    }
}

pub(super) fn stopped() -> Reason {
    Reason {
        message: "the run was stopped before the request left".to_owned(),
        ..Reason::default()
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        let message = match refusal.errors.as_slice() {
            [] => refusal.message,
            errors => errors.join("; "),
        };
        Self {
            status: Some(refusal.status),
            code: refusal.code,
            message,
            trace: refusal.trace,
        }
    }
}

impl From<&TokenError> for Reason {
    fn from(error: &TokenError) -> Self {
        Self {
            message: error.reason(),
            ..Self::default()
        }
    }
}
