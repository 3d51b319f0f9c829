//! Reconciles the recipients file, the journal and Altinn before anything is sent: rows that are settled, changed, unknown, or no longer in the file.

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::attempt::Session;
use super::changes::{ChangedRow, Changes, NAMED, changed_inputs, named};
use super::lookup::Lookup;
use super::{LeftBehind, Reconciled, RetryRefused, SendError};
use crate::journal::{self, Entry, Journal, JournalError, RowRecord, RowSet, State};
use crate::plan::{CheckReport, Deliveries, KeyIndex, Mailing, Planned, Selection};
use crate::secret::redact;

/// Time after which a lost request can no longer take effect: Altinn's gateway gives up on requests after four minutes.
pub(super) const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The state of every row of the file from earlier runs, and rows of earlier files.
#[derive(Debug, Default)]
pub(crate) struct ResumeState {
    /// By position: true when this run passes the row over. One byte per row.
    passed: Vec<bool>,
    /// Positions of letters that are passed over though they are not sent: refused, or held back.
    unsent: Vec<usize>,
    /// Number of letters that this run does not send because Altinn may have them with an earlier text.
    pub(super) held: u64,
    /// Number of recorded rows.
    recorded: u64,
    /// Number of recorded rows that are not in the file.
    pub(super) earlier: u64,
    /// Letters that Altinn has with a different text than now.
    changed: Vec<ChangedLetter>,
    /// Letters that Altinn may have with a different text than now.
    pub(super) uncertain: Vec<ChangedLetter>,
    /// Letters to look up at Altinn.
    pub(super) questions: Vec<Question>,
    /// Unsent rows that the mailing excludes now.
    pub(super) excluded: Vec<Uuid>,
    /// Unsent rows that are no longer in the file, with their states.
    pub(super) unsent_gone: Vec<(Uuid, State)>,
    /// Number of rows that may have been sent and that get no letter now.
    pub(super) unknown: u64,
    /// Letters that Altinn has, and whose keys are no longer in the file.
    sent_and_gone: Vec<Uuid>,
    /// By position: true when the row's key is recorded.
    known: Vec<bool>,
    retry: RetryRefused,
}

/// A letter whose text differs from the one under its key: its position, key, and the digest head of the present text.
type ChangedLetter = (usize, Uuid, u64);

/// A letter to look up: it may be at Altinn, and this run would not send it with the same text.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) recorded: RowRecord,
    place: Place,
}

/// The present place of a recorded row.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the file, with a changed letter.
    Letter {
        position: usize,
        /// The digest head of the present letter.
        head: u64,
    },
    /// In the file, but excluded.
    Excluded,
    /// No longer in the file.
    Gone,
}

impl ResumeState {
    /// Reads the journal once, when there is one. Memory grows with the unsettled rows, the changed letters and the rows no longer in the file, and by two bytes for each row of the file.
    pub(crate) fn read(
        journal: Option<&Journal>,
        checked: &CheckReport,
        retry: RetryRefused,
    ) -> Result<Self, JournalError> {
        let positions = checked.key_index();
        let mut resume = Self {
            passed: vec![false; positions.count()],
            known: vec![false; positions.count()],
            retry,
            ..Self::default()
        };
        if let Some(journal) = journal {
            journal.snapshot()?.each(RowSet::Recorded, |recorded| {
                resume.recorded += 1;
                resume.place(recorded, &positions);
                Ok::<_, JournalError>(())
            })?;
        }
        Ok(resume)
    }

    /// True when the run passes over the row at this position (from 0): its letter is settled, or it gets none and that is recorded.
    pub(crate) fn passes(&self, position: usize) -> bool {
        self.passed.get(position).is_some_and(|passed| *passed)
    }

    /// Letters that Altinn has, or may have, and whose keys are no longer in the file, including those not looked up yet. A key that is in the file, though its row is
    /// excluded now, is not spelled differently.
    pub(super) fn sent_and_gone(&self) -> Vec<Uuid> {
        let open = self.questions.iter();
        let open = open.filter(|question| matches!(question.place, Place::Gone));
        let open = open.map(|question| question.recorded.key);
        self.sent_and_gone.iter().copied().chain(open).collect()
    }

    /// True when the key of the row at this position is recorded.
    pub(super) fn knows(&self, position: usize) -> bool {
        self.known.get(position).is_some_and(|known| *known)
    }

    /// Number of letters in these rows that are passed over though they are not sent.
    pub(super) fn unsent(&self, rows: &Selection) -> u64 {
        let asked = |position: &&usize| rows.contains(**position as u64 + 1);
        self.unsent.iter().filter(asked).count() as u64
    }

