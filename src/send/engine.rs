//! The run: shared files, canary, the rest, and what is still unknown.

use std::cell::RefCell;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};

use super::attachments::{UploadEnd, Uploads};
use super::attempt::Attempts;
use super::delivery::Sender;
use super::delivery_end::StepResult;
use super::lookup::{Lookup, LookupResult};
use super::outcome::Fatal;
use super::planner::{Planner, RowStep, RowSteps};
use super::rate_limiter::RateLimiter;
use super::reconcile::{Reconciler, ResumeState};
use super::second_letter_check::SecondLetterCheck;
use super::signals::{RefusedResources, ServerContact};
use super::tally::Tally;
use super::{Event, Observer, Options, Reconciled, RunEnd, SendError, Stop, Summary};
use crate::altinn::Client;
use crate::journal::{self, Entry, Journal, JournalError, Outcome};
use crate::plan::CheckReport;

/// A run, ready to begin.
pub(crate) struct Engine<'a> {
    pub client: &'a Client,
    pub journal: &'a Journal,
    pub options: &'a Options,
    pub observer: &'a dyn Observer,
    /// Asks the run to stop.
    pub stop: &'a Stop,
}

/// How often it is written down that the run goes on. A letter that is tried again and again when the process dies may have left so much later than its start: a small
/// part of the minutes that are waited for it.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Interval of `Event::Pace`.
const TELL_EVERY: Duration = Duration::from_millis(250);

