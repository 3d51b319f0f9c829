//! Why a letter did not get there, in the words the journal keeps.

use crate::altinn::Refusal;
use crate::journal::Reason;
use crate::maskinporten::TokenError;

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
            message: error.to_string(),
            ..Self::default()
        }
    }
}
