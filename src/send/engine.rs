//! The run: shared files, canary, the rest, and what is still unknown.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::time::Duration;

use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};

use super::attachments::{UploadEnd, Uploads};
use super::attempt::Attempts;
use super::closed::Closed;
use super::delivery::{Courier, Ended};
use super::heard::Heard;
use super::lookup::Sought;
use super::pace::Pace;
use super::planner::{Planner, Step, Steps};
use super::standing::Standing;
use super::tally::Tally;
use super::{Ending, Event, Observer, SendError, Stop, Summary};
use crate::altinn::Client;
use crate::journal::{self, Entry, Journal, JournalError};
use crate::manifest::{MaxFailures, Retry, Uploads as Uploading};
use crate::plan::{CheckReport, RowFilter};

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
    /// How files that several letters share are uploaded.
    pub attachments: Uploading,
    /// Whose turn it is; the letters of other rows stay as they are.
    pub wanted: RowFilter,
    /// Whether letters that Altinn has rejected are tried again though they have not changed.
    pub retry_rejected: bool,
    /// Whether the earlier text stands for letters that were sent and read differently now, and rows that were not sent and have left the file are let go.
    pub accept_changes: bool,
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

/// How often the pace is told.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What came of it.
pub(super) enum Taken {
    Ended(Box<Ended>),
    /// The run was stopped before it left.
    Left,
    /// There was nothing to send.
    Nothing,
}