    pub(super) fn into_passed(self) -> Vec<bool> {
        self.passed
    }

    /// Letters that Altinn may have with a different text than now, by position, including those not looked up yet.
    pub(super) fn doubtful(&self) -> Vec<ChangedLetter> {
        let open = self.questions.iter().filter_map(|question| {
            let recorded = &question.recorded;
            match question.place {
                Place::Letter { position, head } if !recorded.is_accepted(head) => {
                    Some((position, recorded.key, head))
                }
                _ => None,
            }
        });
        self.uncertain.iter().copied().chain(open).collect()
    }

    /// Passes over letters that Altinn may have with an earlier text: the same key must not be used for a second text.
    pub(super) fn hold_uncertain(&mut self) {
        for (position, ..) in std::mem::take(&mut self.uncertain) {
            self.pass_unsent(position);
            self.held += 1;
        }
    }

    /// Takes a recorded row into account. Rows with the same key share the record.
    fn place(&mut self, recorded: RowRecord, positions: &KeyIndex<'_>) {
        let (mut letter, mut is_there) = (None, false);
        positions.find(recorded.key, recorded.row, |found| {
            is_there = true;
            if let Some(known) = self.known.get_mut(found.position) {
                *known = true;
            }
            match found.letter {
                Some(head) => letter = Some((found.position, head)),
                // An excluded row that is recorded needs no further entry.
                None => self.pass(found.position),
            }
        });
        let place = match letter {
            Some((position, head)) => Place::Letter { position, head },
            None if is_there => Place::Excluded,
            None => {
                self.earlier += 1;
                Place::Gone
            }
        };
        self.decide(recorded, place, true);
    }

    /// Takes the result of a look-up into account; `None` when the letter stays unknown.
    pub(super) fn answer(&mut self, question: Question, state: Option<State>) {
        let state = state.unwrap_or(State::Unknown);
        let recorded = RowRecord {
            state,
            ..question.recorded
        };
        self.decide(recorded, question.place, false);
    }

    /// Decides what this run does about a recorded row. `may_ask` is true until Altinn has been asked about it.
    fn decide(&mut self, recorded: RowRecord, place: Place, may_ask: bool) {
        let key = recorded.key;
        let is_unknown = matches!(recorded.state, State::Unknown | State::InFlight);
        match place {
            // With the same text an unknown letter is simply sent again: its key makes that harmless.
            Place::Letter { head, .. } if is_unknown && recorded.has_body(head) => {}
            _ if is_unknown && may_ask => self.questions.push(Question { recorded, place }),
            Place::Letter { position, head } if is_unknown => {
                if recorded.is_accepted(head) {
                    self.pass_unsent(position);
                    self.held += 1;
                } else {
                    self.uncertain.push((position, key, head));
                }
            }
            Place::Letter { position, head } => self.decide_letter(&recorded, position, head),
            Place::Excluded | Place::Gone if is_unknown => self.unknown += 1,
            Place::Gone if recorded.state.is_sent() => self.sent_and_gone.push(key),
            Place::Gone if recorded.state.is_refused() => {
                self.unsent_gone.push((key, recorded.state));
            }
            Place::Excluded if recorded.state.is_refused() => self.excluded.push(key),
            Place::Excluded | Place::Gone => {}
        }
    }

    /// A recorded row that has a letter now, and of which is known what became of it. It is sent in other states than these.
    fn decide_letter(&mut self, recorded: &RowRecord, position: usize, head: u64) {
        let same = recorded.has_body(head);
        match recorded.state {
            State::Sent | State::AlreadySent | State::Withdrawn => {
                if recorded.state.is_sent() {
                    self.pass(position);
                } else {
                    self.pass_unsent(position);
                }
                if !same && !recorded.is_accepted(head) {
                    self.changed.push((position, recorded.key, head));
                }
            }
            State::Rejected if same && !self.retry.rejected => self.pass_unsent(position),
            // A listed row gets paper, even when reserved recipients are tried again.
            State::Reserved if recorded.listed_at.is_some() || (same && !self.retry.reserved) => {
                self.pass_unsent(position);
            }
            _ => {}
        }
    }

    fn pass_unsent(&mut self, position: usize) {
        self.pass(position);
        self.unsent.push(position);
    }

    fn pass(&mut self, position: usize) {
        if let Some(passed) = self.passed.get_mut(position) {
            *passed = true;
        }
    }
}

