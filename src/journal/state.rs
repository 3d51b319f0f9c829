//! Entries about a row ([`Entry`]), the states of a row ([`State`]), and the state machine ([`transition`]).

use std::fmt;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use uuid::Uuid;

/// SHA-256 of a letter or a file.
pub(crate) type Digest = [u8; 32];

/// The first eight bytes of a digest: sufficient to detect a change.
pub(crate) type DigestHead = [u8; 8];

/// The state of a row and its letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    #[default]
    Pending,
    /// A request may have left, and its outcome is not recorded.
    InFlight,
    Sent,
    /// Altinn already had a letter under the same key.
    AlreadySent,
    /// The recipient has opted out of digital letters, and needs paper.
    Reserved,
    /// Altinn refuses the letter, and would again.
    Rejected,
    /// Not sent; the next run tries again.
    Failed,
    /// May have been sent; the next run asks Altinn.
    Unknown,
    /// Altinn had the letter, and it was recalled before its recipient could read it.
    Withdrawn,
    /// Breaks a rule, and was never sent.
    Invalid,
    /// Excluded by a condition of the mailing, or dropped.
    Skipped,
}

/// An event of a row, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The letter may be sent from now on.
    Started(Start),
    /// The letter has an answer that decides, or was given up.
    Ended(LetterEnd),
    /// A look-up has settled an unknown letter.
    Settled(LetterEnd),
    /// The process died while the letter was in flight. The time is the last at which it is known to have run.
    CutOff(Timestamp),
    /// The correspondence recorded for the row belongs to a different row.
    Disputed,
    /// The recipient is on a paper list given out at this time.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the paper list will write it; the format has room for it"
        )
    )]
    Listed(Timestamp),
    /// A condition of the mailing excludes the row.
    Skipped(Skip),
    /// The text has changed to one with this digest head, and a person has accepted the text that was sent.
    Accepted(DigestHead),
    /// A person has decided that the unsent letter is not to be sent.
    Dropped { reason: String, at: Timestamp },
}

/// A letter about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// The row in the recipients file, from 1.
    pub row: u64,
    /// The line of the CSV file on which the row begins.
    pub line: u64,
    pub name: String,
    pub recipient: String,
    /// The digest of the request's body.
    pub body: Digest,
    pub at: Timestamp,
}

/// The end of a letter in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LetterEnd {
    pub outcome: Outcome,
    /// Number of requests in this run.
    pub attempts: u32,
    pub at: Timestamp,
    /// Time of the last request without an answer, when there was one.
    pub lost_at: Option<Timestamp>,
}

/// A row that a condition of the mailing excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The row in the recipients file, from 1.
    pub row: u64,
    /// The line of the CSV file on which the row begins.
    pub line: u64,
    pub name: String,
    pub reason: String,
    pub at: Timestamp,
}

/// The outcome of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent {
        id: Uuid,
    },
    /// Altinn already had a letter under the same key.
    AlreadySent {
        /// The correspondence, when Altinn has named it.
        id: Option<Uuid>,
    },
    /// Altinn had the letter, and it was recalled.
    Withdrawn {
        id: Uuid,
    },
    Reserved(Reason),
    Rejected(Reason),
    /// Not sent; may be tried again.
    Failed(Reason),
    Unknown(Reason),
}

/// The reason a letter was not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    pub status: Option<u16>,
    pub code: Option<u32>,
    pub message: String,
    /// Altinn's trace id, which its support asks for.
    pub trace: Option<String>,
}

/// The reason why an entry is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IllegalStep {
    /// No transition from this state has this entry.
    Illegal,
    /// The key has been used for a different content, or may have been. Altinn would answer that the letter exists, and keep the first content.
    Drift,
}

/// The state after an entry, for a row in state `from` with this body (`None`: no request has left). All legal transitions are here.
///
/// # Errors
///
/// [`IllegalStep`] when the entry is not legal in this state.
pub(crate) fn transition(
    from: State,
    body: Option<&Digest>,
    entry: &Entry,
) -> Result<State, IllegalStep> {
    use State::{
        AlreadySent, Failed, InFlight, Pending, Rejected, Reserved, Sent, Skipped, Unknown,
        Withdrawn,
    };
    match (from, entry) {
        // First, so that a changed letter is never started while the earlier one may be at Altinn. After a refusal the content may change.
        (InFlight | Unknown | Sent | AlreadySent | Withdrawn, Entry::Started(start))
            if body.is_some_and(|body| *body != start.body) =>
        {
            Err(IllegalStep::Drift)
        }
        // A skipped row may have been excluded in earlier runs only.
        (Pending | Unknown | Failed | Rejected | Reserved | Skipped, Entry::Started(_)) => {
            Ok(InFlight)
        }
        (InFlight, Entry::Ended(end)) => Ok(end.outcome.state()),
        // A look-up that does not decide leaves the row as it is, without an entry.
        (Unknown, Entry::Settled(end)) => match end.outcome.state() {
            Unknown | InFlight | Pending | Skipped => Err(IllegalStep::Illegal),
            found => Ok(found),
        },
        (InFlight, Entry::CutOff(_)) | (Sent | AlreadySent, Entry::Disputed) => Ok(Unknown),
        // A listed row stays reserved; the record notes the list.
        (Reserved, Entry::Listed(_)) => Ok(Reserved),
        (Pending, Entry::Skipped(_)) | (Failed | Rejected | Reserved, Entry::Dropped { .. }) => {
            Ok(Skipped)
        }
        (Unknown | Sent | AlreadySent | Withdrawn, Entry::Accepted(_)) => Ok(from),
        _ => Err(IllegalStep::Illegal),
    }
}