impl Engine<'_> {
    /// Sends everything that is outstanding. Every letter's end is in the journal when this returns; an error ends the run, and what is in flight is
    /// still finished.
    pub async fn run(&self, planner: Planner<'_>) -> Result<Summary, SendError> {
        let pace = Pace::new(
            self.options.concurrency,
            self.options.interval,
            &self.options.retry,
        );
        let attempts = Attempts {
            tokens: self.client.tokens(),
            pace: &pace,
            retry: &self.options.retry,
            observer: self.observer,
            stop: self.stop,
            heard: Heard::default(),
        };
        let (standing, reckoned) = match self.reckon(&planner, &attempts).await {
            // Asked to stop, it has not asked Altinn all there was to ask.
            Err(SendError::Changed(_)) if self.stop.is_set() => {
                return Ok(Summary {
                    ending: Ending::Interrupted,
                    ..Summary::default()
                });
            }
            reckoned => reckoned?,
        };
        let sent = self.send(planner, standing, &attempts);
        let ended = self.tell_pace(&pace, sent).await;
        let ended = ended.map(|summary| Summary {
            reckoned,
            ..summary
        });
        let (how, reason) = match &ended {
            Ok(summary) => summary.ending.recorded(),
            Err(error) => (journal::Ending::Broken, Some(error.to_string())),
        };
        let at = Timestamp::now();
        let recorded = self.journal.end_run(journal::Ended { at, how, reason });
        // The first reason counts: a journal that cannot be written may have been it.
        match (recorded.await, ended) {
            (Err(error), Ok(_)) => Err(error.into()),
            (_, ended) => ended,
        }
    }

    async fn send(
        &self,
        planner: Planner<'_>,
        standing: Standing,
        attempts: &Attempts<'_>,
    ) -> Result<Summary, SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let chosen = checked.choose(&self.options.wanted, |position| standing.passes(position));
        self.observer.notice(&Event::Began {
            letters: chosen.letters + chosen.settled,
            settled: chosen.settled,
        });
        let uploads = Uploads::new(
            self.client,
            self.journal,
            attempts,
            &self.options.attachments,
        );
        let closed = Closed::new(mailing.resource().is_none());
        let courier = Courier {
            client: self.client,
            journal: self.journal,
            attempts,
            uploads: &uploads,
            closed: &closed,
        };
        let mut tally = Tally::new(self.options.max_failures, self.observer, self.stop);
        let outstanding = chosen.letters > 0;
        if outstanding {
            ask_for_token(attempts, &mut tally).await;
        }
        let resource = mailing.resource().map(str::to_owned);
        if let (true, false, Some(resource)) = (outstanding, self.stop.is_set(), resource) {
            self.upload_shared(&uploads, &resource, checked, &mut tally)
                .await;
        }
        let steps = planner.begin(chosen.rows, standing.into_passed(), self.stop);
        self.send_canaries(&steps, &courier, &mut tally).await;
        self.send_rest(&steps, &courier, &mut tally).await;
        self.settle_unknown(&courier, &mut tally).await;
        if tally.is_given_up()
            && let Err(error) = uploads.give_up().await
        {
            tally.fail(error);
        }
        let (ended, ending) = (tally.ended, tally.finish(steps.are_used_up(), &closed)?);
        Ok(Summary {
            ending,
            ended,
            settled: chosen.settled,
            left_out: chosen.left_out,
            ..Summary::default()
        })
    }

    /// Files that all letters share go first: when one of them is refused, no letter leaves.
    async fn upload_shared(
        &self,
        uploads: &Uploads<'_>,
        resource: &str,
        checked: &CheckReport,
        tally: &mut Tally<'_>,
    ) {
        let mut ends = std::pin::pin!(
            stream::iter(&checked.shared)
                .map(|file| async move { (file, uploads.id(resource, file).await) })
                .buffer_unordered(self.options.attachments.parallel())
        );
        while let Some((file, end)) = ends.next().await {
            let Err(end) = end else {
                continue;
            };
            let name = &file.attachment.file_name;
            match end {
                UploadEnd::Not(judged) => tally.halt_without(name, *judged),
                UploadEnd::Stopped => tally.cut_short = true,
                UploadEnd::Journal(error) => tally.fail(error),
            }
            return;
        }
    }

    /// Only here is anything concurrent: as many senders as there may be letters under way take one row after the other.
    async fn send_rest(&self, steps: &Steps<'_>, courier: &Courier<'_>, tally: &mut Tally<'_>) {
        let tally = RefCell::new(tally);
        let sender = || async {
            while !self.stop.is_set() {
                let Some(step) = steps.next().await else {
                    return;
                };
                let end = self.take(step, courier).await;
                tally.borrow_mut().take(end);
            }
        };
        // Who is in flight is up to the pace; here is room for those whose start or end is being written down as well. One is one.
        let mut senders: FuturesUnordered<_> =
            (4..5 * self.in_flight()).map(|_| sender()).collect();
        while senders.next().await.is_some() {}
    }

    /// Tells the pace every now and then while something is done.
    async fn tell_pace<T>(&self, pace: &Pace, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        let mut tick = interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => self.observer.notice(&Event::Pace(pace.snapshot())),
                done = &mut done => return done,
            }
        }
    }

    /// What is still unknown is asked for once more, now that time has passed; not when Altinn cannot be asked: the next run does.
    async fn settle_unknown(&self, courier: &Courier<'_>, tally: &mut Tally<'_>) {
        let unsettled = std::mem::take(&mut tally.unsettled);
        if tally.failure.is_some() {
            return;
        }
        let settle = |sought: Sought| async move { (courier.settle(&sought).await, sought) };
        let mut ends = std::pin::pin!(
            stream::iter(unsettled)
                .map(settle)
                .buffer_unordered(self.in_flight())
        );
        while let Some((end, Sought { row, line, .. })) = ends.next().await {
            match end {
                Ok(Ok(Some(state))) => {
                    self.observer.notice(&Event::Settled { row, line, state });
                }
                Ok(Ok(None)) => {}
                Ok(Err(reason)) => {
                    tracing::debug!(%reason, "what is unknown stays unknown");
                    return;
                }
                Err(error) => return tally.fail(error),
            }
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.options.concurrency.get()).unwrap_or(usize::MAX)
    }

    pub(super) async fn take(&self, step: Step, courier: &Courier<'_>) -> Result<Taken, SendError> {
        match step {
            Step::Send(delivery) if courier.closed.holds(delivery.resource()) => Ok(Taken::Nothing),
            Step::Send(delivery) => courier.deliver(&delivery).await,
            Step::Skip(skip) => {
                let entry = journal::Skip {
                    row: skip.row,
                    line: skip.line,
                    name: skip.name,
                    reason: skip.reason.to_owned(),
                    at: Timestamp::now(),
                };
                match self.journal.record(skip.key, Entry::Skipped(entry)).await {
                    // Another row has the same key, and the entry; the run counts this one.
                    Ok(_) | Err(JournalError::Illegal { .. }) => Ok(Taken::Nothing),
                    Err(error) => Err(error.into()),
                }
            }
            Step::Broken(error) => Err(error),
        }
    }
}

/// No letter is begun when there is no token to be had.
async fn ask_for_token(attempts: &Attempts<'_>, tally: &mut Tally<'_>) {
    if let Some(Err(error)) = attempts.first_token().await {
        tally.halt(Ending::NoToken(error));
    }
}
