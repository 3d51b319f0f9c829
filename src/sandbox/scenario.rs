//! Scenarios: scripted faults, chosen by endpoint and request number so that every run meets the same ones.

use std::collections::BTreeSet;
use std::time::Duration;

/// The behaviour of a sandbox. The default is `calm`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    /// The faults. The delays of all matching ones add up; of the other actions only the first that matches is carried out.
    pub trouble: Vec<Trouble>,
    /// The limit of the Correspondence API; requests above it are answered with 429 and `Retry-After`. Default: none.
    pub rate: Option<Rate>,
    /// Recipients that no register knows (1029): identifiers or whole URNs.
    pub unknown_recipients: BTreeSet<String>,
    /// Persons reserved against digital mail (1030), besides `08900499559`: identifiers or whole URNs.
    pub reserved_recipients: BTreeSet<String>,
    /// Resources that are not in the registry (1036).
    pub unknown_resources: BTreeSet<String>,
    /// Resources the caller has no rights to (4001).
    pub forbidden_resources: BTreeSet<String>,
    /// File names in which the scan finds malware.
    pub infected_files: BTreeSet<String>,
}

/// A fault: its endpoint, the requests it applies to, and its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub endpoint: Endpoint,
    pub when: When,
    pub action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `POST /token`: a Maskinporten token for a grant.
    Token,
    /// Altinn's exchange of a Maskinporten token for its own.
    Exchange,
    /// `POST /correspondence`: a letter without files of its own.
    Initialize,
    /// `POST /correspondence/upload`: a letter with files of its own.
    InitializeWithFiles,
    /// `GET /correspondence`: the search for letters.
    Find,
    /// `GET /correspondence/{id}`: the status of a letter.
    Overview,
    /// `GET /correspondence/{id}/details`: its history and notifications.
    Details,
    /// `DELETE /correspondence/{id}/purge`: the withdrawal of a letter.
    Purge,
    /// `POST /attachment`: the metadata of a file.
    InitializeAttachment,
    /// `POST /attachment/{id}/upload`: the content of a file.
    Upload,
    /// `GET /attachment/{id}`: the status of a file.
    Attachment,
    /// `DELETE /attachment/{id}`: the deletion of an unused file.
    DeleteAttachment,
}

/// A choice of requests to an endpoint. They are numbered from 1 since the start of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// The first requests, as many as given.
    First(u64),
    /// Every nth request: 10 means the tenth, twentieth, thirtieth; 0 means none.
    Every(u64),
    Nth(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answered by the gateway before Altinn sees the request: with HTML, or with JSON for 429.
    Answer {
        /// The HTTP status, such as 503, 429 or 500.
        status: u16,
        /// The value of `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Refused with one of Altinn's codes, such as 1032.
    Refuse(u16),
    /// Read to its end, then disconnected without an answer; nothing is stored.
    CutBeforeCommit,
    /// Disconnected after the first part of its body; nothing is stored.
    CutMidway,
    /// Carried out, then disconnected without an answer; the letter is stored.
    CutAfterCommit,
    /// Delayed before it is processed.
    Delay(Duration),
    /// Every token issued so far becomes invalid, this request's included.
    ExpireTokens,
}

/// A limit of `requests` in any window of length `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: u32,
    pub period: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario `{0}`; there are `calm`, `busy`, `flaky`, and `strict-rate:120/min`")]
pub struct UnknownScenario(pub String);

impl Scenario {
    /// Parses the name of a scenario: `calm` (no faults), `busy` (slow, with some 503 and 429), `flaky` (lost answers, expired tokens, server errors),
    /// `strict-rate:120/min` (per `s`, `min` or `h`; requests above it get 429).
    pub fn named(name: &str) -> Result<Self, UnknownScenario> {
        let (trouble, rate) = match (name, name.strip_prefix("strict-rate:").and_then(rate)) {
            ("calm", _) => (Vec::new(), None),
            ("busy", _) => (busy(), None),
            ("flaky", _) => (flaky(), None),
            (_, Some(rate)) => (Vec::new(), Some(rate)),
            (_, None) => return Err(UnknownScenario(name.to_owned())),
        };
        Ok(Self {
            trouble,
            rate,
            ..Self::default()
        })
    }
}

impl When {
    pub(super) fn fits(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(count) => number <= count,
            Self::Every(step) => step != 0 && number.is_multiple_of(step),
            Self::Nth(one) => number == one,
        }
    }
}

fn rate(text: &str) -> Option<Rate> {
    let (requests, unit) = text.split_once('/')?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return None,
    };
    let requests = requests.parse().ok().filter(|requests| *requests > 0)?;
    Some(Rate {
        requests,
        period: Duration::from_secs(seconds),
    })
}

/// Makes the same faults for letters with and without files of their own.
fn letters(rules: &[(When, Action)]) -> Vec<Trouble> {
    let endpoints = [Endpoint::Initialize, Endpoint::InitializeWithFiles];
    let at = |endpoint| {
        rules.iter().map(move |&(when, action)| Trouble {
            endpoint,
            when,
            action,
        })
    };
    endpoints.into_iter().flat_map(at).collect()
}

fn busy() -> Vec<Trouble> {
    let answer = |status| Action::Answer {
        status,
        retry_after: Some(1),
    };
    letters(&[
        (When::Always, Action::Delay(Duration::from_millis(80))),
        (When::Every(50), answer(429)),
        (When::Every(20), answer(503)),
    ])
}

fn flaky() -> Vec<Trouble> {
    let failure = Action::Answer {
        status: 500,
        retry_after: None,
    };
    let mut trouble = vec![Trouble {
        endpoint: Endpoint::Initialize,
        when: When::Every(97),
        action: Action::ExpireTokens,
    }];
    trouble.extend(letters(&[
        (When::Always, Action::Delay(Duration::from_millis(20))),
        // The numbers share no factor, so that the faults meet in ever new combinations.
        (When::Every(31), failure),
        (When::Every(19), Action::CutAfterCommit),
        (When::Every(13), Action::CutBeforeCommit),
    ]));
    trouble
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_scenario_has_a_name() {
        assert_eq!(Scenario::named("calm"), Ok(Scenario::default()));
        assert!(!Scenario::named("busy").unwrap().trouble.is_empty());
        assert_eq!(
            Scenario::named("strict-rate:120/min").unwrap().rate,
            Some(Rate {
                requests: 120,
                period: Duration::from_secs(60)
            })
        );
        for wrong in [
            "",
            "Calm",
            "strict-rate:",
            "strict-rate:0/s",
            "strict-rate:5/day",
        ] {
            assert_eq!(
                Scenario::named(wrong),
                Err(UnknownScenario(wrong.to_owned()))
            );
        }
    }

    #[test]
    fn requests_are_counted_from_one() {
        let fitting = |when: When| (1..=6).filter(|n| when.fits(*n)).collect::<Vec<_>>();
        assert_eq!(fitting(When::First(2)), [1, 2]);
        assert_eq!(fitting(When::Every(3)), [3, 6]);
        assert_eq!(fitting(When::Every(0)), [] as [u64; 0]);
        assert_eq!(fitting(When::Nth(4)), [4]);
    }
}
