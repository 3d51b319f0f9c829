//! How the file and the journal fit together, before anything leaves: which rows are settled, which would read differently now, and which have left the file.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::changes::NAMED;
use crate::journal::{Journal, JournalError, Recorded, State};
use crate::plan::{CheckReport, KeyIndex};

/// After so long without a letter under its key there will be none: Altinn's own gateway gives up on requests after four minutes.
pub(super) const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The rows of the file, and what is left of earlier files.
#[derive(Debug)]
pub struct Standing {
    /// By position: whether this run passes the row over. One byte a row.
    passed: Vec<bool>,
    /// Letters that this run passes over, because Altinn may have an earlier text of them.
    pub(super) held: u64,
    /// Rows on record that are not in the file.
    pub(super) earlier: u64,
    /// Letters that Altinn has and that read differently now.
    pub(super) changed: u64,
    /// The first of them by position.
    pub(super) first_changed: Vec<(usize, Uuid)>,
    /// Letters that Altinn may have and that read differently now.
    pub(super) uncertain: Vec<(usize, Uuid)>,
    /// What Altinn has to be asked about.
    pub(super) questions: Vec<Question>,
    /// Rows that were not sent and that the mailing does not apply to any more.
    pub(super) excluded: Vec<Uuid>,
    /// Rows that were not sent and that are not in the file any more, and where they stand.
    pub(super) gone: Vec<(Uuid, State)>,
    /// Rows that may have been sent and that get no letter now.
    pub(super) unknown: u64,
    retry_rejected: bool,
}

/// A letter of an earlier run that may be at Altinn, and that this run would not send as it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) recorded: Recorded,
    place: Place,
}

/// Where its row is now.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the file, with another letter.
    Letter { position: usize, head: u64 },
    /// In the file, without a letter.
    Excluded,
    /// Not in the file.
    Gone,
}

impl Standing {
    /// Goes through the journal once, when there is one; memory does not grow with the rows that are settled. Rejected letters are outstanding when they are
    /// to be tried again.
    pub fn read(
        journal: Option<&Journal>,
        checked: &CheckReport,
        retry_rejected: bool,
    ) -> Result<Self, JournalError> {
        let positions = checked.key_index();
        let mut standing = Self {
            passed: vec![false; positions.count()],
            held: 0,
            earlier: 0,
            changed: 0,
            first_changed: Vec::new(),
            uncertain: Vec::new(),
            questions: Vec::new(),
            excluded: Vec::new(),
            gone: Vec::new(),
            unknown: 0,
            retry_rejected,
        };
        if let Some(journal) = journal {
            for recorded in journal.recorded()? {
                standing.place(&recorded?, &positions);
            }
        }
        Ok(standing)
    }

    /// Whether a run passes over the row at this position, from 0: its letter is settled, or it gets none and that is written down.
    pub fn passes(&self, position: usize) -> bool {
        self.passed.get(position).is_some_and(|passed| *passed)
    }

    pub(super) fn into_passed(self) -> Vec<bool> {
        self.passed
    }

    /// Letters that Altinn may have and that read differently now, by position: also those it has not been asked about.
    pub(super) fn doubtful(&self) -> Vec<(usize, Uuid)> {
        let open = self.questions.iter().filter_map(Question::doubtful);
        self.uncertain.iter().copied().chain(open).collect()
    }

    /// Letters that may have an earlier text at Altinn are left alone: a key never gets a second text.
    pub(super) fn hold_uncertain(&mut self) {
        for (position, _) in std::mem::take(&mut self.uncertain) {
            self.pass(position);
            self.held += 1;
        }
    }

