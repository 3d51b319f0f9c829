//! Scripted trouble: what goes wrong, at which endpoint, with which requests.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

/// The person whom Altinn's own tests know as reserved against digital mail; reserved in every scenario.
const RESERVED: &str = "08900499559";

/// What the sandbox does beyond working. The default is `calm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What goes wrong. Delays of all rules that fit add up; of the rest the first that fits is carried out.
    pub trouble: Vec<Trouble>,
    /// How many requests the Correspondence API takes; more are answered with 429 and `Retry-After`. Default: any number.
    pub rate: Option<Rate>,
    /// Recipients that no register knows (1029): identifiers or whole URNs.
    pub unknown_recipients: BTreeSet<String>,
    /// Persons reserved against digital mail (1030): identifiers or whole URNs.
    pub reserved_recipients: BTreeSet<String>,
    /// Resources that are not in the registry (1036).
    pub unknown_resources: BTreeSet<String>,
    /// Resources the caller has no rights to (4001).
    pub forbidden_resources: BTreeSet<String>,
    /// Names of files in which the scan finds malware.
    pub infected_files: BTreeSet<String>,
}

/// One rule of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Where.
    pub endpoint: Endpoint,
    /// With which requests to that endpoint.
    pub when: When,
    /// What happens.
    pub action: Action,
}

/// What the sandbox serves.
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

/// Which requests to an endpoint, counted from 1 since the sandbox started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// The first so many.
    First(u64),
    /// Every so many: 10 is the tenth, twentieth, thirtieth. 0 is none.
    Every(u64),
    /// Only this one.
    Nth(u64),
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answered as a gateway does, before Altinn has seen it: HTML, or for 429 JSON.
    Answer {
        /// The HTTP status, as 503, 429 or 500.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Refused with one of Altinn's own codes, as 1032.
    Refuse(u16),
    /// Read to its end, then the connection is closed without an answer; nothing has happened.
    CutBeforeCommit,
    /// The connection is closed when its body has only begun to come; nothing has happened.
    CutMidway,
    /// Carried out, then the connection is closed without an answer; the letter is stored.
    CutAfterCommit,
    /// Held back for so long before it is looked at.
    Delay(Duration),
    /// Every token given out so far becomes invalid, also the one this request bears.
    ExpireTokens,
}

/// So many requests in any such period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub requests: u32,
    /// In how long.
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
    /// The scenario a person names: `calm` (nothing goes wrong), `busy` (slow, and now and then 503 or 429), `flaky` (answers get lost, tokens expire, the server fails),
    /// `strict-rate:120/min` (per `s`, `min` or `h`; what is above is refused with 429).
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
    /// Whether it is the request with this number.
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

/// The same for letters with and without files of their own.
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
