//! The table from status and error code to the next step of a letter. Transport errors are always tried again.

use crate::altinn::Refusal;

/// The next step of a letter after an answer, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The key has been used (409 with code 1034): Altinn has a letter under it.
    AlreadySent,
    /// The recipient has opted out of digital mail (code 1030): the letter needs paper.
    Reserved,
    /// Altinn refuses this letter, and would again.
    Rejected,
    /// Another try with the same key may succeed.
    Retry {
        /// True when the request may have taken effect nevertheless.
        uncertain: bool,
    },
    /// The token is not accepted: a new one is fetched and the request tried once more.
    RefreshToken,
    /// Every other letter would be refused as well, so the run stops.
    Stop,
}

/// The verdict on a refusal: by Altinn's error code when present, else by the HTTP status.
pub(crate) fn judge_refusal(refusal: &Refusal) -> Verdict {
    match refusal.code {
        Some(code) => by_code(refusal.status, code),
        None => by_status(refusal.status),
    }
}

/// Altinn's codes against the resource, the caller, the shared attachments or the shape of the mailing: the same for every row.
const OF_ALL_LETTERS: [u32; 23] = [
    1007, 1016, 1017, 1018, 1019, 1036, 1045, 1047, 1051, 1055, 1060, 1061, 1068, 2001, 2003, 2014,
    3001, 3015, 3017, 3023, 4002, 4009, 4010,
];

fn by_code(status: u16, code: u32) -> Verdict {
    match code {
        1034 => Verdict::AlreadySent,
        1030 => Verdict::Reserved,
        // Altinn reports missing rights as 401 too. Only a refusal of a fresh token shows that it is not the token.
        4001 | 4006 => Verdict::RefreshToken,
        // A service behind Altinn (contact register, storage, business register) did not answer, or an upload was too slow. Nothing was stored.
        1032 | 2000 | 2002 | 2009 | 2022 => Verdict::Retry { uncertain: false },
        _ if OF_ALL_LETTERS.contains(&code) => Verdict::Stop,
        // Unlisted codes: most 4xx concern this letter; these statuses are judged as if there were no code.
        _ => match status {
            401 | 403 | 408 | 425 | 429 | 500.. => by_status(status),
            _ => Verdict::Rejected,
        },
    }
}

