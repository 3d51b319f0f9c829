//! The run: shared files, canary, the rest, and what is still unknown.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::attachments::{UploadEnd, Uploads};
use super::attempt::Attempts;
use super::delivery::{Courier, Ended};
use super::pace::Pace;
use super::tally::Tally;
use super::{Ending, Event, Observer, SendError, Stop, Summary};
use crate::altinn::Client;
use crate::journal::{self, Entry, Journal, Known, Outcome, State};
use crate::manifest::{MaxFailures, Retry};
use crate::plan::{Checked, Delivery, Drifted, Mailing, Planned, Skip};

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests in flight at most.
    pub concurrency: NonZeroU32,
    /// The time between two requests; `None` is as fast as the answers come.
    pub interval: Option<Duration>,
    /// How many letters go alone before the rest.
    pub canary: u64,
    /// Past so many failures the run stops.
    pub max_failures: Option<MaxFailures>,
    /// How often and how long a letter is tried.
    pub retry: Retry,
}

/// What a run needs.
#[expect(
    missing_debug_implementations,
    reason = "an observer has nothing to show"
)]
pub struct Engine<'a> {
    /// Altinn.
    pub client: &'a Client,
    /// What is known, and where everything is written down.
    pub journal: &'a Journal,
    /// How to go about it.
    pub options: &'a Options,
    /// Who listens.
    pub observer: &'a dyn Observer,
    /// Asks the run to stop.
    pub stop: &'a Stop,
}

/// One row's turn.
enum Step {
    Send(Box<Delivery>),
    Skip(Skip),
    Drifted(Drifted),
}

