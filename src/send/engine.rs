//! The run: shared files, canary, the rest, and what is still unknown.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};

use super::attachments::{UploadEnd, Uploads};
use super::attempt::Attempts;
use super::delivery::Sender;
use super::letters::Letters;
use super::lookup::{Lookup, LookupResult};
use super::planner::Planner;
use super::rate_limiter::RateLimiter;
use super::reconcile::{Reconciler, ResumeState};
use super::second_letter_check::SecondLetterCheck;
use super::signals::{RefusedResources, ServerContact};
use super::tally::Tally;
use super::{Event, Observer, Options, Reconciled, RunEnd, SendError, Stop, Summary};
use crate::altinn::Client;
use crate::journal::{self, Journal, Outcome};
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
        let letters = Letters::new(steps, self.journal, &refused);
        if let (true, false, Some(resource)) = (outstanding, self.stop.is_set(), resource)
            && (uploads.are_on_record(&resource, &checked.shared)?
                || self.recover_letters(&letters, &sender, &mut tally).await)
            && !self.stop.is_set()
        {
            self.upload_shared(&uploads, &resource, checked, &mut tally)
                .await;
        }
        self.send_canaries(&letters, &sender, &mut tally).await;
        self.send_rest(&letters, &sender, &mut tally).await;
        self.settle_unknown(&sender, &mut tally).await;
        if tally.is_given_up()
            && let Err(error) = uploads.give_up().await
        {
            tally.fail(error);
        }
        // Else the next run finds out about the letters of the blocks that are open.
        if tally.is_accounted_for
            && let Err(error) = self.journal.close_blocks().await
        {
            tally.fail(error.into());
        }
        let (ended, recovered) = (tally.ended, std::mem::take(&mut tally.recovered));
        let ending = tally.finish(letters.are_used_up(), &refused)?;
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
    /// lost, copies of the files would be left at Altinn that no letter has and that never expire. A first run costs this one request more. True when letters are left.
    async fn recover_letters(
        &self,
        letters: &Letters<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        let mut size = 1;
        loop {
            if let Err(error) = letters.open_block(size).await {
                tally.fail(error);
            }
            let block: Vec<_> = std::iter::from_fn(|| letters.next()).collect();
            if block.is_empty() {
                return false;
            }
            let found = block
                .iter()
                .map(|letter| sender.look_up(&letter.delivery, 1));
            let found = join_all(found).await;
            let recovered = found.iter().map_while(|found| match found {
                LookupResult::Ours(found) => Some(found),
                _ => None,
            });
            let recovered = recovered.zip(&block);
            let recovered = recovered.map(|(found, letter)| sender.record_found(letter, found));
            let recovered = join_all(recovered).await;
            let rest: Vec<_> = block.into_iter().skip(recovered.len()).collect();
            for end in recovered {
                tally.take(end);
            }
            if !rest.is_empty() {
                letters.put_back(rest);
                return true;
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
                UploadEnd::Not(unaccepted) => tally.halt_without(name, *unaccepted),
                UploadEnd::Journal(error) => tally.fail(error),
            }
            return;
        }
    }

    /// Only here is anything concurrent: blocks are opened ahead of the letters, and as many letters are under way as the limiter lets begin.
    async fn send_rest(&self, letters: &Letters<'_>, sender: &Sender<'_>, tally: &mut Tally<'_>) {
        let attempts = sender.attempts;
        let mut deliveries = FuturesUnordered::new();
        let blocks = letters.open_blocks(|| attempts.limiter.block_size());
        let mut blocks = std::pin::pin!(blocks);
        let mut all_opened = false;
        loop {
            let goes_on = !self.stop.is_set() && attempts.may_begin();
            tokio::select! {
                biased;
                Some(end) = deliveries.next() => tally.take(end),
                begun = attempts.begin(), if goes_on && !letters.is_empty() => {
                    let letter = begun.and_then(|begun| Some((letters.next()?, begun)));
                    deliveries.extend(letter.map(|(letter, begun)| sender.deliver(letter, begun)));
                }
                opened = &mut blocks, if goes_on && !all_opened => {
                    all_opened = true;
                    if let Err(error) = opened {
                        tally.fail(error);
                    }
                }
                () = letters.arrived(), if goes_on && !all_opened => {}
                () = self.stop.wait(), if goes_on && !all_opened => {}
                else => break,
            }
        }
        // A block that was about to be opened may have had the last rows.
        tally.cut_short |= !all_opened;
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
        let settle = |lookup: Lookup| async move {
            let settled = lookup.settle(sender.client, sender.attempts, self.journal, || false);
            (settled.await, lookup)
        };
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
                Err(error) => return tally.fail(error.into()),
            }
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
    async fn send_canaries(
        &self,
        letters: &Letters<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) {
        let mut accepted = 0;
        while accepted < self.options.canary && !self.stop.is_set() {
            if letters.is_empty()
                && let Err(error) = letters.open_block(1).await
            {
                return tally.fail(error);
            }
            let Some(letter) = letters.next() else {
                return;
            };
            let Some(begun) = sender.attempts.begin().await else {
                return letters.put_back(vec![letter]);
            };
            let end = match sender.deliver(letter, begun).await {
                Ok(Some(end)) => end,
                other => {
                    tally.take(other);
                    continue;
                }
            };
            // A reserved person and a resource of several say nothing about the other letters: the next one is the canary.
            let says_nothing = end.closes_resource || matches!(end.outcome, Outcome::Reserved(_));
            let why = end.outcome.reason().map(|reason| {
                format!(
                    "the first letter (line {}) was not accepted: {reason}",
                    end.line
                )
            });
            let network = end.network;
            tally.count(end);
            match why {
                _ if says_nothing => {}
                Some(why) if network => tally.halt(RunEnd::Unreachable(why)),
                Some(why) => tally.halt(RunEnd::Stopped(why)),
                None => accepted += 1,
            }
        }
    }
}