impl Engine<'_> {
    /// Sends everything that is outstanding. Every letter's end is in the journal when this returns; an error ends the run, and what is in flight is
    /// still finished.
    pub(crate) async fn run(&self, planner: Planner<'_>) -> Result<Summary, SendError> {
        let limiter = RateLimiter::new(
            self.options.concurrency,
            self.options.interval,
            &self.options.tries,
        );
        let attempts = Attempts {
            tokens: self.client.tokens(),
            limiter: &limiter,
            retry: &self.options.tries,
            observer: self.observer,
            stop: self.stop,
            contact: ServerContact::default(),
        };
        let (resume, reconciled) = match self.prepare(&planner, &attempts).await {
            // Asked to stop, it has not asked Altinn all there was to ask.
            Err(SendError::Changed(_) | SendError::SecondLetters(_)) if self.stop.is_set() => {
                return Ok(Summary {
                    ending: RunEnd::Interrupted,
                    ..Summary::default()
                });
            }
            reconciled => reconciled?,
        };
        let sent = self.send(planner, resume, &attempts);
        let ended = self.tell_pace(&limiter, sent).await;
        let ended = ended.map(|summary| Summary {
            reconciled,
            ..summary
        });
        let (how, reason) = match &ended {
            Ok(summary) => summary.ending.recorded(),
            Err(error) => (journal::HowEnded::Broken, Some(error.to_string())),
        };
        let at = Timestamp::now();
        let recorded = self.journal.end_run(journal::EndedRun { at, how, reason });
        // The first reason counts: a journal that cannot be written may have been it.
        match (recorded.await, ended) {
            (Err(error), Ok(_)) => Err(error.into()),
            (_, ended) => ended,
        }
    }

    /// Finds out where every row stands, and refuses what would do harm, before anything leaves.
    async fn prepare(
        &self,
        planner: &Planner<'_>,
        attempts: &Attempts<'_>,
    ) -> Result<(ResumeState, Reconciled), SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let resume = ResumeState::read(Some(self.journal), checked, self.options.retry)?;
        let check = SecondLetterCheck {
            client: self.client,
            journal: self.journal,
            options: self.options,
            attempts,
        };
        check.refuse(mailing, checked, &resume).await?;
        let reconciler = Reconciler {
            client: self.client,
            journal: self.journal,
            options: self.options,
            attempts,
        };
        reconciler.reconcile(mailing, checked, resume).await
    }

    async fn send(
        &self,
        planner: Planner<'_>,
        resume: ResumeState,
        attempts: &Attempts<'_>,
    ) -> Result<Summary, SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let chosen = checked.choose(&self.options.wanted, |position| resume.passes(position));
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
        let refused = RefusedResources::new(mailing.resource().is_none());
        let sender = Sender {
            client: self.client,
            journal: self.journal,
            attempts,
            uploads: &uploads,
            refused: &refused,
        };
        let mut tally = Tally::new(self.options.max_failures, self.observer, self.stop);
        let outstanding = chosen.letters > 0;
        if outstanding {
            ask_for_token(attempts, &mut tally).await;
        }
        let resource = mailing.resource().map(str::to_owned);
        let steps = planner.begin(chosen.rows, resume.into_passed(), self.stop);
        if let (true, false, Some(resource)) = (outstanding, self.stop.is_set(), resource)
            && (uploads.are_on_record(&resource, &checked.shared)?
                || self.recover_letters(&steps, &sender, &mut tally).await)
            && !self.stop.is_set()
        {
            self.upload_shared(&uploads, &resource, checked, &mut tally)
                .await;
        }
        self.send_canaries(&steps, &sender, &mut tally).await;
        self.send_rest(&steps, &sender, &mut tally).await;
        self.settle_unknown(&sender, &mut tally).await;
        if tally.is_given_up()
            && let Err(error) = uploads.give_up().await
        {
            tally.fail(error);
        }
        let (ended, recovered) = (tally.ended, std::mem::take(&mut tally.recovered));
        let ending = tally.finish(steps.are_used_up(), &refused)?;
        Ok(Summary {
            ending,
            ended,
            recovered,
            settled: chosen.settled,
            left_out: chosen.left_out,
            ..Summary::default()
        })
    }

    /// Before files are uploaded that no earlier run has on record, Altinn is asked for the letters' keys, up to the first that is missing: where the journal was
    /// lost, copies of the files would be left at Altinn that no letter has and that never expire. A first run costs this one request more. Whether letters are left.
    async fn recover_letters(
        &self,
        steps: &RowSteps<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        let mut size = 1;
        loop {
            let mut batch = Vec::new();
            while batch.len() < size
                && let Some(step) = steps.next().await
            {
                batch.push(step);
            }
            if batch.is_empty() {
                return false;
            }
            let found = batch.iter().map(|step| async move {
                match step {
                    RowStep::Send(delivery) => Some(sender.find(delivery).await),
                    RowStep::Skip(_) | RowStep::Broken(_) => None,
                }
            });
            let found = join_all(found).await;
            let mut left = found.into_iter().zip(batch);
            while let Some((found, step)) = left.next() {
                let end = match (found, step) {
                    (Some(LookupResult::Ours(found)), RowStep::Send(delivery)) => {
                        sender.record_found(&delivery, &found).await
                    }
                    (None, step) => self.take(step, sender).await,
                    (Some(_), step) => {
                        let rest = std::iter::once(step).chain(left.map(|(_, step)| step));
                        steps.put_back(rest.collect());
                        return true;
                    }
                };
                tally.take(end);
            }
            size = (size * 2).min(self.options.in_flight());
        }
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
    async fn send_rest(&self, steps: &RowSteps<'_>, sender: &Sender<'_>, tally: &mut Tally<'_>) {
        let tally = RefCell::new(tally);
        let sender = || async {
            while !self.stop.is_set() {
                let Some(step) = steps.next().await else {
                    return;
                };
                let end = self.take(step, sender).await;
                tally.borrow_mut().take(end);
            }
        };
        // The limiter decides how many are in flight; the others write down their starts and ends. With one in flight there is one sender, so that rows keep their order.
        let mut senders: FuturesUnordered<_> = (4..5 * self.options.in_flight())
            .map(|_| sender())
            .collect();
        while senders.next().await.is_some() {}
    }

    /// Tells the pace every now and then while something is done.
    async fn tell_pace<T>(&self, limiter: &RateLimiter, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        let mut tick = interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
        let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => self.observer.notice(&Event::Pace(limiter.snapshot())),
                // Where that cannot be written, the next letter finds out.
                _ = alive.tick() => drop(self.journal.keep_alive(Timestamp::now()).await),
                done = &mut done => return done,
            }
        }
    }

    /// Looks up what is still unknown once more. Not when Altinn cannot be reached: the next run does it.
    async fn settle_unknown(&self, sender: &Sender<'_>, tally: &mut Tally<'_>) {
        let unsettled = std::mem::take(&mut tally.unsettled);
        if tally.failure.is_some() {
            return;
        }
        let settle = |sought: Lookup| async move { (sender.settle(&sought).await, sought) };
        let mut ends = std::pin::pin!(
            stream::iter(unsettled)
                .map(settle)
                .buffer_unordered(self.options.in_flight())
        );
        while let Some((end, Lookup { row, line, .. })) = ends.next().await {
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

    pub(super) async fn take(
        &self,
        step: RowStep,
        sender: &Sender<'_>,
    ) -> Result<StepResult, SendError> {
        match step {
            RowStep::Send(delivery) if sender.refused.holds(delivery.resource()) => {
                Ok(StepResult::NoLetter)
            }
            RowStep::Send(delivery) => sender.deliver(&delivery).await,
            RowStep::Skip(skip) => {
                let entry = journal::Skip {
                    row: skip.row,
                    line: skip.line,
                    name: skip.name,
                    reason: skip.reason.to_owned(),
                    at: Timestamp::now(),
                };
                match self.journal.record(skip.key, Entry::Skipped(entry)).await {
                    // Another row has the same key, and the entry; the run counts this one.
                    Ok(_) | Err(JournalError::Illegal { .. }) => Ok(StepResult::NoLetter),
                    Err(error) => Err(error.into()),
                }
            }
            RowStep::Broken(error) => Err(error),
        }
    }
}

/// No letter is begun when there is no token to be had.
async fn ask_for_token(attempts: &Attempts<'_>, tally: &mut Tally<'_>) {
    if let Some(Err(error)) = attempts.first_token().await {
        tally.halt(RunEnd::NoToken(error));
    }
}

impl Engine<'_> {
    /// The first letters go alone, one after the other: what is wrong with all of them is seen once.
    pub(super) async fn send_canaries(
        &self,
        steps: &RowSteps<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) {
        let mut accepted = 0;
        while accepted < self.options.canary && !self.stop.is_set() {
            let Some(step) = steps.next().await else {
                return;
            };
            match self.take(step, sender).await {
                Ok(StepResult::NoLetter) => {}
                Ok(StepResult::NotStarted) => tally.cut_short = true,
                Ok(StepResult::Ended(ended)) => {
                    let why = match &ended.outcome {
                        Outcome::Sent { .. }
                        | Outcome::AlreadySent { .. }
                        | Outcome::Withdrawn { .. } => None,
                        // A reserved person and a resource of several say nothing about the other letters: the next one is the canary.
                        Outcome::Reserved(_) => {
                            tally.count(*ended);
                            continue;
                        }
                        _ if matches!(ended.fatal, Some(Fatal::Resource)) => {
                            tally.count(*ended);
                            continue;
                        }
                        Outcome::Rejected(reason)
                        | Outcome::Failed(reason)
                        | Outcome::Unknown(reason) => Some(format!(
                            "the first letter (line {}) was not accepted: {reason}",
                            ended.line
                        )),
                    };
                    let network = ended.network;
                    tally.count(*ended);
                    match why {
                        Some(why) if network => tally.halt(RunEnd::Unreachable(why)),
                        Some(why) => tally.halt(RunEnd::Stopped(why)),
                        None => accepted += 1,
                    }
                }
                Err(error) => tally.fail(error),
            }
        }
    }
}
