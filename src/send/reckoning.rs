//! What is settled with journal, file and Altinn before a letter leaves.

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::attempt::Attempts;
use super::changes::refuse_changed;
use super::engine::Engine;
use super::lookup::{Found, Sought};
use super::outcome::collision;
use super::planner::Planner;
use super::standing::{Question, Standing, differs};
use super::{Left, Reckoned, SendError};
use crate::journal::{self, Dropped, End, Entry, Input, JournalError, Outcome, Reason, State};
use crate::plan::CheckReport;

/// So many entries wait for the journal at a time.
const AT_ONCE: usize = 1024;

impl Engine<'_> {
    /// Finds out where every row stands, refuses letters that have changed under used keys, and writes down what there is to do.
    pub(super) async fn reckon(
        &self,
        planner: &Planner<'_>,
        attempts: &Attempts<'_>,
    ) -> Result<(Standing, Reckoned), SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let retry_rejected = self.options.retry_rejected;
        let mut standing = Standing::read(Some(self.journal), checked, retry_rejected)?;
        self.ask(mailing.resource(), attempts, &mut standing)
            .await?;
        let mut reckoned = Reckoned::default();
        if self.options.accept_changes {
            reckoned.accepted = self.accept(checked).await?;
            standing.hold_uncertain();
        } else {
            refuse_changed(Some(self.journal), mailing, checked, &standing)?;
        }
        let mut dropped = std::mem::take(&mut standing.excluded);
        self.drop_rows(&dropped, "the mailing does not apply to it any more")
            .await?;
        if self.options.accept_changes {
            let gone = std::mem::take(&mut standing.gone);
            let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
            self.drop_rows(&gone, "it is not in the recipients file any more")
                .await?;
            dropped.extend(gone);
        }
        reckoned.dropped = dropped.len() as u64;
        reckoned.held = standing.held;
        reckoned.left = left(&standing);
        self.begin(checked, &standing).await?;
        Ok((standing, reckoned))
    }

    async fn begin(&self, checked: &CheckReport, standing: &Standing) -> Result<(), SendError> {
        let run = journal::Run {
            rows: checked.rows,
            earlier: standing.earlier,
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
    async fn ask(
        &self,
        resource: Option<&str>,
        attempts: &Attempts<'_>,
        standing: &mut Standing,
    ) -> Result<(), SendError> {
        let questions = std::mem::take(&mut standing.questions);
        let ask = |question: Question| async move {
            let state = match resource {
                Some(resource) => self.look_up(resource, &question, attempts).await?,
                None => None,
            };
            Ok::<_, SendError>((question, state))
        };
        let mut answers = std::pin::pin!(
            stream::iter(questions)
                .map(ask)
                .buffer_unordered(self.in_flight())
        );
        while let Some(answer) = answers.next().await {
            let (question, state) = answer?;
            standing.answer(&question, state);
        }
        standing.uncertain.sort_unstable();
        Ok(())
    }

    /// The state a letter has now; nothing when it is as unknown as before.
    async fn look_up(
        &self,
        resource: &str,
        question: &Question,
        attempts: &Attempts<'_>,
    ) -> Result<Option<State>, SendError> {
        let key = question.recorded.key;
        let Some(line) = self.journal.line(key)? else {
            return Ok(None);
        };
        let sought = Sought::on_record(resource, line);
        let outcome = match sought.look_up(self.client, attempts, 1).await {
            Found::Ours(id) => Outcome::Sent { id },
            Found::Foreign(id) => collision(id),
            Found::Nothing if question.is_old(Timestamp::now()) => Outcome::Failed(Reason {
                message: "Altinn has no letter with its key".to_owned(),
                ..Reason::default()
            }),
            Found::Nothing => return Ok(None),
            Found::Unseen(reason) => {
                tracing::debug!(%reason, "what is unknown stays unknown");
                return Ok(None);
            }
        };
        let end = End {
            outcome,
            attempts: 0,
            at: Timestamp::now(),
        };
        let state = self.journal.record(key, Entry::Settled(end)).await?;
        Ok(Some(state))
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

    async fn drop_rows(&self, keys: &[uuid::Uuid], why: &str) -> Result<(), SendError> {
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
        entries: impl Iterator<Item = Result<(uuid::Uuid, Entry), JournalError>>,
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

fn left(standing: &Standing) -> Left {
    let failed = standing.gone.iter();
    let failed = failed.filter(|(_, state)| *state == State::Failed).count() as u64;
    Left {
        failed,
        refused: standing.gone.len() as u64 - failed,
        unknown: standing.unknown,
    }
}
