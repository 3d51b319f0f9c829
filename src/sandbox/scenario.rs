//! Scenarios: scripted faults by endpoint and request number.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

/// The person that Altinn's own tests use as reserved against digital mail; reserved in every scenario.
const RESERVED: &str = "08900499559";

/// The behaviour of a sandbox. The default is `calm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The faults. Delays of all matching rules add up; of the others the first that matches is carried out.
    pub trouble: Vec<Trouble>,
    /// The limit of the Correspondence API; requests above it are answered with 429 and `Retry-After`. Default: none.
    pub rate: Option<Rate>,
    /// Recipients that no register knows (1029): identifiers or whole URNs.
    pub unknown_recipients: BTreeSet<String>,
    /// Persons reserved against digital mail (1030): identifiers or whole URNs.
    pub reserved_recipients: BTreeSet<String>,
    /// Resources that are not in the registry (1036).
    pub unknown_resources: BTreeSet<String>,
    /// Resources the caller has no rights to (4001).
    pub forbidden_resources: BTreeSet<String>,
    /// File names in which the scan finds malware.
    pub infected_files: BTreeSet<String>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub endpoint: Endpoint,
    pub when: When,
    pub action: Action,
}

/// The endpoints of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Maskinporten's `POST /token`.
    Token,
    /// Altinn's exchange of a Maskinporten token for its own.
    Exchange,
    /// `POST /correspondence`: a letter.
    Initialize,
    /// `POST /correspondence/upload`: a letter and files of its own.
    InitializeWithFiles,
    /// `GET /correspondence`: the ids of letters that fit.
    Find,
    /// `GET /correspondence/{id}`.
    Overview,
    /// `GET /correspondence/{id}/details`.
    Details,
    /// `DELETE /correspondence/{id}/purge`.
    Purge,
    /// `POST /attachment`.
    InitializeAttachment,
    /// `POST /attachment/{id}/upload`.
    Upload,
    /// `GET /attachment/{id}`.
    Attachment,
    /// `DELETE /attachment/{id}`.
    DeleteAttachment,
}

/// Requests to an endpoint by their number, from 1 since the sandbox started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// The first n.
    First(u64),
    /// Every nth: 10 is the tenth, twentieth, thirtieth. 0 is none.
    Every(u64),
    Nth(u64),
}

/// The fault that a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answered by the gateway, before Altinn has seen it: HTML, or JSON for 429.
    Answer {
        /// The HTTP status, as 503, 429 or 500.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Refused with one of Altinn's own codes, as 1032.
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

/// At most `requests` in any window of `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: u32,
    pub period: Duration,
}

/// A name is not that of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario `{0}`; there are `calm`, `busy`, `flaky`, and `strict-rate:120/min`")]
pub struct UnknownScenario(pub String);

impl Default for Scenario {
    fn default() -> Self {
        Self {
            trouble: Vec::new(),
            rate: None,
            unknown_recipients: BTreeSet::new(),
            reserved_recipients: BTreeSet::from([RESERVED.to_owned()]),
            unknown_resources: BTreeSet::new(),
            forbidden_resources: BTreeSet::new(),
            infected_files: BTreeSet::new(),
        }
    }
}

impl Scenario {
    /// A scenario by its name: `calm` (nothing goes wrong), `busy` (slow, and now and then 503 or 429), `flaky` (answers get lost, tokens expire, the server fails),
    /// `strict-rate:120/min` (per `s`, `min` or `h`; requests above it get 429).
    pub fn named(name: &str) -> Result<Self, UnknownScenario> {
        let unknown = || UnknownScenario(name.to_owned());
        let (trouble, rate) = match name {
            "calm" => (Vec::new(), None),
            "busy" => (busy(), None),
            "flaky" => (flaky(), None),
            _ => {
                let rate = name.strip_prefix("strict-rate:").ok_or_else(unknown)?;
                (Vec::new(), Some(rate.parse().map_err(|()| unknown())?))
            }
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

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (requests, unit) = text.split_once('/').ok_or(())?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(()),
        };
        match requests.parse() {
            Ok(requests @ 1..) => Ok(Self {
                requests,
                period: Duration::from_secs(seconds),
            }),
            _ => Err(()),
        }
    }
}

/// The same fault for letters with and without files of their own.
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
