//! The phases of a run: reconciling, shared files, canaries, the other letters, and look-ups of unknown ones.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};

use super::attachments::{UploadEnd, Uploads};
use super::attempt::{Attempts, Session};
use super::delivery::{Consequence, DeliveryEnd, Sender};
use super::letters::{Letter, Letters};
use super::lookup::{Lookup, LookupResult};
use super::planner::Planner;
use super::rate_limiter::RateLimiter;
use super::reconcile::{ResumeState, reconcile};
use super::run_end::BROKEN_OFF;
use super::second_letter_check::refuse_second_letters;
use super::signals::{RefusedResources, ServerContact};
use super::tally::Tally;
use super::{Event, Observer, Options, RunEnd, SendError, Stop, Summary};
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

/// The largest number of letters that wait until the canaries are sent. When there are more, the run goes on without a canary: its circuit breaker is left.
const LARGEST_WAIT: usize = 256;

/// Interval of `Event::Pace`.
const TELL_EVERY: Duration = Duration::from_millis(250);

impl Engine<'_> {
    /// Sends all outstanding letters. When this returns, the outcome of every letter that was begun is in the journal.
    ///
    /// # Errors
    ///
    /// Only before the first letter. A later error is the run's end, [`RunEnd::Broken`]; letters in flight are finished first.
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
        let (mailing, checked) = (planner.mailing, planner.checked);
        let prepared = async {
            // Before reconciling, which writes to the journal.
            refuse_second_letters(session, mailing, checked, &resume).await?;
            reconcile(session, mailing, checked, resume).await
        };
        let (resume, reconciled) = match prepared.await {
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
        let recorded = recorded.await;
        ended.map(|summary| match (recorded, &summary.ending) {
            // The run's own error comes first: it may be the cause of this one.
            (Ok(()), _) | (Err(_), RunEnd::Broken(_)) => summary,
            (Err(error), _) => Summary {
                ending: RunEnd::Broken(error.into()),
                ..summary
            },
        })
    }

    /// Sends the letters, phase by phase, and returns the numbers of the run.
    async fn send(
        &self,
        session: Session<'_>,
        planner: Planner<'_, '_>,
        resume: ResumeState,
    ) -> Result<Summary, SendError> {
        let (mailing, checked) = (planner.mailing, planner.checked);
        let wanted = &self.options.wanted;
        let chosen = checked.choose(wanted, |position| resume.passes(position));
        self.observer.notice(&Event::Began {
            letters: chosen.letters + chosen.settled,
            settled: chosen.settled,
        });
        let uploads = Uploads::new(session);
        let refused = RefusedResources::new(mailing.resource().is_none());
        // Without `--rows` only the letters that this run tries were asked for.
        let unsent = match &wanted.rows {
            rows if rows.is_all() => 0,
            rows => resume.unsent(rows),
        };
        // Before the token is asked for: reading past settled rows takes as long as the answer.
        let steps = planner.begin(chosen.rows, resume.into_passed(), self.stop)?;
        let mut run = Run {
            sender: Sender {
                session,
                uploads: &uploads,
                refused: &refused,
            },
            letters: Letters::new(steps, self.journal, &refused),
            tally: Tally::new(self.options.max_failures, self.observer, self.stop),
        };
        // A run without letters needs no token.
        if chosen.letters > 0 {
            // Without a token the run stops before any letter.
            if let Some(Err(error)) = session.attempts.first_token().await {
                run.tally.halt(RunEnd::NoToken(error));
            }
            // In a mailing with several resources the letters upload their files themselves.
            if let Some(resource) = mailing.resource() {
                run.prepare_files(resource, checked).await?;
            }
        }
        run.send_canaries().await;
        run.send_rest().await;
        // Last, so that lost requests have had the most time to take effect.
        run.settle_unknown().await;
        let (letters, mut tally) = (run.letters, run.tally);
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
        let is_part = *wanted != RowFilter::default();
        let unsent = is_part.then_some(unsent + tally.unsent);
        Ok(Summary {
            settled: chosen.settled,
            unsent,
            left_out: chosen.left_out,
            ..tally.finish(letters.are_used_up(), &refused)
        })
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
}

/// A run in progress: the letters that are left, and what has become of the others.
struct Run<'a> {
    sender: Sender<'a>,
    letters: Letters<'a>,
    tally: Tally<'a>,
}