impl Engine<'_> {
    /// Sends everything that is outstanding. Every letter's end is in the journal when this returns; an error ends the run, and what is in flight is
    /// still finished.
    pub async fn run(
        &self,
        mailing: &mut Mailing,
        checked: &Checked,
    ) -> Result<Summary, SendError> {
        let known = self.journal.known()?;
        self.begin(checked, &known).await?;
        let ended = self.send(mailing, checked, &known).await;
        let last = match &ended {
            Ok(summary) => summary.ending.recorded(),
            Err(error) => (journal::Ending::Broken, Some(error.to_string())),
        };
        // A journal that cannot be written has already ended the run.
        let _ = self
            .journal
            .end_run(journal::Ended {
                at: Timestamp::now(),
                how: last.0,
                reason: last.1,
            })
            .await;
        ended
    }

    /// Refuses letters that have changed under used keys, and writes down what there is to do.
    async fn begin(&self, checked: &Checked, known: &Known) -> Result<(), SendError> {
        let compared = checked.compare(
            known
                .iter()
                .map(|(key, recorded)| (key, recorded.binding())),
        );
        if compared.changed > 0 {
            return Err(SendError::Changed {
                letters: compared.changed,
            });
        }
        let run = journal::Run {
            rows: checked.rows,
            earlier: compared.gone,
            skipped: 0,
            invalid: 0,
            plan: checked.plan.to_string(),
            started_at: Timestamp::now(),
            ended: None,
        };
        Ok(self.journal.begin_run(run).await?)
    }

    async fn send(
        &self,
        mailing: &mut Mailing,
        checked: &Checked,
        known: &Known,
    ) -> Result<Summary, SendError> {
        let settled = known
            .iter()
            .filter(|(_, known)| is_settled(known.state))
            .count() as u64;
        self.observer.notice(&Event::Began {
            letters: checked.letters,
            settled,
        });
        let pace = Pace::new(self.options.interval);
        let attempts = Attempts {
            tokens: self.client.tokens(),
            pace: &pace,
            retry: &self.options.retry,
            observer: self.observer,
            stop: self.stop,
        };
        let uploads = Uploads {
            client: self.client,
            journal: self.journal,
            attempts: &attempts,
            cells: std::sync::Mutex::default(),
        };
        let courier = Courier {
            client: self.client,
            journal: self.journal,
            attempts: &attempts,
            uploads: &uploads,
        };
        let mut tally = Tally::new(self.options.max_failures, self.observer, self.stop);
        let outstanding = settled < checked.letters;
        if outstanding {
            self.ask_for_token(&mut tally).await;
        }
        let resource = mailing.resource().map(str::to_owned);
        if let (true, false, Some(resource)) = (outstanding, self.stop.is_set(), resource) {
            self.upload_shared(&uploads, &resource, checked, &mut tally)
                .await;
        }
        let exhausted = Cell::new(false);
        let mut steps = mailing
            .deliveries(checked)
            .map_err(SendError::Rows)?
            .filter_map(|planned| step(planned, known))
            .chain(std::iter::from_fn(|| {
                exhausted.set(true);
                None
            }));
        self.send_canaries(&mut steps, &courier, &mut tally).await;
        self.send_rest(&mut steps, &courier, &mut tally).await;
        self.settle_unknown(&courier, &mut tally).await;
        drop(steps);
        if let Some(failure) = tally.failure {
            return Err(failure);
        }
        let ending = match tally.ending {
            Some(ending) => ending,
            None if exhausted.get() => Ending::Finished,
            None => Ending::Interrupted,
        };
        Ok(Summary {
            ending,
            ended: tally.ended,
            settled,
        })
    }

    /// No letter is begun when there is no token to be had; a passing fault is left to the letters' own tries.
    async fn ask_for_token(&self, tally: &mut Tally<'_>) {
        match self.client.tokens().token().await {
            Err(error) if !error.is_transient() => tally.halt(Ending::NoToken(error)),
            _ => {}
        }
    }

    /// Files that all letters share go first: when one of them is refused, no letter leaves.
    async fn upload_shared(
        &self,
        uploads: &Uploads<'_>,
        resource: &str,
        checked: &Checked,
        tally: &mut Tally<'_>,
    ) {
        for file in &checked.shared {
            let Err(end) = uploads.id(resource, file).await else {
                continue;
            };
            let name = &file.attachment.file_name;
            match end {
                UploadEnd::Refused { reason, .. } | UploadEnd::GaveUp(reason) => {
                    tally.halt(Ending::Stopped(format!(
                        "{name} cannot be uploaded: {reason}"
                    )));
                }
                UploadEnd::NoToken(error) => tally.halt(Ending::NoToken(error)),
                UploadEnd::Journal(error) => tally.fail(error),
            }
            return;
        }
    }

    /// The first letters go alone, one after the other: what is wrong with all of them is seen once.
    async fn send_canaries(
        &self,
        steps: &mut impl Iterator<Item = Step>,
        courier: &Courier<'_>,
        tally: &mut Tally<'_>,
    ) {
        let mut accepted = 0;
        while accepted < self.options.canary && !self.stop.is_set() {
            let Some(step) = steps.next() else {
                return;
            };
            match self.take(step, courier).await {
                Ok(None) => {}
                Ok(Some(ended)) => {
                    let why = match &ended.outcome {
                        Outcome::Sent { .. } | Outcome::AlreadySent { .. } => None,
                        // A reserved person says nothing about the other letters: the next one is the canary.
                        Outcome::Reserved(_) => {
                            tally.count(ended);
                            continue;
                        }
                        Outcome::Rejected(reason)
                        | Outcome::Failed(reason)
                        | Outcome::Unknown(reason) => Some(format!(
                            "the first letter (line {}) was not accepted: {reason}",
                            ended.line
                        )),
                    };
                    tally.count(ended);
                    match why {
                        Some(why) => tally.halt(Ending::Stopped(why)),
                        None => accepted += 1,
                    }
                }
                Err(error) => tally.fail(error),
            }
        }
    }

    /// Only here is anything concurrent: at most so many letters are under way, and one consumer takes their ends.
    async fn send_rest(
        &self,
        steps: &mut impl Iterator<Item = Step>,
        courier: &Courier<'_>,
        tally: &mut Tally<'_>,
    ) {
        if self.stop.is_set() {
            return;
        }
        let mut ends = std::pin::pin!(
            stream::iter(steps)
                .take_until(self.stop.wait())
                .map(|step| self.take(step, courier))
                .buffer_unordered(
                    usize::try_from(self.options.concurrency.get()).unwrap_or(usize::MAX)
                )
        );
        while let Some(end) = ends.next().await {
            match end {
                Ok(Some(ended)) => tally.count(ended),
                Ok(None) => {}
                Err(error) => tally.fail(error),
            }
        }
    }

    /// What is still unknown is asked for once more, now that time has passed.
    async fn settle_unknown(&self, courier: &Courier<'_>, tally: &mut Tally<'_>) {
        for sought in std::mem::take(&mut tally.unsettled) {
            match courier.settle(&sought).await {
                Ok(Some(state)) => {
                    self.observer.notice(&Event::Delivered {
                        row: sought.row,
                        line: sought.line,
                        state,
                        why: None,
                    });
                }
                Ok(None) => {}
                Err(error) => return tally.fail(error),
            }
        }
    }

    async fn take(&self, step: Step, courier: &Courier<'_>) -> Result<Option<Ended>, SendError> {
        match step {
            Step::Send(delivery) => courier.deliver(*delivery).await.map(Some),
            Step::Skip(skip) => {
                let entry = journal::Skip {
                    row: skip.row,
                    line: skip.line,
                    name: skip.name,
                    reason: skip.reason.to_owned(),
                    at: Timestamp::now(),
                };
                self.journal.record(skip.key, Entry::Skipped(entry)).await?;
                Ok(None)
            }
            Step::Drifted(drifted) => Err(drifted.into()),
        }
    }
}

/// States that a plain run leaves alone: done, or refused for good.
fn is_settled(state: State) -> bool {
    matches!(
        state,
        State::Sent | State::AlreadySent | State::Reserved | State::Rejected
    )
}

fn step(planned: Result<Planned, Drifted>, known: &Known) -> Option<Step> {
    match planned {
        Ok(Planned::Delivery(delivery)) => {
            let settled = known
                .get(&delivery.key)
                .is_some_and(|known| is_settled(known.state));
            (!settled).then_some(Step::Send(delivery))
        }
        Ok(Planned::Skipped(skip)) => known.get(&skip.key).is_none().then_some(Step::Skip(skip)),
        Ok(Planned::Invalid(_)) => None,
        Err(drifted) => Some(Step::Drifted(drifted)),
    }
}