/// True when a request that was lost at this time may still take effect; also when the time is unknown, or in the future because the clock was set back.
pub(super) fn may_still_arrive(lost_at: Option<Timestamp>, now: Timestamp) -> bool {
    lost_at.is_none_or(|lost_at| now.duration_since(lost_at) < SETTLED_AFTER)
}

/// Number of entries handed to the journal at a time.
const AT_ONCE: usize = 1024;

/// Looks up doubtful letters, refuses letters that have changed under used keys, records dropped rows and the beginning of the run.
///
/// # Errors
///
/// [`SendError::Changed`] unless the user accepts changes. Nothing has been sent.
pub(super) async fn reconcile(
    session: Session<'_>,
    mailing: &Mailing,
    checked: &CheckReport,
    mut resume: ResumeState,
) -> Result<(ResumeState, Reconciled), SendError> {
    // Look-ups first: they decide which unknown letters Altinn has with an earlier text.
    ask(session, mailing.resource(), &mut resume).await?;
    let mut reconciled = Reconciled::default();
    let journal = session.journal;
    let untried = untried_and_gone(journal, &resume)?;
    let accepts = session.options.accept_changes;
    refuse_changed(Some(journal), mailing, checked, &resume, accepts)?;
    if accepts {
        // The flag accepts all changes at once, in the journal, so that later runs do not ask again.
        let changed = resume.changed.iter().chain(&resume.uncertain);
        let accepted = changed.map(|(_, key, head)| (*key, Entry::Accepted(head.to_be_bytes())));
        reconciled.accepted = record_all(journal, accepted).await?;
        resume.hold_uncertain();
        let gone = std::mem::take(&mut resume.unsent_gone);
        let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
        drop_rows(journal, &gone, "it is not in the recipients file any more").await?;
        reconciled.dropped = gone.len() as u64 + untried;
    } else {
        // They stay in the run's number of rows, and so pending in its report.
        resume.earlier += untried;
    }
    let excluded = std::mem::take(&mut resume.excluded);
    // Excluded rows are dropped without asking: the exclusion is the user's decision.
    let why = "the mailing does not apply to it any more";
    drop_rows(journal, &excluded, why).await?;
    reconciled.dropped += excluded.len() as u64;
    reconciled.held = resume.held;
    let gone = resume.unsent_gone.len() as u64;
    let failed = resume.unsent_gone.iter();
    let failed = failed.filter(|(_, state)| *state == State::Failed).count() as u64;
    reconciled.left = LeftBehind {
        failed,
        refused: gone - failed,
        unknown: resume.unknown,
        sent: resume.sent_and_gone.len() as u64,
        untried: if accepts { 0 } else { untried },
    };
    begin(journal, checked, &resume).await?;
    Ok((resume, reconciled))
}

/// The number of rows that no run has tried and that are no longer in the file. They have no entry to know them by: when rows have come too, it may be too small.
fn untried_and_gone(journal: &Journal, resume: &ResumeState) -> Result<u64, JournalError> {
    let Some(run) = journal.run()? else {
        return Ok(0);
    };
    let rows = run.rows.saturating_add(run.earlier);
    let untried = rows.saturating_sub(resume.recorded + run.skipped + run.invalid);
    let unrecorded = resume.known.iter().filter(|known| !**known).count() as u64;
    Ok(untried.saturating_sub(unrecorded))
}

/// Records the beginning of the run and its inputs.
async fn begin(
    journal: &Journal,
    checked: &CheckReport,
    resume: &ResumeState,
) -> Result<(), SendError> {
    let run = journal::Run {
        rows: checked.rows,
        earlier: resume.earlier,
        // Rows that share a key share one entry, so they are counted here.
        skipped: checked.shared_keys(),
        invalid: 0,
        plan: checked.plan.to_string(),
        started_at: Timestamp::now(),
        ended: None,
    };
    let inputs = checked.inputs.iter();
    let inputs = inputs.map(|input| (named(input), input.digest.0));
    Ok(journal.begin_run(run, inputs.collect()).await?)
}

