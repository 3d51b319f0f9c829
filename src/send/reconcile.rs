//! Reconciles file, journal and Altinn before anything leaves: rows that are settled, changed, unknown, or no longer in the file.

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::attempt::Attempts;
use super::changes::{ChangedRow, Changes, NAMED};
use super::lookup::Lookup;
use super::{LeftBehind, Options, Reconciled, RetryRefused, SendError};
use crate::altinn::Client;
use crate::journal::{self, Dropped, Entry, Input, Journal, JournalError, Recorded, State};
use crate::plan::{CheckReport, Deliveries, KeyIndex, Mailing, Planned, Selection};
use crate::secret::redact;

/// After so long without a letter under its key there will be none: Altinn's own gateway gives up on requests after four minutes.
pub(super) const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The rows of the file, and what is left of earlier files.
#[derive(Debug)]
pub(crate) struct ResumeState {
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
    /// Letters to look up at Altinn.
    pub(super) questions: Vec<Question>,
    /// Rows that were not sent and that the mailing does not apply to any more.
    pub(super) excluded: Vec<Uuid>,
    /// Rows that were not sent and that are not in the file any more, and where they stand.
    pub(super) gone: Vec<(Uuid, State)>,
    /// Rows that may have been sent and that get no letter now.
    pub(super) unknown: u64,
    /// Letters that Altinn has, or may have, and whose keys are not in the file any more.
    sent_and_gone: Vec<Uuid>,
    /// How many of them Altinn only may have.
    unknown_and_gone: u64,
    /// By position: whether the row's key is on record.
    known: Vec<bool>,
    retry: RetryRefused,
}

/// A letter of an earlier run that may be at Altinn, and that this run would not send as it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) recorded: Recorded,
    place: Place,
}

/// The position of its row now.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the file, with another letter.
    Letter {
        position: usize,
        head: u64,
    },
    /// In the file, without a letter.
    Excluded,
    Gone,
}

impl ResumeState {
    /// Goes through the journal once, when there is one; memory does not grow with the rows that are settled, but for those that have left the file.
    pub(crate) fn read(
        journal: Option<&Journal>,
        checked: &CheckReport,
        retry: RetryRefused,
    ) -> Result<Self, JournalError> {
        let positions = checked.key_index();
        let mut resume = Self {
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
            sent_and_gone: Vec::new(),
            unknown_and_gone: 0,
            known: vec![false; positions.count()],
            retry,
        };
        if let Some(journal) = journal {
            for recorded in journal.recorded()? {
                resume.place(&recorded?, &positions);
            }
        }
        Ok(resume)
    }

    /// True when a run passes over the row at this position, from 0: its letter is settled, or it gets none and that is written down.
    pub(crate) fn passes(&self, position: usize) -> bool {
        self.passed.get(position).is_some_and(|passed| *passed)
    }

    /// Letters that Altinn has, or may have, and whose keys are not in the file any more; also those that Altinn has not been asked about.
    pub(super) fn sent_and_gone(&self) -> Vec<Uuid> {
        let open = self.questions.iter();
        let open = open.filter(|question| matches!(question.place, Place::Gone));
        let open = open.map(|question| question.recorded.key);
        self.sent_and_gone.iter().copied().chain(open).collect()
    }

    /// True when the key of the row at this position is on record.
    pub(super) fn knows(&self, position: usize) -> bool {
        self.known.get(position).is_some_and(|known| *known)
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
            if let Some(known) = self.known.get_mut(found.position) {
                *known = true;
            }
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
            State::Sent | State::AlreadySent | State::Withdrawn => {
                self.pass(position);
                if !same && !recorded.is_accepted(head) {
                    self.note_changed(position, recorded.key);
                }
            }
            State::Unknown | State::InFlight if !same => self.questions.push(Question {
                recorded: *recorded,
                place: Place::Letter { position, head },
            }),
            State::Rejected if same && !self.retry.rejected => self.pass(position),
            State::Reserved if recorded.listed || (same && !self.retry.reserved) => {
                self.pass(position);
            }
            _ => {}
        }
    }

    fn place_unwanted(&mut self, recorded: &Recorded, place: Place) {
        match (recorded.state, place) {
            (State::Unknown | State::InFlight, place) => self.questions.push(Question {
                recorded: *recorded,
                place,
            }),
            (State::Sent | State::AlreadySent, Place::Gone) => {
                self.sent_and_gone.push(recorded.key);
            }
            (State::Failed | State::Rejected | State::Reserved, Place::Gone) => {
                self.gone.push((recorded.key, recorded.state));
            }
            (State::Failed | State::Rejected | State::Reserved, _) => {
                self.excluded.push(recorded.key);
            }
            _ => {}
        }
    }

    /// Records the result of a look-up; without a state the letter stays unknown.
    pub(super) fn answer(&mut self, question: &Question, state: Option<State>) {
        let recorded = &question.recorded;
        let is_sent = state.map(State::has_used_its_key);
        if matches!(question.place, Place::Gone) && is_sent != Some(false) {
            self.sent_and_gone.push(recorded.key);
            self.unknown_and_gone += u64::from(is_sent.is_none());
        }
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

    /// True when an answer that there is no letter is final: no request for it can be on its way any more.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        let lost_at = self.recorded.lost_at.unwrap_or(self.recorded.last_at);
        !may_still_arrive(Some(lost_at), now)
    }
}