fn by_status(status: u16) -> Verdict {
    match status {
        // Missing or expired token; missing scope.
        401 | 403 => Verdict::RefreshToken,
        // Wrong address, method, media type, proxy, or a service without access: caused by the program or the manifest, so the same for every letter.
        300..=399 | 402 | 404 | 405 | 406 | 407 | 410 | 415 | 451 => Verdict::Stop,
        // The server answers these before it processes the request.
        425 | 429 => Verdict::Retry { uncertain: false },
        // A gateway gave up waiting, or lost its server: the request may have been processed. A 409 without Altinn's code comes from a gateway
        // too.
        408 | 409 | 421 | 500..=599 => Verdict::Retry { uncertain: true },
        400..=499 => Verdict::Rejected,
        _ => Verdict::Retry { uncertain: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::altinn::{TransportError, TransportKind};
    use crate::correspondence::codes;
    use crate::http::reply::Reply;

    const AGAIN: Verdict = Verdict::Retry { uncertain: false };
    const MAYBE: Verdict = Verdict::Retry { uncertain: true };

    /// Every code Altinn has, once, under what it means for a letter and why.
    const JUDGED: &[(Verdict, &[u32])] = &[
        (Verdict::AlreadySent, &[1034]),
        (Verdict::Reserved, &[1030]),
        // No rights: with another token there may be.
        (Verdict::RefreshToken, &[4001, 4006]),
        // Something behind Altinn did not answer; nothing has been stored.
        (AGAIN, &[1032, 2000, 2002, 2009, 2022]),
        // Ordering notifications failed; whether the letter was stored before that is not told.
        (MAYBE, &[3026, 3028]),
        // Files that all letters share: missing, another's, unpublished, about to expire, linked.
        (Verdict::Stop, &[1007, 1017, 1018, 1055, 2001, 2003]),
        // The resource or the caller.
        (
            Verdict::Stop,
            &[1036, 1060, 1061, 1068, 2014, 4002, 4009, 4010],
        ),
        // The shape of the letter, which the manifest gives to all of them.
        (
            Verdict::Stop,
            &[1016, 1019, 1045, 1047, 1051, 3001, 3015, 3017, 3023],
        ),
        // The recipient.
        (Verdict::Rejected, &[1006, 1029, 1044, 1046]),
        // Texts, dates and links that are rendered from the row; ten alike in a row stop the run.
        (
            Verdict::Rejected,
            &[
                1002, 1003, 1004, 1008, 1009, 1020, 1021, 1022, 1023, 1033, 1035, 1037, 1039, 1042,
                1048, 1050, 1052, 1053, 1054,
            ],
        ),
        // Notifications rendered from the row.
        (
            Verdict::Rejected,
            &[
                3002, 3003, 3004, 3005, 3006, 3007, 3011, 3012, 3018, 3019, 3022, 3024, 3025,
            ],
        ),
        // The row's own files.
        (
            Verdict::Rejected,
            &[
                1005, 1038, 1069, 2004, 2005, 2008, 2010, 2011, 2012, 2013, 2017, 2021,
            ],
        ),
        // Not said to who sends; should one come all the same, it is about this letter.
        (
            Verdict::Rejected,
            &[
                1001, 1013, 1014, 1015, 1024, 1025, 1026, 1027, 1028, 1031, 1040, 1041, 1043, 1062,
                1063, 1064, 1065, 1066, 1067, 2006, 2007, 2015, 2016, 2018, 2019, 2020, 2023, 3020,
                3021, 3027,
            ],
        ),
    ];

    fn refusal(status: u16, code: Option<u32>) -> Refusal {
        Refusal {
            status,
            code,
            ..Refusal::default()
        }
    }

    #[test]
    fn every_code_altinn_has_is_judged_on_purpose() {
        for code in 0..10_000 {
            let judged: Vec<_> = JUDGED
                .iter()
                .filter(|(_, codes)| codes.contains(&code))
                .collect();
            let known = usize::from(codes::meaning(code).is_some());
            assert_eq!(
                judged.len(),
                known,
                "{code} stands here {} times",
                judged.len()
            );
            if let [(verdict, _)] = judged[..] {
                let status = codes::http_status(u16::try_from(code).unwrap());
                assert_eq!(
                    judge_refusal(&refusal(status, Some(code))),
                    *verdict,
                    "{code}"
                );
            }
        }
    }

    /// A server's answer as it arrives.
    fn said(status: u16, body: &str) -> (Refusal, Verdict) {
        let refusal = Refusal::from_reply(&Reply::with_body(status, body));
        let verdict = judge_refusal(&refusal);
        assert!(!refusal.message.is_empty(), "{body}");
        (refusal, verdict)
    }

    fn problem(code: u32, status: u16) -> String {
        format!(
            r#"{{"type": "https://tools.ietf.org/html/rfc9110", "title": "No", "status": {status}, "detail": "why", "code": "CORR-{code:05}",
            "traceId": "00-first-00", "errorCode": {code}, "traceId": "00-second-00"}}"#
        )
    }

    #[test]
    fn altinns_own_words_are_judged_by_their_code_whatever_else_they_hold() {
        for (verdict, codes) in JUDGED {
            for code in *codes {
                let status = codes::http_status(u16::try_from(*code).unwrap());
                let (refusal, judged) = said(status, &problem(*code, status));
                assert_eq!((judged, refusal.code), (*verdict, Some(*code)), "{code}");
                assert!(refusal.trace.is_some(), "a member that is there twice");
                // A byte order mark, the number as text, and no number but the code.
                for (from, to) in [
                    ("{", "\u{feff}{"),
                    (r#""errorCode": "#, r#""errorCode": "0"#),
                ] {
                    let body = problem(*code, status).replacen(from, to, 1);
                    let body = if to.ends_with("\"0") {
                        body.replace(&format!("\"0{code}"), &format!("\"{code}\""))
                    } else {
                        body
                    };
                    assert_eq!(said(status, &body).1, *verdict, "{body}");
                }
                let without = problem(*code, status).replace("errorCode", "other");
                assert_eq!(said(status, &without).1, *verdict, "{without}");
            }
        }
    }

    #[test]
    fn bodies_that_have_no_code_are_judged_by_their_status() {
        let whole = problem(1002, 400);
        let bodies = [
            "",
            "   \n",
            "null",
            "[]",
            "12",
            "{}",
            "<html><head><title>No</title></head></html>",
            "no, sorry",
            r#""Something else""#,
            r#"{"statusCode": 429, "message": "Rate limit is exceeded."}"#,
            r#"{"title": "No", "status": 400, "code": "STD-00000", "errors": {"request": ["The request field is required."], "Empty": []}}"#,
            r#"{"title": "No", "validationErrors": [{"code": "CORR.VLD-00000", "title": "The field is required.", "paths": ["A/B"]}]}"#,
            r#"{"errorCode": null, "code": null, "detail": 7, "traceId": []}"#,
            // It breaks off before its end: what is there is not taken for the whole.
            &whole[..whole.len() - 1],
            &whole[..40],
            "\u{0}\u{1}\u{fffd}",
        ];
        for status in (300..600).filter(|status| *status != 0) {
            let expected = judge_refusal(&refusal(status, None));
            for body in bodies {
                let (refusal, verdict) = said(status, body);
                assert_eq!((verdict, refusal.code), (expected, None), "{status} {body}");
            }
        }
        // The one that Altinn sends without its code.
        let (refusal, verdict) = said(400, r#""Invalid notification template""#);
        assert_eq!((verdict, refusal.code), (Verdict::Stop, Some(3023)));
    }

    #[test]
    fn an_answer_that_is_lost_is_uncertain_when_the_request_had_left() {
        for (kind, uncertain) in [
            (TransportKind::File, false),
            (TransportKind::Connect, false),
            (TransportKind::Timeout, true),
            (TransportKind::Lost, true),
            (TransportKind::Malformed, true),
        ] {
            let error = TransportError::new(kind, "there", None);
            assert_eq!(error.may_have_arrived(), uncertain, "{kind:?}");
        }
    }

    #[test]
    fn codes_are_judged_before_statuses() {
        for status in [200, 400, 401, 404, 409, 429, 500, 503] {
            let verdict = |code| judge_refusal(&refusal(status, Some(code)));
            assert_eq!(verdict(1034), Verdict::AlreadySent, "{status}");
            assert_eq!(verdict(1030), Verdict::Reserved, "{status}");
            assert_eq!(verdict(1036), Verdict::Stop, "{status}");
        }
        // Codes that are new to us go by the side that is at fault.
        for (status, verdict) in [
            (400, Verdict::Rejected),
            (404, Verdict::Rejected),
            (403, Verdict::RefreshToken),
            (429, AGAIN),
            (500, MAYBE),
        ] {
            assert_eq!(
                judge_refusal(&refusal(status, Some(9999))),
                verdict,
                "{status}"
            );
        }
    }

    #[test]
    fn bare_statuses_are_judged_by_what_they_can_mean() {
        for status in 100..=999 {
            let verdict = judge_refusal(&refusal(status, None));
            let expected = match status {
                401 | 403 => Verdict::RefreshToken,
                300..=399 | 402 | 404 | 405 | 406 | 407 | 410 | 415 | 451 => Verdict::Stop,
                425 | 429 => AGAIN,
                408 | 409 | 421 => MAYBE,
                400..=499 => Verdict::Rejected,
                _ => MAYBE,
            };
            assert_eq!(verdict, expected, "{status}");
        }
    }
}