    fn place(&mut self, recorded: &Recorded, positions: &KeyIndex<'_>) {
        let (mut letter, mut is_there) = (None, false);
        positions.find(recorded.key, recorded.row, |found| {
            is_there = true;
            match found.letter {
                Some(head) => letter = Some((found.position, head)),
                // It has an entry: nothing more is to be written down.
                None => self.pass(found.position),
            }
        });
        match letter {
            Some((position, head)) => self.place_letter(recorded, position, head),
            None if is_there => self.place_unwanted(recorded, Place::Excluded),
            None => {
                self.earlier += 1;
                self.place_unwanted(recorded, Place::Gone);
            }
        }
    }

    fn place_letter(&mut self, recorded: &Recorded, position: usize, head: u64) {
        let same = recorded.has_body(head);
        match recorded.state {
            State::Sent | State::AlreadySent => {
                self.pass(position);
                if !same && !recorded.is_accepted(head) {
                    self.note_changed(position, recorded.key);
                }
            }
            State::Unknown | State::InFlight if !same => self.questions.push(Question {
                recorded: *recorded,
                place: Place::Letter { position, head },
            }),
            State::Rejected if same && !self.retry_rejected => self.pass(position),
            State::Reserved if same => self.pass(position),
            _ => {}
        }
    }

    fn place_unwanted(&mut self, recorded: &Recorded, place: Place) {
        match (recorded.state, place) {
            (State::Unknown | State::InFlight, place) => self.questions.push(Question {
                recorded: *recorded,
                place,
            }),
            (State::Failed | State::Rejected | State::Reserved, Place::Gone) => {
                self.gone.push((recorded.key, recorded.state));
            }
            (State::Failed | State::Rejected | State::Reserved, _) => {
                self.excluded.push(recorded.key);
            }
            _ => {}
        }
    }

    /// What is known now of a letter that Altinn was asked about; without a state it is as unknown as before.
    pub(super) fn answer(&mut self, question: &Question, state: Option<State>) {
        let recorded = &question.recorded;
        let is_sent = state.map(State::is_sent);
        match (question.place, is_sent) {
            (Place::Letter { position, head }, Some(true)) => {
                self.pass(position);
                if !recorded.is_accepted(head) {
                    self.note_changed(position, recorded.key);
                }
            }
            // One that is not there is a letter like any other; one that is there needs no row.
            (Place::Letter { .. }, Some(false)) | (_, Some(true)) => {}
            (Place::Excluded, Some(false)) => self.excluded.push(recorded.key),
            (Place::Gone, Some(false)) => {
                self.gone
                    .push((recorded.key, state.unwrap_or(State::Failed)));
            }
            (Place::Letter { position, head }, None) if recorded.is_accepted(head) => {
                self.pass(position);
                self.held += 1;
            }
            (Place::Letter { position, .. }, None) => {
                self.uncertain.push((position, recorded.key));
            }
            (_, None) => self.unknown += 1,
        }
    }

    fn pass(&mut self, position: usize) {
        if let Some(passed) = self.passed.get_mut(position) {
            *passed = true;
        }
    }

    fn note_changed(&mut self, position: usize, key: Uuid) {
        self.changed += 1;
        let first = &mut self.first_changed;
        let at = first.partition_point(|(other, _)| *other < position);
        if at < NAMED {
            first.insert(at, (position, key));
            first.truncate(NAMED);
        }
    }
}

impl Question {
    /// The letter it is about, when its earlier text has not been said to stand.
    fn doubtful(&self) -> Option<(usize, Uuid)> {
        match self.place {
            Place::Letter { position, head } if !self.recorded.is_accepted(head) => {
                Some((position, self.recorded.key))
            }
            _ => None,
        }
    }

    /// Whether an answer that there is no letter is final: no request for it can be on its way any more.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.recorded.last_at) >= SETTLED_AFTER
    }
}

/// Whether the text of a letter that is on record would change in silence, were nothing said.
pub(super) fn differs(recorded: &Recorded, head: u64) -> bool {
    let binds = recorded.state.is_sent() || recorded.state == State::Unknown;
    binds && !recorded.has_body(head) && !recorded.is_accepted(head)
}