impl Run<'_> {
    /// Uploads the files that all letters share, when letters are left to send.
    async fn prepare_files(
        &mut self,
        resource: &str,
        checked: &CheckReport,
    ) -> Result<(), SendError> {
        let uploads = self.sender.uploads;
        if !self.is_stopped()
            && (uploads.are_on_record(resource, &checked.shared)? || self.recover_letters().await)
            && !self.is_stopped()
        {
            self.upload_shared(resource, checked).await;
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.sender.session.attempts.stop.is_set()
    }

    /// Looks the letters up at Altinn, up to the first that is missing, before files without a recorded upload are uploaded. After a lost journal, uploading first could
    /// leave copies at Altinn that no letter has and that never expire. Costs a first run one request. True when letters are left to send.
    async fn recover_letters(&mut self) -> bool {
        let (sender, letters, tally) = (self.sender, &self.letters, &mut self.tally);
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
            let lookups: Vec<Lookup> = block
                .iter()
                .map(|letter| (&*letter.delivery).into())
                .collect();
            let found = lookups
                .iter()
                .map(|lookup| lookup.look_up(sender.session, 1));
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
            size = (size * 2).min(sender.session.options.in_flight());
        }
    }

    /// Uploads the files that all letters share. When one is refused, no letter is sent.
    async fn upload_shared(&mut self, resource: &str, checked: &CheckReport) {
        let (session, uploads) = (self.sender.session, self.sender.uploads);
        // Concurrent, within the manifest's limit on parallel uploads.
        let mut ends = std::pin::pin!(
            stream::iter(&checked.shared)
                .map(|file| async move { (file, uploads.id(resource, file).await) })
                .buffer_unordered(session.options.attachments.parallel.get())
        );
        while let Some((file, end)) = ends.next().await {
            let Err(end) = end else {
                continue;
            };
            let name = &file.attachment.file_name;
            match end {
                UploadEnd::Unaccepted(unaccepted) => self.tally.halt_without(name, *unaccepted),
                UploadEnd::Journal(error) => self.tally.fail(error),
            }
            return;
        }
    }

    /// Sends letters concurrently, as many as the limiter lets begin, and opens blocks ahead of them. The only place where several letters are sent at once; runs on one task,
    /// so that the tally needs no lock.
    async fn send_rest(&mut self) {
        let (sender, letters, tally) = (&self.sender, &self.letters, &mut self.tally);
        let attempts = sender.session.attempts;
        let mut deliveries = FuturesUnordered::new();
        let blocks = letters.open_blocks(|| attempts.limiter.block_size());
        let mut blocks = std::pin::pin!(blocks);
        let mut all_opened = false;
        loop {
            // Once this is false nothing begins, and the loop ends when the deliveries in flight have ended.
            let goes_on = !attempts.stop.is_set() && attempts.may_begin();
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
                () = letters.arrived.notified(), if goes_on && !all_opened => {}
                () = attempts.stop.wait(), if goes_on && !all_opened => {}
                else => break,
            }
        }
        // The future that is dropped here may hold the last rows, which the planner counts as handed out.
        tally.cut_short |= !all_opened;
    }

    /// Looks up each letter that ended as unknown once more. Ends at the first look-up that fails; the next run then does it.
    async fn settle_unknown(&mut self) {
        let (session, tally) = (self.sender.session, &mut self.tally);
        let unsettled = std::mem::take(&mut tally.unsettled);
        // A person who interrupts the run does not wait for more answers.
        let is_interrupted = session.attempts.stop.is_set() && tally.ending.is_none();
        if is_interrupted || tally.failure.is_some() {
            return;
        }
        let settle = |lookup: Lookup| async move {
            // Never final: a request lost in this run may still take effect for some minutes.
            let settled = lookup.settle(session, || false);
            (settled.await, lookup)
        };
        let mut ends = std::pin::pin!(
            stream::iter(unsettled)
                .map(settle)
                .buffer_unordered(session.options.in_flight())
        );
        while let Some((end, Lookup { row, line, .. })) = ends.next().await {
            match end {
                Ok(Ok(Some(state))) => {
                    let sent = u64::from(state.is_sent());
                    tally.unsent = tally.unsent.saturating_sub(sent);
                    let settled = Event::Settled { row, line, state };
                    session.attempts.observer.notice(&settled);
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

    /// Sends the canaries, one after the other, until enough are accepted. An error that concerns all letters then occurs only once. A letter that an earlier run has tried with
    /// the same text is no canary, since it would fail again and say nothing of the others.
    async fn send_canaries(&mut self) {
        let (options, attempts) = (self.sender.session.options, self.sender.session.attempts);
        let (mut accepted, mut tried_before) = (0, Vec::new());
        while accepted < options.canary && tried_before.len() < LARGEST_WAIT && !self.is_stopped() {
            let Some(letter) = self.next_alone().await else {
                break;
            };
            if letter.before.has_this_text {
                tried_before.push(letter);
                continue;
            }
            let Some(begun) = attempts.begin().await else {
                tried_before.push(letter);
                break;
            };
            match self.sender.deliver(letter, begun).await {
                Ok(Some(end)) => {
                    let others_wait = !tried_before.is_empty();
                    accepted += u64::from(self.try_canary(end, others_wait).await);
                }
                other => self.tally.take(other),
            }
        }
        self.letters.put_back(tried_before);
    }

    /// Counts a canary, and stops the run when it was refused and other letters are left, those that wait among them. True when it was accepted.
    async fn try_canary(&mut self, end: DeliveryEnd, others_wait: bool) -> bool {
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
        self.tally.count(end);
        let Some(why) = why else {
            return true;
        };
        if says_nothing || self.is_stopped() {
            return false;
        }
        if !others_wait {
            // The only letter: nothing is left to be stopped.
            let Some(next) = self.next_alone().await else {
                return false;
            };
            self.letters.put_back(vec![next]);
        }
        // Without a network the letter itself is not to blame, and the message says so.
        self.tally.halt(if network {
            RunEnd::Unreachable(why)
        } else {
            RunEnd::Stopped(why)
        });
        false
    }

    /// The next letter. Opens a block of one for it: a refused canary then leaves no other letter in an open block.
    async fn next_alone(&mut self) -> Option<Letter> {
        if self.letters.is_empty()
            && let Err(error) = self.letters.open_block(1).await
        {
            self.tally.fail(error);
        }
        self.letters.next()
    }
}
