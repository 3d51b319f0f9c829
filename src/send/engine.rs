//! The phases of a run: reconciling, shared files, canaries, the other letters, and look-ups of unknown ones.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};

use super::attachments::{UploadEnd, Uploads};
use super::attempt::Attempts;
use super::delivery::{Consequence, DeliveryEnd, Sender};
use super::letters::{Letter, Letters};
use super::lookup::{Lookup, LookupResult};
use super::planner::Planner;
use super::rate_limiter::RateLimiter;
use super::reconcile::{ResumeState, reconcile};
use super::run_end::BROKEN_OFF;
use super::second_letter_check::refuse_second_letters;
use super::session::Session;
use super::signals::{RefusedResources, ServerContact};
use super::tally::Tally;
use super::{Event, Observer, Options, Reconciled, RunEnd, SendError, Stop, Summary};
use crate::altinn::Client;
use crate::journal::{EndedRun, Journal, Outcome};
use crate::plan::{CheckReport, RowFilter};

/// Everything that a run needs apart from the plan.
pub(crate) struct Engine<'a> {
    pub client: &'a Client,
    pub journal: &'a Journal,
    pub options: &'a Options,
    pub observer: &'a dyn Observer,
    /// Set from outside to interrupt the run, and by the run itself when it ends early.
    pub stop: &'a Stop,
}

/// Interval at which the journal records that the run is alive. When the process dies, the time of a retried letter's last request is known with this
/// precision, which is small beside `SETTLED_AFTER`.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Interval of `Event::Pace`.
const TELL_EVERY: Duration = Duration::from_millis(250);