/// True when a request that was lost then may still take effect. It counts from the last request, not from the run that asks; where the clock has gone back, it may.
pub(super) fn may_still_arrive(lost_at: Option<Timestamp>, now: Timestamp) -> bool {
    lost_at.is_none_or(|lost_at| now.duration_since(lost_at) < SETTLED_AFTER)
}

/// True when the text of a letter that is on record would change in silence, were nothing said.
pub(super) fn differs(recorded: &Recorded, head: u64) -> bool {
    let binds = recorded.state.has_used_its_key() || recorded.state == State::Unknown;
    binds && !recorded.has_body(head) && !recorded.is_accepted(head)
}

/// Entries that wait for the journal at a time.
const AT_ONCE: usize = 1024;

/// Settles journal, file and Altinn with each other before a letter leaves.
pub(super) struct Reconciler<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) options: &'a Options,
    pub(super) attempts: &'a Attempts<'a>,
}

impl Reconciler<'_> {
    /// Asks Altinn where rows stand, refuses letters that have changed under used keys, and writes down what there is to do.
    pub(super) async fn reconcile(
        &self,
        mailing: &Mailing,
        checked: &CheckReport,
        mut resume: ResumeState,
    ) -> Result<(ResumeState, Reconciled), SendError> {
        self.ask(mailing.resource(), &mut resume).await?;
        let mut reconciled = Reconciled::default();
        if self.options.accept_changes {
            reconciled.accepted = self.accept(checked).await?;
            resume.hold_uncertain();
        } else {
            refuse_changed(Some(self.journal), mailing, checked, &resume)?;
        }
        let mut dropped = std::mem::take(&mut resume.excluded);
        self.drop_rows(&dropped, "the mailing does not apply to it any more")
            .await?;
        if self.options.accept_changes {
            let gone = std::mem::take(&mut resume.gone);
            let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
            self.drop_rows(&gone, "it is not in the recipients file any more")
                .await?;
            dropped.extend(gone);
        }
        reconciled.dropped = dropped.len() as u64;
        reconciled.held = resume.held;
        reconciled.left = left(&resume);
        self.begin(checked, &resume).await?;
        Ok((resume, reconciled))
    }

    async fn begin(&self, checked: &CheckReport, resume: &ResumeState) -> Result<(), SendError> {
        let run = journal::Run {
            rows: checked.rows,
            earlier: resume.earlier,
            // They have no entry of their own: an entry is a key's.
            skipped: checked.shared_keys(),
            invalid: 0,
            plan: checked.plan.to_string(),
            started_at: Timestamp::now(),
            ended: None,
        };
        let inputs = checked.inputs.iter().map(|input| Input {
            kind: input.kind.name().to_owned(),
            name: input.name.clone(),
            digest: input.digest.0,
        });
        Ok(self.journal.begin_run(run, inputs.collect()).await?)
    }

    /// Asks Altinn about letters that may be there and that this run would not send as they were.
    async fn ask(&self, resource: Option<&str>, resume: &mut ResumeState) -> Result<(), SendError> {
        let questions = std::mem::take(&mut resume.questions);
        let ask = |question: Question| async move {
            let state = match resource {
                Some(resource) => self.look_up(resource, &question).await?,
                None => None,
            };
            Ok::<_, SendError>((question, state))
        };
        let mut answers = std::pin::pin!(
            stream::iter(questions)
                .map(ask)
                .buffer_unordered(self.options.in_flight())
        );
        while let Some(answer) = answers.next().await {
            let (question, state) = answer?;
            resume.answer(&question, state);
        }
        resume.uncertain.sort_unstable();
        Ok(())
    }

    /// The state a letter has now; nothing when it is as unknown as before.
    async fn look_up(
        &self,
        resource: &str,
        question: &Question,
    ) -> Result<Option<State>, SendError> {
        let Some(line) = self.journal.line(question.recorded.key)? else {
            return Ok(None);
        };
        let lookup = Lookup::on_record(resource, line);
        let is_final = || question.is_old(Timestamp::now());
        let settled = lookup.settle(self.client, self.attempts, self.journal, is_final);
        Ok(settled.await?.unwrap_or_else(|reason| {
            tracing::debug!(%reason, "what is unknown stays unknown");
            None
        }))
    }

    /// Writes down that the earlier text stands for every letter that reads differently now, and says how many they are.
    async fn accept(&self, checked: &CheckReport) -> Result<u64, SendError> {
        let positions = checked.key_index();
        let changed = self.journal.recorded()?.filter_map(|recorded| {
            let recorded = match recorded {
                Ok(recorded) => recorded,
                Err(error) => return Some(Err(error)),
            };
            let mut head = None;
            positions.find(recorded.key, recorded.row, |found| {
                head = head.or(found.letter);
            });
            let head = head.filter(|head| differs(&recorded, *head))?;
            Some(Ok((recorded.key, Entry::Accepted(head.to_be_bytes()))))
        });
        self.record_all(changed).await
    }

    async fn drop_rows(&self, keys: &[Uuid], why: &str) -> Result<(), SendError> {
        let at = Timestamp::now();
        let dropped = keys.iter().map(|key| {
            let reason = why.to_owned();
            Ok((*key, Entry::Dropped(Dropped { reason, at })))
        });
        self.record_all(dropped).await?;
        Ok(())
    }

    async fn record_all(
        &self,
        entries: impl Iterator<Item = Result<(Uuid, Entry), JournalError>>,
    ) -> Result<u64, SendError> {
        let record = |entry: Result<_, JournalError>| async move {
            let (key, entry) = entry?;
            self.journal.record(key, entry).await
        };
        let mut recorded =
            std::pin::pin!(stream::iter(entries).map(record).buffer_unordered(AT_ONCE));
        let mut count = 0;
        while let Some(end) = recorded.next().await {
            end?;
            count += 1;
        }
        Ok(count)
    }
}