impl State {
    /// All states, in the order of reports.
    pub(crate) const ALL: [Self; 11] = [
        Self::Sent,
        Self::AlreadySent,
        Self::Withdrawn,
        Self::Reserved,
        Self::Rejected,
        Self::Failed,
        Self::Unknown,
        Self::Invalid,
        Self::Skipped,
        Self::InFlight,
        Self::Pending,
    ];

    /// The name shown to users and stored in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in-flight",
            Self::Sent => "sent",
            Self::AlreadySent => "already-sent",
            Self::Reserved => "reserved",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Withdrawn => "withdrawn",
            Self::Invalid => "invalid",
            Self::Skipped => "skipped",
        }
    }

    /// True when Altinn has the letter. The row is then final.
    pub(crate) fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::AlreadySent)
    }

    /// True when the letter was not delivered and is not in doubt: not sent, refused, or reserved.
    pub(crate) fn is_refused(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected | Self::Reserved)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromSql for State {
    fn column_result(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        let named = Self::ALL.into_iter().find(|state| state.name() == text);
        named.ok_or_else(|| FromSqlError::Other(format!("no such name: `{text}`").into()))
    }
}

impl Entry {
    /// The entry's name in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Ended(_) => "ended",
            Self::Settled(_) => "settled",
            Self::CutOff(_) => "cut off",
            Self::Disputed => "disputed",
            Self::Listed(_) => "listed for paper",
            Self::Skipped(_) => "skipped",
            Self::Accepted(_) => "accepted as it was sent",
            Self::Dropped { .. } => "dropped",
        }
    }
}

impl Outcome {
    /// The state of a row whose letter has this outcome.
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Sent { .. } => State::Sent,
            Self::AlreadySent { .. } => State::AlreadySent,
            Self::Withdrawn { .. } => State::Withdrawn,
            Self::Reserved(_) => State::Reserved,
            Self::Rejected(_) => State::Rejected,
            Self::Failed(_) => State::Failed,
            Self::Unknown(_) => State::Unknown,
        }
    }

    /// The correspondence, when known.
    pub(crate) fn id(&self) -> Option<Uuid> {
        match self {
            Self::Sent { id } | Self::Withdrawn { id } => Some(*id),
            Self::AlreadySent { id } => *id,
            _ => None,
        }
    }

    /// The reason why the letter was not sent.
    pub(crate) fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Sent { .. } | Self::AlreadySent { .. } | Self::Withdrawn { .. } => None,
            Self::Reserved(reason)
            | Self::Rejected(reason)
            | Self::Failed(reason)
            | Self::Unknown(reason) => Some(reason),
        }
    }
}