/// Looks up the letters in `questions`.
async fn ask(
    session: Session<'_>,
    resource: Option<&str>,
    resume: &mut ResumeState,
) -> Result<(), SendError> {
    let questions = std::mem::take(&mut resume.questions);
    let ask = |question: Question| async move {
        // With several resources the recorded row does not tell which one its letter has.
        let Some(resource) = resource else {
            return Ok((question, None));
        };
        // The resume state has no recipient, which the look-up compares.
        let Some(record) = session.journal.line(question.recorded.key)? else {
            return Ok((question, None));
        };
        let lookup = Lookup::on_record(resource, &record);
        let lost_at = question.recorded.lost_at;
        let lost_at = lost_at.or(Some(question.recorded.last_at));
        let is_final = || !may_still_arrive(lost_at, Timestamp::now());
        let state = lookup.settle(session, is_final).await?;
        let state = state.unwrap_or_else(|reason| {
            tracing::debug!(%reason, "what is unknown stays unknown");
            None
        });
        Ok::<_, JournalError>((question, state))
    };
    let mut answers = std::pin::pin!(
        stream::iter(questions)
            .map(ask)
            .buffer_unordered(session.options.in_flight())
    );
    while let Some(answer) = answers.next().await {
        let (question, state) = answer?;
        resume.answer(question, state);
    }
    // Answers arrive in any order.
    resume.uncertain.sort_unstable();
    Ok(())
}

/// Records that these rows are not to be sent.
async fn drop_rows(journal: &Journal, keys: &[Uuid], why: &str) -> Result<(), SendError> {
    let at = Timestamp::now();
    let dropped = keys.iter().map(|key| {
        let reason = why.to_owned();
        (*key, Entry::Dropped { reason, at })
    });
    record_all(journal, dropped).await?;
    Ok(())
}

/// Records entries concurrently, so that the journal commits many at a time. Returns their number.
async fn record_all(
    journal: &Journal,
    entries: impl Iterator<Item = (Uuid, Entry)>,
) -> Result<u64, SendError> {
    let record = |(key, entry)| journal.record(key, entry);
    let mut recorded = std::pin::pin!(stream::iter(entries).map(record).buffer_unordered(AT_ONCE));
    let mut count = 0;
    while let Some(end) = recorded.next().await {
        end?;
        count += 1;
    }
    Ok(count)
}

/// Returns [`SendError::Changed`] when Altinn has, or may have, letters with a different text than now. With `accepts` only when their recipients are others: then nobody has
/// the letter that the row is now about, and its recipient would get none.
pub(crate) fn refuse_changed(
    journal: Option<&Journal>,
    mailing: &Mailing,
    checked: &CheckReport,
    resume: &ResumeState,
    accepts: bool,
) -> Result<(), SendError> {
    let doubtful = resume.doubtful();
    let mut letters = [&resume.changed[..], &doubtful].concat();
    let (Some(journal), false) = (journal, letters.is_empty()) else {
        return Ok(());
    };
    letters.sort_unstable();
    let (rows, redirected) = changed_rows(journal, mailing, checked, &letters)?;
    if accepts && redirected == 0 {
        return Ok(());
    }
    let this = env!("CARGO_PKG_VERSION");
    let program = journal.program.clone().filter(|program| program != this);
    Err(SendError::Changed(Box::new(Changes {
        sent: resume.changed.len() as u64,
        uncertain: doubtful.len() as u64,
        redirected,
        rows,
        since: journal.run()?.map(|run| run.started_at),
        inputs: changed_inputs(journal, checked)?,
        program,
    })))
}

/// The rows to name among these letters, by position, and the number of letters that would go to other recipients than before. Those are named first, since no flag accepts
/// them. Reads the recipients file once more.
fn changed_rows(
    journal: &Journal,
    mailing: &Mailing,
    checked: &CheckReport,
    letters: &[ChangedLetter],
) -> Result<(Vec<ChangedRow>, u64), SendError> {
    let numbers = letters.iter().map(|(position, ..)| *position as u64 + 1);
    let numbers = Selection::from_rows(numbers);
    let deliveries = Deliveries::new(mailing, checked, numbers).map_err(SendError::Rows)?;
    let (mut others, mut rows, mut redirected) = (Vec::new(), Vec::new(), 0);
    for planned in deliveries {
        let Planned::Delivery(delivery) = planned? else {
            continue;
        };
        let at = letters.binary_search_by_key(&delivery.row, |(position, ..)| *position as u64 + 1);
        let Some((_, key, _)) = at.ok().and_then(|at| letters.get(at)) else {
            continue;
        };
        let Some(record) = journal.line(*key)? else {
            continue;
        };
        let has_other_recipient = record.recipient != redact(&delivery.recipient.masked());
        redirected += u64::from(has_other_recipient);
        let named = if has_other_recipient {
            &mut others
        } else {
            &mut rows
        };
        if named.len() < NAMED {
            named.push(ChangedRow {
                row: delivery.row,
                line: delivery.line,
                name: redact(&delivery.name).into_owned(),
                state: record.state,
                has_other_recipient,
            });
        }
    }
    others.extend(rows);
    others.truncate(NAMED);
    others.sort_by_key(|row| row.row);
    Ok((others, redirected))
}
