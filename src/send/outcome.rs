//! What the end of an exchange says of a letter, and of all the others.

use uuid::Uuid;

use super::attempt::End;
use super::lookup::Lookup;
use super::verdict::Verdict;
use crate::altinn::{Initialized, Refusal};
use crate::journal::{Outcome, Reason, State};
use crate::maskinporten::TokenError;
use crate::plan::Delivery;

/// What Altinn says of attachments that it has not, or not for long: what we have uploaded is to be uploaded anew.
const LOST_ATTACHMENTS: [u32; 4] = [1007, 1017, 1018, EXPIRES_SOON];
const EXPIRES_SOON: u32 = 1055;

/// What came of it.
pub(super) enum StepResult {
    Ended(Box<DeliveryEnd>),
    /// The run was stopped before it left.
    NotStarted,
    /// There was nothing to send.
    NoLetter,
}

/// How a letter ended.
#[derive(Debug)]
pub(super) struct DeliveryEnd {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) state: State,
    pub(super) outcome: Outcome,
    /// Why every other letter would end the same way.
    pub(super) fatal: Option<Fatal>,
    /// What is needed to look the letter up again, when its end is not known.
    pub(super) unsettled: Option<Lookup>,
}

/// Why a run cannot go on.
#[derive(Debug)]
pub(super) enum Fatal {
    /// Altinn refuses what all letters have in common.
    Refused(Reason),
    /// Altinn refuses what all letters of one resource have in common, and there are others: the run goes on with those.
    Resource,
    /// Altinn wants to be left alone for a long time.
    Away(Reason),
    /// Altinn is not who it should be: what to do about it.
    Untrusted(Reason, Option<String>),
    /// No token is to be had.
    NoToken(TokenError),
    /// Altinn cannot be reached, and never was in this run.
    Unreachable(Reason),
}

/// What became of a letter, and why the others would fare alike.
pub(super) type Judged = (Outcome, Option<Fatal>);

/// A refusal. After a lost answer it is Altinn's own only when it has a code: keys are looked at before anything that has one.
pub(super) fn refused(refusal: Refusal, verdict: Verdict, uncertain: bool) -> Judged {
    let reason = Reason::from(refusal);
    let fatal = (verdict == Verdict::Stop).then(|| Fatal::Refused(reason.clone()));
    let outcome = match verdict {
        _ if uncertain && reason.code.is_none() => Outcome::Unknown(reason),
        Verdict::Reserved => Outcome::Reserved(reason),
        Verdict::Stop => Outcome::Failed(reason),
        _ => Outcome::Rejected(reason),
    };
    (outcome, fatal)
}

/// What an earlier run may have sent is unknown, whatever has kept it from being sent now.
pub(super) fn in_doubt(outcome: Outcome, doubt: bool) -> Outcome {
    match outcome {
        Outcome::Failed(reason) | Outcome::Rejected(reason) if doubt => Outcome::Unknown(reason),
        outcome => outcome,
    }
}

pub(super) fn not_sent(reason: Reason, uncertain: bool) -> Outcome {
    if uncertain {
        Outcome::Unknown(reason)
    } else {
        Outcome::Failed(reason)
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

/// The uploaded attachments of a letter that Altinn will not have any more, as far as its refusal tells.
pub(super) fn lost_attachments(
    delivery: &Delivery,
    ids: &[Uuid],
    end: &End<Initialized>,
) -> Vec<Uuid> {
    let code = match end {
        End::Refused(refusal, _) => refusal.code,
        _ => None,
    };
    if !code.is_some_and(|code| LOST_ATTACHMENTS.contains(&code)) {
        return Vec::new();
    }
    let expiring = delivery
        .uploads()
        .zip(ids)
        .filter(|(file, _)| file.attachment.expiration_in_days.is_some())
        .map(|(_, id)| *id);
    match expiring.collect::<Vec<_>>() {
        expiring if code == Some(EXPIRES_SOON) && !expiring.is_empty() => expiring,
        _ => ids.to_vec(),
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