fn left(resume: &ResumeState) -> LeftBehind {
    let failed = resume.gone.iter();
    let failed = failed.filter(|(_, state)| *state == State::Failed).count() as u64;
    LeftBehind {
        failed,
        refused: resume.gone.len() as u64 - failed,
        unknown: resume.unknown,
        sent: resume.sent_and_gone.len() as u64 - resume.unknown_and_gone,
    }
}

/// Refuses letters that Altinn has, or may have, with another content than they have now.
pub(crate) fn refuse_changed(
    journal: Option<&Journal>,
    mailing: &Mailing,
    checked: &CheckReport,
    resume: &ResumeState,
) -> Result<(), SendError> {
    let doubtful = resume.doubtful();
    let (Some(journal), true) = (journal, resume.changed > 0 || !doubtful.is_empty()) else {
        return Ok(());
    };
    let uncertain = doubtful.len() as u64;
    let mut named = resume.first_changed.clone();
    named.extend(doubtful);
    named.sort_unstable();
    named.truncate(NAMED);
    let rows = changed_rows(journal, mailing, checked, &named)?;
    let changes = Changes::new(journal, checked, resume.changed, uncertain, rows)?;
    Err(SendError::Changed(Box::new(changes)))
}

/// The file is read once more, up to the last row that is named.
fn changed_rows(
    journal: &Journal,
    mailing: &Mailing,
    checked: &CheckReport,
    named: &[(usize, Uuid)],
) -> Result<Vec<ChangedRow>, SendError> {
    let numbers = named.iter().map(|(position, _)| *position as u64 + 1);
    let deliveries = Deliveries::new(mailing, checked).map_err(SendError::Rows)?;
    let mut letters = deliveries
        .only(Selection::from_rows(numbers))
        .filter_map(|planned| match planned {
            Ok(Planned::Delivery(delivery)) => Some(delivery),
            _ => None,
        });
    let mut rows = Vec::with_capacity(named.len());
    for (_, key) in named {
        let (Some(delivery), Some(line)) = (letters.next(), journal.line(*key)?) else {
            break;
        };
        rows.push(ChangedRow {
            row: delivery.row,
            line: delivery.line,
            name: redact(&delivery.name).into_owned(),
            state: line.state,
            recipient: line.recipient != redact(&delivery.recipient.masked()),
        });
    }
    Ok(rows)
}
