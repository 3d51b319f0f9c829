//! What an answer means: one table from status, error code and transport error to what happens next.

use crate::altinn::{Refusal, TransportError};

/// What happens to a letter after an answer, or the lack of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The key has been used: the letter is there (409 with code 1034).
    AlreadySent,
    /// The recipient has reserved against digital mail (code 1030): the letter needs paper.
    Reserved,
    /// This letter is refused for good.
    Rejected,
    /// Worth another try with the same key.
    Retry {
        /// Whether the request may have taken effect all the same.
        uncertain: bool,
    },
    /// The token is not accepted: get a new one, then try once more.
    RefreshToken,
    /// Every other letter would be refused as well.
    Stop,
}

/// Judges a refusal: by Altinn's error code where there is one, else by the status.
pub fn judge(refusal: &Refusal) -> Verdict {
    match refusal.code {
        Some(code) => by_code(refusal.status, code),
        None => by_status(refusal.status),
    }
}

/// Judges a lost or unreadable answer: always worth another try, and harmless thanks to the key.
pub(super) fn judge_transport(error: &TransportError) -> Verdict {
    Verdict::Retry {
        uncertain: error.may_have_arrived(),
    }
}

fn by_code(status: u16, code: u32) -> Verdict {
    match code {
        1034 => Verdict::AlreadySent,
        1030 => Verdict::Reserved,
        // Missing rights come as 401: a fresh token tells whether it was the token.
        4001 | 4006 => Verdict::RefreshToken,
        // The register of reservations, storage or the registry did not answer; uploads that were too slow.
        1032 | 2000 | 2002 | 2009 | 2022 => Verdict::Retry { uncertain: false },
        // The resource, the caller, the shared attachments or the shape of the mailing: the same for every row.
        1007
        | 1016..=1019
        | 1036
        | 1045
        | 1047
        | 1051
        | 1055
        | 1060
        | 1061
        | 1068
        | 2001
        | 2003
        | 2014
        | 3001
        | 3017
        | 3023
        | 4002
        | 4009
        | 4010 => Verdict::Stop,
        // An unknown code of a failing server.
        _ if status >= 500 => Verdict::Retry { uncertain: true },
        _ => Verdict::Rejected,
    }
}

fn by_status(status: u16) -> Verdict {
    match status {
        // Missing or expired token; missing scope.
        401 | 403 => Verdict::RefreshToken,
        // Wrong address, method, media type, or a service that is not for us: the program's or the manifest's fault.
        300..=399 | 404 | 405 | 406 | 415 | 451 => Verdict::Stop,
        408 | 425 | 429 | 503 => Verdict::Retry { uncertain: false },
        // Without its code a 409 is a gateway's; whether a letter is behind it is not known.
        409 | 500..=599 => Verdict::Retry { uncertain: true },
        400..=499 => Verdict::Rejected,
        _ => Verdict::Retry { uncertain: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: Option<u32>) -> Refusal {
        Refusal {
            status,
            code,
            ..Refusal::default()
        }
    }

    #[test]
    fn codes_are_judged_before_statuses() {
        let table: &[(u16, u32, Verdict)] = &[
            (409, 1034, Verdict::AlreadySent),
            (422, 1030, Verdict::Reserved),
            (401, 4001, Verdict::RefreshToken),
            (500, 1032, Verdict::Retry { uncertain: false }),
            (502, 2002, Verdict::Retry { uncertain: false }),
            (408, 2022, Verdict::Retry { uncertain: false }),
            (404, 1029, Verdict::Rejected),
            (404, 1054, Verdict::Rejected),
            (404, 3001, Verdict::Stop),
            (400, 1002, Verdict::Rejected),
            (400, 1018, Verdict::Stop),
            (400, 1036, Verdict::Stop),
            (400, 1044, Verdict::Rejected),
            (451, 2014, Verdict::Stop),
            (400, 9999, Verdict::Rejected),
            (500, 9999, Verdict::Retry { uncertain: true }),
        ];
        for (status, code, verdict) in table {
            assert_eq!(
                judge(&refusal(*status, Some(*code))),
                *verdict,
                "{status}/{code}"
            );
        }
    }

    #[test]
    fn bare_statuses_are_judged_by_what_they_can_mean() {
        for status in 100..=999 {
            let verdict = judge(&refusal(status, None));
            let expected = match status {
                401 | 403 => Verdict::RefreshToken,
                300..=399 | 404 | 405 | 406 | 415 | 451 => Verdict::Stop,
                408 | 425 | 429 | 503 => Verdict::Retry { uncertain: false },
                409 => Verdict::Retry { uncertain: true },
                400..=499 => Verdict::Rejected,
                _ => Verdict::Retry { uncertain: true },
            };
            assert_eq!(verdict, expected, "{status}");
        }
    }
}