impl Engine<'_> {
    /// Sends all outstanding letters. When this returns, the outcome of every letter that was begun is in the journal.
    ///
    /// # Errors
    ///
    /// An error ends the run; letters in flight are finished first.
    pub(crate) async fn run(
        &self,
        planner: Planner<'_, '_>,
        resume: ResumeState,
    ) -> Result<Summary, SendError> {
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
        let session = Session {
            client: self.client,
            journal: self.journal,
            options: self.options,
            attempts: &attempts,
        };
        let (resume, reconciled) = match prepare(session, &planner, resume).await {
            // A stopped run has not asked Altinn everything, so these findings may be wrong.
            Err(SendError::Changed(_) | SendError::SecondLetters(_)) if self.stop.is_set() => {
                return Ok(Summary {
                    ending: RunEnd::Interrupted,
                    ..Summary::default()
                });
            }
            reconciled => reconciled?,
        };
        let sent = self.send(session, planner, resume);
        let ended = self.tell_pace(&limiter, sent).await;
        let ended = ended.map(|summary| Summary {
            reconciled,
            ..summary
        });
        let (how, reason) = match &ended {
            Ok(summary) => summary.ending.recorded(),
            Err(error) => (BROKEN_OFF, Some(error.to_string())),
        };
        let recorded = self.journal.end_run(EndedRun {
            at: Timestamp::now(),
            how: how.to_owned(),
            reason,
        });
        // The run's own error comes first: it may be the cause of this one.
        match (recorded.await, ended) {
            (Err(error), Ok(_)) => Err(error.into()),
            (_, ended) => ended,
        }
    }

    /// Sends the letters, phase by phase, and returns the numbers of the run.
    async fn send(
        &self,
        session: Session<'_>,
        planner: Planner<'_, '_>,
        resume: ResumeState,
    ) -> Result<Summary, SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let chosen = checked.choose(&self.options.wanted, |position| resume.passes(position));
        self.observer.notice(&Event::Began {
            letters: chosen.letters + chosen.settled,
            settled: chosen.settled,
        });
        let uploads = Uploads::new(session);
        let refused = RefusedResources::new(mailing.resource().is_none());
        let sender = Sender {
            session,
            uploads: &uploads,
            refused: &refused,
        };
        let mut tally = Tally::new(self.options.max_failures, self.observer, self.stop);
        let outstanding = chosen.letters > 0;
        // Without `--rows` only the letters that this run tries were asked for.
        let wanted = &self.options.wanted.rows;
        let refused_before = if wanted.is_all() {
            0
        } else {
            resume.unsent(wanted)
        };
        let resource = mailing.resource().map(str::to_owned);
        // Before the token is asked for: reading past settled rows takes as long as the answer.
        let steps = planner.begin(chosen.rows, resume.into_passed(), self.stop)?;
        // A run without letters needs no token.
        if outstanding {
            ask_for_token(session.attempts, &mut tally).await;
        }
        let letters = Letters::new(steps, self.journal, &refused);
        // In a mailing with several resources the letters upload their files themselves.
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
        // Last, so that lost requests have had the most time to take effect.
        self.settle_unknown(&sender, &mut tally).await;
        if tally.is_given_up()
            && let Err(error) = uploads.delete_unused().await
        {
            tally.fail(error);
        }
        // Only now is it certain that letters without an outcome were not sent. Otherwise the blocks stay open, and the next run looks these letters up.
        if tally.is_accounted_for
            && let Err(error) = self.journal.close_blocks().await
        {
            tally.fail(error.into());
        }
        let (ended, recovered) = (tally.ended, std::mem::take(&mut tally.recovered));
        let code_of_file = tally.code_of_file;
        let is_part = self.options.wanted != RowFilter::default();
        let unsent = is_part.then_some(refused_before + tally.unsent);
        let ending = tally.finish(letters.are_used_up(), &refused)?;
        Ok(Summary {
            ending,
            code_of_file,
            ended,
            recovered,
            settled: chosen.settled,
            unsent,
            left_out: chosen.left_out,
            ..Summary::default()
        })
    }

    /// Looks the letters up at Altinn, up to the first that is missing, before files without a recorded upload are uploaded. After a lost journal, uploading first could
    /// leave copies at Altinn that no letter has and that never expire. Costs a first run one request. True when letters are left to send.
    async fn recover_letters(
        &self,
        letters: &Letters<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        // One letter first, since in a first run it is missing; then more and more at a time.
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
            // Later ones may have been sent too; sending them again finds them by their keys.
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

    /// Uploads the files that all letters share. When one is refused, no letter is sent.
    async fn upload_shared(
        &self,
        uploads: &Uploads<'_>,
        resource: &str,
        checked: &CheckReport,
        tally: &mut Tally<'_>,
    ) {
        // Concurrent, within the manifest's limit on parallel uploads.
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
                UploadEnd::Unaccepted(unaccepted) => tally.halt_without(name, *unaccepted),
                UploadEnd::Journal(error) => tally.fail(error),
            }
            return;
        }
    }

    /// Sends letters concurrently, as many as the limiter lets begin, and opens blocks ahead of them. The only place where several letters are sent at once; runs on one task,
    /// so that the tally needs no lock.
    async fn send_rest(&self, letters: &Letters<'_>, sender: &Sender<'_>, tally: &mut Tally<'_>) {
        let attempts = sender.session.attempts;
        let mut deliveries = FuturesUnordered::new();
        let blocks = letters.open_blocks(|| attempts.limiter.block_size());
        let mut blocks = std::pin::pin!(blocks);
        let mut all_opened = false;
        loop {
            // Once this is false nothing begins, and the loop ends when the deliveries in flight have ended.
            let goes_on = !self.stop.is_set() && attempts.may_begin();
            tokio::select! {
                // Outcomes first: one of them may stop the run before another letter begins.
                biased;
                Some(end) = deliveries.next() => tally.take(end),
                // `begun` counts the letter against the limiter until its last attempt has ended.
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
                // These two only wake the loop, which then evaluates the conditions again.
                () = letters.arrived(), if goes_on && !all_opened => {}
                () = self.stop.wait(), if goes_on && !all_opened => {}
                else => break,
            }
        }
        // The future that is dropped here may hold the last rows, which the planner counts as handed out.
        tally.cut_short |= !all_opened;
    }

    /// Reports the pace, and records that the run is alive, at intervals until `done` completes.
    async fn tell_pace<T>(&self, limiter: &RateLimiter, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        let mut tick = interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
        let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
        loop {
            tokio::select! {
                biased;
                // Ticks first: otherwise a run that is always ready would delay them.
                _ = tick.tick() => self.observer.notice(&Event::Pace(limiter.snapshot())),
                // The error is ignored here: the next entry of a letter gets it too.
                _ = alive.tick() => drop(self.journal.keep_alive(Timestamp::now()).await),
                done = &mut done => return done,
            }
        }
    }

    /// Looks up each letter that ended as unknown once more. Ends at the first look-up that fails; the next run then does it.
    async fn settle_unknown(&self, sender: &Sender<'_>, tally: &mut Tally<'_>) {
        let unsettled = std::mem::take(&mut tally.unsettled);
        // A person who interrupts the run does not wait for more answers.
        let is_interrupted = self.stop.is_set() && tally.ending.is_none();
        if is_interrupted || tally.failure.is_some() {
            return;
        }
        let settle = |lookup: Lookup| async move {
            // Never final: a request lost in this run may still take effect for some minutes.
            let settled = lookup.settle(sender.session, || false);
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
                    let sent = u64::from(state.is_sent());
                    tally.unsent = tally.unsent.saturating_sub(sent);
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

/// Reconciles the state of every row with Altinn. Refuses second letters and changed letters. Nothing is sent.
async fn prepare(
    session: Session<'_>,
    planner: &Planner<'_, '_>,
    resume: ResumeState,
) -> Result<(ResumeState, Reconciled), SendError> {
    let (mailing, checked) = (planner.mailing, planner.checked);
    // Before reconciling, which writes to the journal.
    refuse_second_letters(session, mailing, checked, &resume).await?;
    reconcile(session, mailing, checked, resume).await
}

/// Fetches the first token. Without one the run stops before any letter.
async fn ask_for_token(attempts: &Attempts<'_>, tally: &mut Tally<'_>) {
    if let Some(Err(error)) = attempts.first_token().await {
        tally.halt(RunEnd::NoToken(error));
    }
}

impl Engine<'_> {
    /// Sends the canaries, one after the other, until enough are accepted. An error that concerns all letters then occurs only once. A letter that an earlier run has tried with
    /// the same text is no canary, since it would fail again and say nothing of the others.
    async fn send_canaries(
        &self,
        letters: &Letters<'_>,
        sender: &Sender<'_>,
        tally: &mut Tally<'_>,
    ) {
        let (mut accepted, mut tried_before) = (0, Vec::new());
        while accepted < self.options.canary
            && tried_before.len() < LARGEST_WAIT
            && !self.stop.is_set()
        {
            let Some(letter) = next_alone(letters, tally).await else {
                break;
            };
            if letter.before.has_this_text {
                tried_before.push(letter);
                continue;
            }
            let Some(begun) = sender.session.attempts.begin().await else {
                tried_before.push(letter);
                break;
            };
            match sender.deliver(letter, begun).await {
                Ok(Some(end)) => {
                    let others_wait = !tried_before.is_empty();
                    let end = self.try_canary(end, others_wait, letters, tally);
                    accepted += u64::from(end.await);
                }
                other => tally.take(other),
            }
        }
        letters.put_back(tried_before);
    }

    /// Counts a canary, and stops the run when it was refused and other letters are left, those that wait among them. True when it was accepted.
    async fn try_canary(
        &self,
        end: DeliveryEnd,
        others_wait: bool,
        letters: &Letters<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        // A reservation, or a refusal of one resource among several, does not concern the other letters: the next one becomes the canary.
        let says_nothing = matches!(end.consequence, Consequence::ClosesResource)
            || matches!(end.outcome, Outcome::Reserved(_));
        let why = end.outcome.reason().map(|reason| {
            format!(
                "the letter of line {} went first, to try the mailing, and was not accepted: {reason}",
                end.line
            )
        });
        let network = matches!(end.consequence, Consequence::NoNetwork);
        tally.count(end);
        let Some(why) = why else {
            return true;
        };
        if says_nothing || self.stop.is_set() {
            return false;
        }
        if !others_wait {
            // The only letter: nothing is left to be stopped.
            let Some(next) = next_alone(letters, tally).await else {
                return false;
            };
            letters.put_back(vec![next]);
        }
        // Without a network the letter itself is not to blame, and the message says so.
        tally.halt(if network {
            RunEnd::Unreachable(why)
        } else {
            RunEnd::Stopped(why)
        });
        false
    }
}

/// The largest number of letters that wait until the canaries are sent. When there are more, the run goes on without a canary: its circuit breaker is left.
const LARGEST_WAIT: usize = 256;

/// The next letter. Opens a block of one for it: a refused canary then leaves no other letter in an open block.
async fn next_alone(letters: &Letters<'_>, tally: &mut Tally<'_>) -> Option<Letter> {
    if letters.is_empty()
        && let Err(error) = letters.open_block(1).await
    {
        tally.fail(error);
    }
    letters.next()
}
