//! The outcome of a letter from Altinn's answers, and reasons as the journal keeps them.

use uuid::Uuid;

use crate::altinn::Refusal;
use crate::journal::{Outcome, Reason};
use crate::maskinporten::TokenError;

/// Makes a refusal `unknown` while a lost request (`doubt`) may still take effect: Altinn checks the key before anything else, but knows only keys of letters already stored.
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

/// The outcome of a letter whose key belongs to a different letter: it can never be sent under this key.
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

/// The outcome of a letter that Altinn has with this status: `sent`, unless Altinn has recalled it or will not deliver it.
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
        // Altinn has no status for a reservation that it finds while publishing; only the text tells.
        "Failed" if text.is_some_and(|text| text.contains("reserved")) => {
            Outcome::Reserved(reason("Altinn has the letter and could not deliver it"))
        }
        "Failed" => Outcome::Failed(reason("Altinn has the letter and could not publish it")),
        _ => sent,
    }
}

/// The reason of a letter that was not sent because the run was stopped.
pub(super) fn stopped() -> Reason {
    Reason {
        message: "the run was stopped before the request left".to_owned(),
        ..Reason::default()
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        // The single errors are more precise than the title.
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