impl Reason {
    /// A reason without an answer.
    pub(crate) fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Reason {
    /// Altinn's code, or else the HTTP status, and the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.status) {
            (Some(code), _) => write!(f, "{code} {}", self.message),
            // Proxies often begin their page with the status.
            (None, Some(status)) if self.message.starts_with(&status.to_string()) => {
                write!(f, "HTTP {}", self.message)
            }
            (None, Some(status)) => write!(f, "HTTP {status} {}", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;
    use rusqlite::types::{FromSql as _, ValueRef};
    use uuid::Uuid;

    use super::{
        Digest, Entry, IllegalStep, LetterEnd, Outcome, Reason, Skip, Start, State, transition,
    };

    const BODY: Digest = [7; 32];

    #[test]
    fn the_status_is_told_once() {
        for (message, told) in [
            ("502 Bad Gateway", "HTTP 502 Bad Gateway"),
            ("Bad Gateway", "HTTP 502 Bad Gateway"),
        ] {
            let reason = Reason {
                status: Some(502),
                ..Reason::because(message)
            };
            assert_eq!(reason.to_string(), told);
        }
    }

    fn started(body: Digest) -> Entry {
        Entry::Started(Start {
            row: 1,
            line: 2,
            name: "2026/1".into(),
            recipient: "991825827".into(),
            body,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn outcomes() -> [Outcome; 7] {
        [
            Outcome::Sent { id: Uuid::nil() },
            Outcome::Withdrawn { id: Uuid::nil() },
            Outcome::AlreadySent { id: None },
            Outcome::Reserved(Reason::default()),
            Outcome::Rejected(Reason::default()),
            Outcome::Failed(Reason::default()),
            Outcome::Unknown(Reason::default()),
        ]
    }

    fn end(outcome: Outcome) -> LetterEnd {
        LetterEnd {
            outcome,
            attempts: 1,
            at: Timestamp::UNIX_EPOCH,
            lost_at: None,
        }
    }

    /// Every entry there is, by what it is and leads to.
    fn entries() -> Vec<(String, Entry)> {
        let skip = Skip {
            row: 1,
            line: 2,
            name: String::new(),
            reason: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let mut all = vec![
            ("started".to_owned(), started(BODY)),
            ("cut off".to_owned(), Entry::CutOff(Timestamp::UNIX_EPOCH)),
            ("disputed".to_owned(), Entry::Disputed),
            ("listed".to_owned(), Entry::Listed(Timestamp::UNIX_EPOCH)),
            ("skipped".to_owned(), Entry::Skipped(skip)),
            ("accepted".to_owned(), Entry::Accepted([8; 8])),
            (
                "dropped".to_owned(),
                Entry::Dropped {
                    reason: String::new(),
                    at: Timestamp::UNIX_EPOCH,
                },
            ),
        ];
        for outcome in outcomes() {
            let state = outcome.state();
            all.push((format!("ended {state}"), Entry::Ended(end(outcome.clone()))));
            all.push((format!("settled {state}"), Entry::Settled(end(outcome))));
        }
        all
    }

    #[test]
    fn exactly_the_legal_steps_are_legal() {
        let mut legal: BTreeMap<(State, String), State> = BTreeMap::new();
        for from in [
            State::Pending,
            State::Unknown,
            State::Failed,
            State::Rejected,
            State::Reserved,
            State::Skipped,
        ] {
            legal.insert((from, "started".into()), State::InFlight);
        }
        for outcome in outcomes() {
            let to = outcome.state();
            legal.insert((State::InFlight, format!("ended {to}")), to);
        }
        for to in [
            State::Sent,
            State::AlreadySent,
            State::Withdrawn,
            State::Reserved,
            State::Failed,
            State::Rejected,
        ] {
            legal.insert((State::Unknown, format!("settled {to}")), to);
        }
        for from in [State::Sent, State::AlreadySent] {
            legal.insert((from, "disputed".into()), State::Unknown);
        }
        legal.insert((State::Reserved, "listed".into()), State::Reserved);
        legal.insert((State::InFlight, "cut off".into()), State::Unknown);
        legal.insert((State::Pending, "skipped".into()), State::Skipped);
        for from in [State::Failed, State::Rejected, State::Reserved] {
            legal.insert((from, "dropped".into()), State::Skipped);
        }
        for from in [
            State::Unknown,
            State::Sent,
            State::AlreadySent,
            State::Withdrawn,
        ] {
            legal.insert((from, "accepted".into()), from);
        }
        let mut legal_steps = 0;
        for from in State::ALL {
            for (name, entry) in entries() {
                let expected = legal.get(&(from, name.clone())).copied();
                legal_steps += usize::from(expected.is_some());
                for body in [Some(&BODY), None] {
                    let got = transition(from, body, &entry);
                    assert_eq!(got, expected.ok_or(IllegalStep::Illegal), "{from}, {name}");
                }
            }
        }
        assert_eq!(legal_steps, legal.len(), "every legal step is tried");
    }

    /// Whoever adds a kind of entry has to add it to `entries` too: this does not compile until then.
    #[test]
    fn every_kind_of_entry_is_tried() {
        let kinds = entries().into_iter().map(|(_, entry)| match entry {
            Entry::Started(_) => 0,
            Entry::Ended(_) => 1,
            Entry::Settled(_) => 2,
            Entry::CutOff(_) => 3,
            Entry::Skipped(_) => 4,
            Entry::Accepted(_) => 5,
            Entry::Dropped { .. } => 6,
            Entry::Disputed => 7,
            Entry::Listed(_) => 8,
        });
        assert_eq!(kinds.collect::<BTreeSet<_>>(), (0..9).collect());
    }

    #[test]
    fn a_changed_letter_under_a_used_key_is_drift_and_a_refused_one_may_change() {
        let changed = started([8; 32]);
        for from in State::ALL {
            let expected = match from {
                State::InFlight
                | State::Unknown
                | State::Sent
                | State::AlreadySent
                | State::Withdrawn => Err(IllegalStep::Drift),
                State::Invalid => Err(IllegalStep::Illegal),
                _ => Ok(State::InFlight),
            };
            assert_eq!(transition(from, Some(&BODY), &changed), expected, "{from}");
        }
    }

    #[test]
    fn names_of_states_read_back() {
        for state in State::ALL {
            let cell = ValueRef::Text(state.name().as_bytes());
            assert_eq!(State::column_result(cell).unwrap(), state);
        }
        assert!(State::column_result(ValueRef::Text(b"delivered")).is_err());
    }
}
